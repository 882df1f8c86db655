#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run latency-curve: measure what block processing loses at each latency, as a table
set -eu
. platforms/jobs/lib/python.sh

build_tools >&2
python_job evaluate.latency_curve "$@"
