#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# emulate.sh arm64|armhf SYSROOT PROGRAM ARGUMENTS...: runs a program of that architecture under qemu-user, on
# the processor LIGERO_EMULATED_CPU (as qemu calls it; max: everything qemu knows).
arch=$1
sysroot=$2
shift 2
case $arch in
    arm64) qemu="qemu-aarch64" ;;
    *) qemu="qemu-arm" ;;
esac
exec "$qemu" -cpu "${LIGERO_EMULATED_CPU:-max}" -L "$sysroot" "$@"
