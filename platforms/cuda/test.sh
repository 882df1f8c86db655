# shellcheck shell=sh disable=SC2154
# `./run test-cuda`, sourced by ./run. Not: the tests themselves (tests/cuda).

# What a GPU is needed for, in under 8 minutes: every node against the processor's kernels, times,
# NVIDIA's memory and race checkers, PyTorch beside ligero. Needs no network: what is not there is
# skipped. Results in build/cuda/test-cuda.
run_cuda_tests() {
    cuda_deadline=$(($(date +%s) + 8 * 60))
    least=$((4 * 60)) # that the checks have, however long building takes
    nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null) ||
        fail "needs nvcc of CUDA 13 (on PATH, or in /usr/local/cuda/bin)"
    use_preset cuda
    # shellcheck disable=SC2086
    (apt_options="-o Acquire::Retries=0 -o Acquire::http::Timeout=15" &&
        install_packages $tools_packages doctest-dev) ||
        say "skipped: installing packages; going on with what is there"
    mkdir -p build
    [ -f $build/build.ninja ] || [ -f $build/Makefile ] || configure_cuda
    say "building with $(nproc) cores"
    cmake --build $build --parallel "$(nproc)" \
        --target test_cuda test_cuda_races test_capi ligero_cuda_times ligero ligero-convert
    now=$(date +%s)
    [ $((cuda_deadline - now)) -ge $least ] || cuda_deadline=$((now + least))
    results=$build/test-cuda
    mkdir -p $results
    tests=$build/tests
    if $tests/ligero_cuda_times --name >$results/device 2>&1; then
        say "on: $(cat $results/device)"
        gpu=yes
    else
        say "skipped: no GPU ($(cat $results/device)); a host takes its place in the tests"
        gpu=
    fi
    cuda_step nodes $tests/test_cuda
    if [ -z "$gpu" ]; then
        cuda_skip "times, memcheck, racecheck, PyTorch (no GPU)" 4
    else
        cuda_step times sh -c "$tests/ligero_cuda_times >$results/times.json"
        cuda_checkers
        cuda_peer
    fi
    cuda_step batches $tests/test_capi
    cuda_step host-races $tests/test_cuda_races "-tc=*real threads*"
    say "results: $results"
    report_counts
}

# For the GPU that is here alone, where it says what it is: `./run test` compiles for all. With whatever
# warnings this compiler and this nvcc have.
configure_cuda() {
    capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null |
        sed -n '1s/^ *\([0-9][0-9]*\)\.\([0-9]\) *$/\1\2/p')
    generator=
    command -v ninja >/dev/null 2>&1 || generator="Unix Makefiles"
    cmake --preset $preset ${generator:+-G "$generator"} \
        ${capability:+-DLIGERO_CUDA_ARCHITECTURES=$capability} \
        -DLIGERO_WERROR=OFF -DLIGERO_NVCC="$nvcc" >build/configure.log 2>&1 || {
        tail -n 30 build/configure.log >&2
        fail "configuring failed (all it said: build/configure.log); it takes $tools_packages doctest-dev"
    }
}

cuda_checkers() {
    sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null) || {
        cuda_skip "memcheck, racecheck (no compute-sanitizer)" 2
        return 0
    }
    for check in memcheck racecheck; do
        cuda_step $check "$sanitizer" --tool $check --error-exitcode 1 \
            $tests/test_cuda "-tc=*every op*,*side by side*"
    done
}

# cuda_skip WHAT COUNT
cuda_skip() {
    say "skipped: $1"
    count 0 0 "$2"
}

# cuda_step NAME COMMAND...: one check that counts, with all it says kept. It has the time that is left.
cuda_step() {
    name=$1
    shift
    left=$((cuda_deadline - $(date +%s)))
    if [ $left -le 0 ]; then
        cuda_skip "$name (no time left)" 1
        return 0
    fi
    say "$name"
    status=0
    timeout $left "$@" >$results/"$name".log 2>&1 || status=$?
    case $status in
        0)
            count 1 0 0
            tail -n 40 $results/"$name".log
            ;;
        124) cuda_skip "the rest of $name (no time left; so far: $results/$name.log)" 1 ;;
        *)
            count 0 1 0
            tail -n 60 $results/"$name".log >&2
            ;;
    esac
}

# PyTorch with CUDA is taken where it is; it is too large to be fetched here.
cuda_peer() {
    for python in "$venv/bin/python" "${PYTHON:-python3}"; do
        if "$python" -c 'import torch, soundfile, safetensors; assert torch.cuda.is_available()' \
            2>/dev/null; then
            cuda_step pytorch env PYTHONPATH="$root/model/torch" LIGERO="$root/$ligero" \
                LIGERO_CONVERT="$root/$convert" \
                "$python" -m ligero_torch.cuda_peer --model paper --seconds 10
            return 0
        fi
    done
    cuda_skip "PyTorch (none with CUDA, soundfile and safetensors)" 1
}
