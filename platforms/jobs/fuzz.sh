#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run fuzz [T] [S]: fuzz target T (default all: model profile safetensors pytorch sound) for S seconds (600)
set -eu
. platforms/jobs/lib/build.sh

# It starts from the seeds, the committed corpus and what was found before. An input that breaks something
# stays in build/fuzz as TARGET-crash-*, and fails the job.
fuzz_packages="clang libclang-rt-dev llvm"
fuzz_targets="model profile safetensors pytorch sound"

targets=${1:-all}
[ "$targets" != all ] || targets=$fuzz_targets
seconds=${2:-600}
case " $fuzz_targets " in
    *" $targets "*) ;;
    *) fail "no fuzz target is called '$targets'; expected one of: $fuzz_targets, all" ;;
esac
case $seconds in
    '' | *[!0-9]*) fail "expected seconds, found '$seconds'" ;;
esac
use_preset fuzz
# shellcheck disable=SC2086
install_packages $tools_packages $rest_packages $fuzz_packages
# shellcheck disable=SC2046,SC2086
build_targets ligero_fuzz_seeds $(printf 'fuzz_%s ' $targets)
"$build/tests/ligero_fuzz_seeds" "$build/seeds"
for target in $targets; do
    say "fuzzing $target for $seconds s"
    mkdir -p "$build/corpus/$target"
    "$build/tests/fuzz_$target" -max_total_time="$seconds" -max_len=20480 -timeout=20 \
        -print_final_stats=1 -artifact_prefix="$build/$target-" "$build/corpus/$target" \
        "$build/seeds/$target" tests/fuzz/corpus/"$target" 2>"$build/$target.log" || {
        tail -n 60 "$build/$target.log" >&2
        fail "fuzzing $target found something (all it said: $build/$target.log)"
    }
    grep -E '^stat::number_of_executed_units|^Done' "$build/$target.log"
done
