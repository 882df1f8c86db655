#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run test-cross: run the C++ tests and whole extractions for ARM, under emulation; compile for every GPU
set -eu
. platforms/jobs/lib/counts.sh
. platforms/jobs/lib/cross.sh

emulator_packages="qemu-user"
work=build/test-cross
models=$work/models
int8_models="lgr-tse-small-int8 lgr-tse-small-live-int8 bsrnn-live-int8" # the last one live too
model_names="lgr-tse-small-f32 lgr-tse-small-f16 $int8_models"

# The suites that are run, and those of a second processor, which differs in int8 kernels alone. Not:
# converter, which no board runs; cli, which starts the tool some hundred times (cross_voices runs it).
cross_suites="kernels ops runtime model wav stream hostile"
cross_fuzz="model profile safetensors pytorch sound"
cross_kernel_suites="kernels ops"

# run_suites ARCH CPU TESTS: those tests on that processor; adds to the counts and says its own.
run_suites() {
    say "the C++ tests for $1 on an emulated $2"
    before="$passed $failed $skipped"
    status=0
    LIGERO_EMULATED_CPU=$2 ctest --test-dir "$build" --output-on-failure --parallel "$(nproc)" \
        -R "^($(echo "$3" | tr ' ' '|'))\$" --output-log "$root/build/ctest-$1-$2.log" >/dev/null || status=$?
    # shellcheck disable=SC2046
    count $(count_ctest "$build/Testing/Temporary/LastTest.log" "build/ctest-$1-$2.log")
    # shellcheck disable=SC2086
    set -- "$1" "$2" $before
    say "$1, $2: $((passed - $3)) passed, $((failed - $4)) failed, $((skipped - $5)) skipped; seconds:" \
        "$(sed -n 's/^.* Test *#[0-9]*: \([^ ]*\) .* \([0-9]*\)\.[0-9]* sec$/\2 \1/p' "build/ctest-$1-$2.log" |
            sort -rn | awk '$1 > 0 { printf "%s%s %s", n++ ? ", " : "", $2, $1 }')"
    if [ $status != 0 ]; then
        [ "$failed" != "$4" ] || count 0 1 0
        grep -E '\*\*\*|ERROR:' "build/ctest-$1-$2.log" | head -n 40
    fi
}

# check_that WHAT COMMAND...: one more test.
check_that() {
    what=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        count 1 0 0
        grep '^run: ' "$work/said" || :
    else
        count 0 1 0
        say "not so: $what"
        cat "$work/said"
    fi
}

# refuses TEXT COMMAND...: ends with 1 and says TEXT.
refuses() {
    text=$1
    shift
    status=0
    "$@" >"$work/refusal" 2>&1 || status=$?
    if [ $status != 1 ] || ! grep -q "$text" "$work/refusal"; then
        cat "$work/refusal"
        return 1
    fi
}

# near DB A B: the samples of A and B are the same, or the SI-SNR of B against A is at least DB. The bytes
# before the samples have the time of writing.
near() {
    if [ "$(tail -c 250000 "$2" | cksum)" = "$(tail -c 250000 "$3" | cksum)" ]; then
        say "$3: this machine's, bit for bit"
        return 0
    fi
    db=$("$host_ligero" score --reference "$2" "$3" | sed -n 's/^SI-SNR *\([-0-9.]*\).*/\1/p')
    say "$3: $db dB from this machine's"
    awk -v db="$db" -v least="$1" 'BEGIN { exit !(db != "" && db + 0 >= least) }'
}

# enrol TOOL MODEL PROFILE, and extract TOOL MODEL PROFILE OUTPUT OPTION...; TOOL may be a program and its
# arguments; PROFILE of extract may be empty.
enrol() { $1 enroll --model "$2" "$work/anchor.wav" -o "$3"; }
extract() {
    line="$1 extract --model $2 ${3:+--profile $3} $work/mixture.wav --samples float -o $4"
    shift 4
    $line "$@"
}

# cross_voices ARCH CPU PRESET MODELS: voices extracted by that build, against this machine's: with this
# machine's profile, and with a profile of its own. Sums of floats have one order on every instruction set;
# else values that int8 rounds would fall to the other side now and then, and int8 models lose 10 dB.
cross_voices() {
    theirs="platforms/toolchains/emulate.sh $1 build/sysroot/$1 build/$3/platforms/cli/ligero"
    export LIGERO_EMULATED_CPU="$2"
    for model in $4; do
        case $model in
            *-int8) least=50 ;;
            *) least=90 ;;
        esac
        file=$models/$model.lgm
        output=$work/$model-$3-$2
        check_that "$model on $3, $2: extracts" extract "$theirs" "$file" "$work/$model.profile" "$output.wav"
        check_that "$model on $3, $2: at least $least dB from x86's" near $least "$work/$model.wav" "$output.wav"
        check_that "$model on $3, $2: enrols" enrol "$theirs" "$file" "$output.profile"
        check_that "$model on $3, $2: extracts with that" \
            extract "$host_ligero" "$file" "$output.profile" "$output-own.wav"
        check_that "$model on $3, $2: its profile at least $least dB from x86's" \
            near $least "$work/$model.wav" "$output-own.wav"
    done
    output=$work/gtcrn-$3-$2.wav
    check_that "gtcrn on $3, $2: extracts" extract "$theirs" "$models/gtcrn.lgm" "" "$output"
    check_that "gtcrn on $3, $2: at least 90 dB from x86's" near 90 "$work/gtcrn.wav" "$output"
    live=bsrnn-live-int8
    output=$work/stream-$3-$2.wav
    check_that "live on $3, $2: extracts" \
        extract "$theirs" "$models/$live.lgm" "$work/$live.profile" "$output" --stream 160
    check_that "live on $3, $2: at least 50 dB from x86's" near 50 "$work/stream.wav" "$output"
    unset LIGERO_EMULATED_CPU
}

