#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run compare NAME ...: train networks alike, for the same steps, and score them (ligero_torch.train.compare)
set -eu
. platforms/jobs/lib/python.sh

python_job train.compare "$@"
