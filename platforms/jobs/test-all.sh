#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run test-all: run every job called test..., one after the other, and print a table of the results
set -eu
. platforms/jobs/lib/counts.sh

cannot_run=77 # how a job ends that cannot run on this machine; it has said why

mkdir -p build
table=
for file in platforms/jobs/test.sh platforms/jobs/test-*.sh; do
    job=$(basename "$file" .sh)
    [ "$job" != test-all ] || continue
    say "$job"
    log=build/$job.log
    start=$(date +%s)
    { sh "$file" 2>&1 || echo "ended with $?"; } | tee "$log"
    counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$log" | tail -n 1)
    ended=$(tail -n 1 "$log" | sed -n 's/^ended with //p')
    if [ "$ended" = $cannot_run ]; then
        counts="0 0 1"
    elif [ -z "$counts" ] || { [ -n "$ended" ] && [ "${counts#* 0 }" != "$counts" ]; }; then
        counts="0 1 0" # it did not get as far as its counts
    fi
    # shellcheck disable=SC2086
    count $counts
    # shellcheck disable=SC2086
    table="$table$(printf '%-12s %4d min %6d passed %4d failed %4d skipped' "$job" \
        $((($(date +%s) - start + 30) / 60)) $counts)
"
done
printf '\n%s' "$table"
report_counts
