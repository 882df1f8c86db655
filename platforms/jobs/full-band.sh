#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run full-band ...: measure how a voice is kept, and an interferer lowered, above 8 kHz (--voices FOLDER)
set -eu
. platforms/jobs/lib/python.sh

build_tools >&2
python_job evaluate.full_band "$@"
