#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run soak [MINUTES]: run a live session on 60 minutes each of speech, silence, noise, NaN ...
set -eu
. platforms/jobs/lib/build.sh

# shellcheck disable=SC2086
install_packages $tools_packages $rest_packages
build_targets ligero_soak
"$build/tests/ligero_soak" "$@"
