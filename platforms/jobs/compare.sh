#!/bin/sh
# ./run compare NAME ...: train networks alike for the same steps and score them (ligero_torch.compare)
set -eu
. platforms/jobs/lib/python.sh

python_job compare "$@"
