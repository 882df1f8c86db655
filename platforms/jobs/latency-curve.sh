#!/bin/sh
# ./run latency-curve: what block-online processing loses at which latency, as a table
set -eu
. platforms/jobs/lib/python.sh

build_tools >&2
python_job latency_curve "$@"
