# SPDX-License-Identifier: Apache-2.0
# Which Debian packages the jobs need, and how missing ones are installed.
# shellcheck shell=sh disable=SC2034  # the jobs use the lists
. platforms/jobs/lib/base.sh

tools_packages="g++ cmake ninja-build libhwy-dev libflatbuffers-dev flatbuffers-compiler
    libsndfile1-dev libcli11-dev nlohmann-json3-dev zlib1g-dev libeigen3-dev
    libspeexdsp-dev"
# Beyond the tools: tests, the live tool's sound device, the plug-in.
rest_packages="doctest-dev pkgconf portaudio19-dev ladspa-sdk"
apt_options=

# The names among "$@" that are not installed.
missing_packages() {
    for package in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || :) in
            *" installed") ;;
            *) printf '%s ' "$package" ;;
        esac
    done
}

# Sets how commands are run as root: "" as root, "sudo" otherwise. False where there is neither.
find_root() {
    as_root=
    [ "$(id -u)" != 0 ] || return 0
    as_root=sudo
    command -v sudo >/dev/null 2>&1
}

# install_packages NAME...: installs those that are missing, or fails with the command to type.
install_packages() {
    if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
        say "this is no Debian system; expecting these to be there, by whatever name: $*"
        return 0
    fi
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    by_hand="apt-get install --no-install-recommends $missing"
    find_root || fail "these packages are missing, and there is no sudo to install them: $missing
run: as root, type: $by_hand"
    say "installing with ${as_root:+$as_root }apt-get: $missing"
    mkdir -p build
    # shellcheck disable=SC2086  # lists of words
    { $as_root apt-get $apt_options update && $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get $apt_options install -y --no-install-recommends $missing; } >build/apt.log 2>&1 || {
        tail -n 15 build/apt.log >&2
        fail "apt-get could not install: $missing(all it said: build/apt.log)
run: as root, type: $by_hand"
    }
    rm -f build/*/build.ninja # what was not found before may be found now
}
