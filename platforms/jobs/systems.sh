#!/bin/sh
# ./run systems [--json]: every form of every system: parameters, cost, speed, latency, memory
set -eu
. platforms/jobs/lib/python.sh

build_tools >&2
python_job costs "$@"
