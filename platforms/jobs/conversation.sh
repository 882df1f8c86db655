#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run conversation ...: measure pauses, onsets and the activity in minutes of talk (--ligero MODEL)
set -eu
. platforms/jobs/lib/python.sh

build_tools ligero_shared >&2
python_job evaluate.conversation "$@"
