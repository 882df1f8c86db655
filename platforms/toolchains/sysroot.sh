#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sysroot.sh arm64|armhf FOLDER: unpacks into FOLDER the C library and the other libraries that ligero is
# built against, as Debian packages them for that architecture. Needs apt and no root: this machine's
# own packages stay as they are. DEBIAN_MIRROR and DEBIAN_SUITE choose where from, SYSROOT_PACKAGES what.
set -eu
arch=${1:?expected arm64 or armhf}
folder=${2:?expected a folder}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
suite=${DEBIAN_SUITE:-bookworm}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
packages=${SYSROOT_PACKAGES:-"libc6-dev libstdc++-12-dev linux-libc-dev libhwy-dev libflatbuffers-dev libsndfile1-dev
    libcli11-dev nlohmann-json3-dev zlib1g-dev libspeexdsp-dev portaudio19-dev
    ladspa-sdk doctest-dev libeigen3-dev"}
case $arch in
    arm64 | armhf) ;;
    *) echo "sysroot.sh: expected arm64 or armhf, not '$arch'" >&2 && exit 1 ;;
esac
# shellcheck disable=SC2086  # a list of names
wanted=$(printf '%s ' "$mirror" "$suite" $packages)
[ "$(cat "$folder/made-of" 2>/dev/null)" != "$wanted" ] || exit 0

rm -rf "$folder"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
apt=$folder/apt
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/etc/apt.conf.d" "$apt/etc/preferences.d"
: >"$apt/status"
cat >"$apt/sources.list" <<LIST
deb [signed-by=$keyring] $mirror $suite main
deb [signed-by=$keyring] $mirror-security $suite-security main
LIST
# One architecture, nothing installed, everything under FOLDER.
cat >"$apt/apt.conf" <<CONF
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc "$apt/etc";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
CONF
export APT_CONFIG="$apt/apt.conf"
# A list that cannot be had (a mirror in the middle of its own update) is missed only where its packages are.
apt-get update >"$folder.log" 2>&1 ||
    echo "sysroot.sh: not every list of packages could be fetched (which: $folder.log)" >&2
# shellcheck disable=SC2086  # a list of names
apt-get install -y --download-only $packages >>"$folder.log" 2>&1 || {
    tail -n 15 "$folder.log" >&2
    echo "sysroot.sh: Debian's packages for $arch could not be fetched from $mirror (all it said: $folder.log)" >&2
    exit 1
}
for package in "$apt"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$folder"
done
# Links that are meant from the root of a system.
find "$folder" -type l -lname '/*' | while read -r link; do
    ln -srfT "$folder$(readlink "$link")" "$link"
done
rm -rf "$apt"
printf '%s' "$wanted" >"$folder/made-of"
