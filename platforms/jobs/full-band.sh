#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run full-band --voices FOLDER: how a voice's sound above 8 kHz is kept, and an interferer's lowered, as a table
set -eu
. platforms/jobs/lib/python.sh

build_tools >&2
python_job evaluate.full_band "$@"
