#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# zig.sh ZIG PROGRAM TARGET ARGUMENTS...: zig's `cc`, `c++` or another program for a target such as
# aarch64-linux-gnu.2.28. Zig names processors in its own way, so the two -march options of the NEON
# kernels (platforms/cmake/isa.cmake) become zig's.
set -eu
zig=$1
program=$2
target=$3
shift 3
case $program in
    cc | c++) ;;
    *) exec "$zig" "$program" "$@" ;;
esac
count=$#
while [ "$count" != 0 ]; do
    case $1 in
        -march=armv8-a+crypto) set -- "$@" -mcpu=generic+crypto ;;
        -march=armv8.2-a+dotprod+crypto) set -- "$@" -mcpu=generic+v8_2a+dotprod+crypto ;;
        *) set -- "$@" "$1" ;;
    esac
    shift
    count=$((count - 1))
done
exec "$zig" "$program" -target "$target" "$@"
