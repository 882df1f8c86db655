#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run package: build for this system alone, and pack it as a .deb and a .tar.gz in build/packages
set -eu
. platforms/jobs/lib/build.sh

# shellcheck disable=SC2086
install_packages $tools_packages $rest_packages dpkg-dev
use_preset package
build_targets
rm -rf build/packages
cpack --config "$build/CPackConfig.cmake" -B build/packages >build/package.log 2>&1 || {
    tail -n 15 build/package.log >&2
    fail "packing failed (all it said: build/package.log)"
}
rm -rf build/packages/_CPack_Packages
say "made: $(printf '%s ' build/packages/*.deb build/packages/*.tar.gz)"
say "Depends: $(dpkg-deb --field build/packages/*.deb Depends)"
