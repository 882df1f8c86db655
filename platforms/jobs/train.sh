#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run train NAME ...: train the recipe NAME (ligero_torch.train.separator --recipe NAME ...)
set -eu
. platforms/jobs/lib/python.sh

[ $# -ge 1 ] || fail "train: expected the name of a recipe in model/torch/recipes"
recipe=$1
shift
python_job train.separator --recipe "$recipe" "$@"
