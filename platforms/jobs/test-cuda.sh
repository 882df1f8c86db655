#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run test-cuda: test, time and check the CUDA backend on a machine with a GPU and nvcc, in 8 minutes;
# what cannot run for a missing tool is "skipped: ..."; a GPU that is refused is a failure
set -eu
. platforms/jobs/lib/counts.sh
. platforms/jobs/lib/python.sh

# What a GPU is needed for, in under 8 minutes: every op and network against the processor's kernels,
# times, PyTorch beside ligero, NVIDIA's checkers of memory, barriers and races; at last what a host does
# in its place. Needs no network: what is not there is skipped. Results in build/cuda/test-cuda.
cuda_least_nvcc=13
cuda_check_seconds=90             # that each of NVIDIA's checkers may take
cuda_skippable="racecheck pytorch" # what may end for want of time; all else has then failed

# nvcc_version FILE: 13.0, say.
nvcc_version() { "$1" --version 2>/dev/null | sed -n 's/.*release \([0-9][0-9]*\.[0-9]*\).*/\1/p'; }

# Sets nvcc to the first that is new enough.
find_nvcc() {
    found=
    for nvcc in "$(command -v nvcc || :)" /usr/local/cuda/bin/nvcc /usr/local/cuda-*/bin/nvcc; do
        [ -x "$nvcc" ] || continue
        version=$(nvcc_version "$nvcc")
        [ "${version%%.*}" -lt $cuda_least_nvcc ] 2>/dev/null || [ -z "$version" ] || return 0
        found="$found $nvcc (CUDA ${version:-of no version})"
    done
    say "expected nvcc of CUDA $cuda_least_nvcc or newer on PATH or in /usr/local/cuda*/bin, found${found:- none}" >&2
    exit 77 # for `./run test-all`: this machine cannot run the job
}

# What the GPUs that are here are compiled for, as CMake lists it: each capability that this nvcc knows.
# Nothing where they do not say.
capabilities() {
    known=$("$nvcc" --list-gpu-arch)
    nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null |
        sed -n 's/^ *\([0-9][0-9]*\)\.\([0-9]\) *$/\1\2/p' | sort -nu | while read -r sm; do
        ! printf '%s\n' "$known" | grep -qx "compute_$sm" || printf '%s\n' "$sm"
    done | paste -sd ';' -
}

# cached NAME: what CMake was told when $build was configured.
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt" 2>/dev/null || :; }

# For the GPUs that are here alone, where they say what they are: `./run test-cross` compiles for all. With
# whatever warnings this compiler and this nvcc have. Again where the GPUs or nvcc are others.
configure_cuda() {
    here=$(capabilities)
    if [ -f "$build/build.ninja" ] || [ -f "$build/Makefile" ]; then
        if [ "$(cached LIGERO_NVCC)" = "$nvcc" ] &&
            [ "${here:-$(cached LIGERO_CUDA_ARCHITECTURES)}" = "$(cached LIGERO_CUDA_ARCHITECTURES)" ]; then
            return 0
        fi
    fi
    say "configuring for compute capability ${here:-75 and newer} with $nvcc"
    generator=
    command -v ninja >/dev/null 2>&1 || generator="Unix Makefiles"
    rm -f "$build/CMakeCache.txt" # it keeps the libraries of another CUDA, and the generator
    cmake --preset "$preset" ${generator:+-G "$generator"} \
        ${here:+"-DLIGERO_CUDA_ARCHITECTURES=$here"} \
        -DLIGERO_WERROR=OFF -DLIGERO_NVCC="$nvcc" >build/configure.log 2>&1 || {
        tail -n 30 build/configure.log >&2
        fail "configuring failed (all it said: build/configure.log); it takes $tools_packages doctest-dev"
    }
}

# Whether there is a GPU that can be used. One that is there and is refused is a failure.
find_gpu() {
    if timeout -k 10 60 "$tests/ligero_cuda_times" --name >"$results/device" 2>&1; then
        say "on: $(cat "$results/device")"
        return 0
    fi
    if nvidia-smi -L 2>/dev/null | grep -q '^GPU' || [ -e /dev/nvidia0 ] || [ -e /dev/nvhost-gpu ]; then
        say "failed: there is a GPU, and it is refused: $(cat "$results/device")"
        nvidia-smi -L 2>/dev/null || :
        count 0 1 0
    else
        say "skipped: no GPU ($(cat "$results/device")); a host takes its place in the tests"
    fi
    return 1
}

