#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run build: build everything into build/native
set -eu
. platforms/jobs/lib/build.sh

build_all
