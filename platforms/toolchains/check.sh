#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Says whether the programs beside it run on this machine, and if not, what is in the way.
arch=@ARCH@
here=$(dirname "$0")
machine=$(uname -m)
refuse() {
    echo "check.sh: $*" >&2
    exit 1
}
case $arch-$machine in
    arm64-aarch64 | armhf-armv7* | armhf-armv8* | armhf-aarch64) ;;
    *) refuse "these programs are for $arch, and this machine is $machine; expected the archive that ./run cross makes for it" ;;
esac
case $arch in
    arm64) loader=/lib/ld-linux-aarch64.so.1 ;;
    armhf) loader=/lib/ld-linux-armhf.so.3 ;;
esac
# A static build has no shared library beside it and needs no loader.
if [ -e "$here/lib/libligero.so" ] && [ ! -e "$loader" ]; then
    refuse "this system has no C library for $arch ($loader); expected the static archive here: ./run cross $arch"
fi
# What the tool of a shared archive is linked with, as Debian and Ubuntu package it.
packages="libstdc++6 libsndfile1 libspeexdsp1 libportaudio2"
said=$("$here/bin/ligero" --help 2>&1) || {
    case $said in
        *"loading shared libraries"*)
            refuse "$(printf '%s' "$said" | head -n 1); install the libraries, on Debian: apt-get install $packages; or take the static archive: ./run cross $arch"
            ;;
    esac
    refuse "ligero does not run here: $(printf '%s' "$said" | head -n 3) (where the C library is older than the program's: ./run cross $arch)"
}
for model in "$here"/models/*.lgm; do
    "$here/bin/ligero" info "$model" >/dev/null || exit 1
done
echo "ligero for $arch runs on this $machine; how fast: $here/bin/ligero bench --device"