cuda_checkers() {
    sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null) || {
        cuda_skip "memcheck, synccheck, racecheck (no compute-sanitizer)" 3
        return 0
    }
    for check in memcheck synccheck racecheck; do
        cuda_step $check $cuda_check_seconds env LIGERO_TEST_PLACE=gpu \
            "$sanitizer" --tool $check --error-exitcode 1 \
            "$tests/test_cuda" "-tc=*every op of the table*,*side by side*"
    done
}

# cuda_skip WHAT COUNT
cuda_skip() {
    say "skipped: $1"
    count 0 0 "$2"
}

# cuda_step NAME SECONDS COMMAND...: one check that counts, with all it says kept. It has so long, or what
# is left of the time; what needs longer has failed, or is skipped where $cuda_skippable says so.
cuda_step() {
    name=$1
    limit=$2
    shift 2
    left=$((cuda_deadline - $(date +%s)))
    [ $left -ge "$limit" ] || limit=$left
    say "$name"
    status=124
    : >"$results/$name.log"
    if [ "$limit" -gt 0 ]; then
        ends=$(($(date +%s) + limit))
        status=0
        timeout -k 10 "$limit" "$@" >"$results/$name.log" 2>&1 || status=$?
        # 137: it would not stop and was killed for that, or the system killed it for another reason.
        [ $status != 137 ] || [ "$(date +%s)" -lt $ends ] || status=124
    fi
    case "$status $cuda_skippable " in
        "0 "*)
            count 1 0 0
            tail -n 60 "$results/$name.log"
            ;;
        "124 "*" $name "* | "124 $name "*)
            cuda_skip "the rest of $name (out of time; so far: $results/$name.log)" 1
            ;;
        *)
            count 0 1 0
            tail -n 60 "$results/$name.log" >&2
            [ $status != 124 ] || status="out of time"
            say "failed: $name ($status; all it said: $results/$name.log)"
            ;;
    esac
}

# PyTorch with CUDA is taken where it is; it is too large to be fetched here.
cuda_peer() {
    for python in "$venv/bin/python" "${PYTHON:-python3}"; do
        if timeout -k 10 60 "$python" -c \
            'import torch, soundfile, safetensors; assert torch.cuda.is_available()' 2>/dev/null; then
            cuda_step pytorch 90 env PYTHONPATH="$root/model/torch" LIGERO="$root/$ligero" \
                LIGERO_CONVERT="$root/$convert" \
                "$python" -m ligero_torch.bench.cuda_peer --model paper --seconds 10
            return 0
        fi
    done
    cuda_skip "PyTorch (none with CUDA, soundfile and safetensors)" 1
}

cuda_deadline=$(($(date +%s) + 8 * 60))
least=$((4 * 60)) # that the checks have, however long building takes
find_nvcc
use_preset cuda
# shellcheck disable=SC2086
(apt_options="-o Acquire::Retries=0 -o Acquire::http::Timeout=15" &&
    install_packages $tools_packages doctest-dev) ||
    say "skipped: installing packages; going on with what is there"
mkdir -p build
configure_cuda
say "building with $(nproc) cores"
cmake --build "$build" --parallel "$(nproc)" \
    --target test_cuda test_capi ligero_cuda_times ligero ligero-convert
now=$(date +%s)
[ $((cuda_deadline - now)) -ge $least ] || cuda_deadline=$((now + least))
results=$build/test-cuda
mkdir -p "$results"
tests=$build/tests
if find_gpu; then
    cuda_step gpu 150 env LIGERO_TEST_PLACE=gpu "$tests/test_cuda" -ts=gpu
    cuda_step times 180 sh -c "$tests/ligero_cuda_times >$results/times.jsonl"
    cuda_peer
    cuda_checkers
    cuda_skippable="$cuda_skippable host batches" # `./run test` has them
else
    cuda_skip "the GPU's tests, times, PyTorch, memcheck, synccheck, racecheck (no GPU)" 6
fi
cuda_step host 480 env LIGERO_TEST_PLACE=host "$tests/test_cuda"
cuda_step batches 480 "$tests/test_capi"
say "results: $results"
report_counts
