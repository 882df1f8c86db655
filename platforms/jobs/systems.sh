#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run systems [--json]: print parameters, cost, speed, latency and memory of every form of every system
set -eu
. platforms/jobs/lib/python.sh

build_tools >&2
python_job bench.costs "$@"