# archive_starts ARCH KIND ROOT: the archive of that KIND ("" or -shared), unpacked, starts with the C library
# and the other libraries of ROOT alone, finds its default model and opens each that it has.
archive_starts() {
    unpacked=$work/unpacked/ligero-$1$2
    mkdir -p "$work/unpacked"
    rm -rf "$unpacked"
    tar -C "$work/unpacked" -xzf "build/ligero-$1$2.tar.gz"
    for model in $(cd model/pretrained && ls ./*-live.json); do
        set -- "$1" "$2" "$3" "$(basename "$model" .json)"
        [ -n "$(find "$unpacked/models" -name "$4-*.lgm")" ] || {
            echo "the archive has no $4"
            return 1
        }
    done
    for model in "" "$unpacked"/models/*.lgm; do
        # shellcheck disable=SC2086  # none: the default model
        platforms/toolchains/emulate.sh "$1" "$3" "$unpacked/bin/ligero" info $model || return 1
    done
}

# packages_named ARCH: check.sh names a package for every library that the shared tool is linked with.
packages_named() {
    for library in $(readelf -d "$work/unpacked/ligero-$1-shared/bin/ligero" | sed -n 's/.*NEEDED.*\[\(.*\)\.so.*/\1/p'); do
        case $library in
            libc | libm | libgcc_s | libpthread | libdl | ld-linux*) continue ;; # libstdc++6 brings these along
        esac
        grep -q "^packages=.*$library" "$work/unpacked/ligero-$1-shared/check.sh" || {
            echo "check.sh names no package for $library"
            return 1
        }
    done
}

archives_start() {
    check_that "./run cross $1" sh platforms/jobs/cross.sh "$1"
    check_that "./run cross $1 shared" sh platforms/jobs/cross.sh "$1" shared
    mkdir -p "$work/empty"
    check_that "the archive for $1 starts where there is no library" archive_starts "$1" "" "$work/empty"
    check_that "the shared archive for $1 starts with Debian's libraries" \
        archive_starts "$1" -shared "build/sysroot/$1"
    check_that "the shared archive for $1 names the packages it needs" packages_named "$1"
}

compile_for_gpus() {
    if ! PATH="$PATH:${CUDA_HOME:-/usr/local/cuda}/bin" command -v nvcc >/dev/null; then
        say "skipped: no nvcc, so the CUDA kernels are not compiled"
        count 0 0 1
        return 0
    fi
    use_preset cuda
    configure
    check_that "the CUDA kernels compile for every compute capability, and keep their sums in registers" \
        build_targets ligero_gpu_kernels
}

# What each machine is compared with: models, recordings as WAV, this machine's voices.
make_references() {
    rm -rf "$work"
    mkdir -p "$models"
    for weights in f32 f16; do
        host_model lgr-tse-small $weights
    done
    cp model/pretrained/*-int8.lgm "$models"
    build/native/tests/ligero_test_files copy platforms/demo/mixed_pair_anchor.flac "$work/anchor.wav"
    build/native/tests/ligero_test_files copy platforms/demo/mixed_pair_mixture.flac "$work/mixture.wav"
    for model in $model_names; do
        enrol "$host_ligero" "$models/$model.lgm" "$work/$model.profile" >/dev/null
        extract "$host_ligero" "$models/$model.lgm" "$work/$model.profile" "$work/$model.wav" >/dev/null
    done
    extract "$host_ligero" "$models/$model.lgm" "$work/$model.profile" "$work/stream.wav" --stream 160 >/dev/null
    build/native/tests/ligero_test_files model model/torch/configs/gtcrn.json 1 "$models/gtcrn.lgm"
    extract "$host_ligero" "$models/gtcrn.lgm" "" "$work/gtcrn.wav" >/dev/null
}

# shellcheck disable=SC2086
install_packages $tools_packages $rest_packages $emulator_packages
build_targets ligero ligero-convert ligero_test_files
make_references
for arch in arm64 armhf; do
    prepare_cross $arch
    # shellcheck disable=SC2046,SC2086
    build_cross $arch ON ligero $(printf 'test_%s ' $cross_suites) $(printf 'fuzz_%s ' $cross_fuzz)
    suites="$cross_suites ops_cpu_mask_0 weak_symbols_.* fuzz_.*"
    case $arch in
        arm64) processors="cortex-a53 max" ;;
        armhf)
            processors="cortex-a7"
            suites=$(echo "$suites" | sed 's/ stream / /') # as long as all others; a live voice is compared below
            ;;
    esac
    voices=$model_names
    for processor in $processors; do
        run_suites $arch "$processor" "$suites"
        cross_voices $arch "$processor" $arch "$voices"
        suites=$cross_kernel_suites
        voices=$int8_models
    done
    build_cross $arch-static OFF ligero
    cross_voices $arch "$processor" $arch-static "$int8_models"
    archives_start $arch
done
old="env LIGERO_EMULATED_CPU=cortex-a9 platforms/toolchains/emulate.sh armhf build/sysroot/armhf"
# shellcheck disable=SC2086
check_that "a processor without NEON and VFPv4 is told" \
    refuses "has no NEON with VFPv4" $old build/armhf-static/platforms/cli/ligero --help
sed "s/@ARCH@/arm64/" platforms/toolchains/check.sh >$work/check.sh
check_that "an archive for another machine says so" refuses "for arm64, and this machine is" sh $work/check.sh
compile_for_gpus
report_counts
