# SPDX-License-Identifier: Apache-2.0
# Builds for ARM: compiler, libraries, presets, and models for them.
# shellcheck shell=sh disable=SC2034  # the jobs use these
. platforms/jobs/lib/build.sh

# This machine's tools, whatever preset is built.
host_ligero=$ligero
host_convert=$convert

cross_packages="g++ cmake ninja-build flatbuffers-compiler"

compiler_of() {
    case $1 in
        arm64) echo g++-aarch64-linux-gnu ;;
        armhf) echo g++-arm-linux-gnueabihf ;;
    esac
}

# prepare_cross ARCH: compiler and libraries.
prepare_cross() {
    # shellcheck disable=SC2046,SC2086
    install_packages $cross_packages $(compiler_of "$1")
    mkdir -p build/sysroot
    platforms/toolchains/sysroot.sh "$1" "build/sysroot/$1" || fail "no libraries for $1"
}

# build_cross PRESET TESTS TARGET...: configured anew, so that one folder serves with tests and without.
build_cross() {
    use_preset "$1"
    configure -DLIGERO_BUILD_TESTS="$2"
    grep '^-- ligero: ' build/configure.log || : # what this build lacks
    shift 2
    build_targets "$@"
}

# host_model NAME WEIGHTS: model/pretrained's NAME as $models/NAME-WEIGHTS.lgm, by this machine's converter.
host_model() {
    "$host_convert" "model/pretrained/$1.safetensors" --config "model/pretrained/$1.json" --weights "$2" \
        -o "${models:?}/$1-$2.lgm" >/dev/null
}
