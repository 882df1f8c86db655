#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run card WEIGHTS: measure a model that ships and write the scores into its card
set -eu
. platforms/jobs/lib/python.sh

build_tools >&2
python_job evaluate.card "$@"
