#!/bin/sh
# ./run build: build everything into build/native
set -eu
. platforms/jobs/lib/build.sh

build_all
