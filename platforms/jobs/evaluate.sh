#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run evaluate ...: score a model on a list of mixtures (python -m ligero_torch.evaluate.score ...)
set -eu
. platforms/jobs/lib/python.sh

build_tools ligero_shared >&2
python_job evaluate.score "$@"
