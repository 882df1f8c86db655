#!/bin/sh
# ./run parity ...: the first 20 test mixtures through ligero and PyTorch, side by side
set -eu
. platforms/jobs/lib/python.sh

build_tools >&2
python_job parity "$@"
