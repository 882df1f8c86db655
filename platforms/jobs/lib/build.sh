# SPDX-License-Identifier: Apache-2.0
# Configuring and building a preset, and where its programs are.
# shellcheck shell=sh disable=SC2034  # the jobs use the paths
. platforms/jobs/lib/packages.sh

# use_preset NAME: what the functions below configure and build.
use_preset() {
    preset=$1
    build=build/$preset
    ligero=$build/platforms/cli/ligero
    convert=$build/converter/ligero-convert
}
use_preset native

# configure OPTION...: the preset, anew.
configure() {
    say "configuring preset $preset into $build"
    mkdir -p build
    cmake --preset "$preset" "$@" >build/configure.log 2>&1 || {
        tail -n 30 build/configure.log >&2
        fail "configuring failed (all it said: build/configure.log)"
    }
}

# build_targets TARGET...: those only; without any: everything. Configures where that was not done.
build_targets() {
    [ -f "$build/build.ninja" ] || configure
    say "building with $(nproc) cores"
    if [ $# = 0 ]; then
        cmake --build "$build" --parallel "$(nproc)"
    else
        cmake --build "$build" --parallel "$(nproc)" --target "$@"
    fi
}

build_all() {
    # shellcheck disable=SC2086
    install_packages $tools_packages $rest_packages
    build_targets
}

# build_tools TARGET...: the tool, the converter, and those.
build_tools() {
    # shellcheck disable=SC2086
    install_packages $tools_packages
    build_targets ligero ligero-convert "$@"
}
