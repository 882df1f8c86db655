#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run parity ...: run the first 20 test mixtures through ligero and PyTorch and compare the results
set -eu
. platforms/jobs/lib/python.sh

build_tools ligero_shared >&2
python_job evaluate.parity "$@"
