# SPDX-License-Identifier: Apache-2.0
# How many tests passed, failed and were skipped, over ctest, pytest and single checks.
# shellcheck shell=sh
. platforms/jobs/lib/build.sh

passed=0
failed=0
skipped=0

# count PASSED FAILED SKIPPED
count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
}

# count_ctest LOG SUMMARY: a doctest binary counts by its cases, any other test as one. The log has the
# cases, the summary how each test ended (the log calls a test that never ran passed).
count_ctest() {
    awk '
        FNR == NR && match($0, /^[0-9]+\/[0-9]+ Testing: /) { name = substr($0, RLENGTH + 1) }
        FNR == NR && /^\[doctest\] test cases:/ {
            gsub(/[^0-9|]/, "")
            cases[name] = $0
        }
        FNR != NR && / Test +#[0-9]+: / {
            name = $0
            sub(/^.* Test +#[0-9]+: /, "", name)
            sub(/ \.\.\..*$/, "", name)
            split("0|0|0|0", part, "|")
            if (name in cases) split(cases[name], part, "|")
            else if (/\*\*\*Skipped/) part[4] = 1
            else if (/ Passed /) part[2] = 1
            if (!/ Passed |\*\*\*Skipped/ && part[3] == 0) part[3] = 1
            p += part[2]; f += part[3]; s += part[4]
        }
        END { printf "%d %d %d\n", p, f, s }
    ' "$1" "$2"
}

# run_ctest OPTION...: every C++ test of the preset, or those that the options select.
run_ctest() {
    status=0
    ctest --preset "$preset" --no-tests=error "$@" --parallel "$(nproc)" --output-log build/ctest.log || status=$?
    # shellcheck disable=SC2046
    count $(count_ctest "$build/Testing/Temporary/LastTest.log" build/ctest.log)
    # Whatever ctest complains of beside a test is a failure too.
    if [ $status != 0 ] && [ $failed = 0 ]; then
        count 0 1 0
    fi
}

report_counts() {
    printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
    [ $failed = 0 ]
}
