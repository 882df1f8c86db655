# SPDX-License-Identifier: Apache-2.0
# What every job has: messages, the root of the source tree, the list of jobs.
# shellcheck shell=sh disable=SC2034  # the jobs use root

# Jobs start in the root of the source tree; all their other paths are relative to it.
root=$(pwd)

say() { printf '%s\n' "run: $*"; }
fail() { printf '%s\n' "run: $*" >&2; exit 1; }

# One name per file of platforms/jobs.
job_names() {
    for file in platforms/jobs/*.sh; do
        basename "$file" .sh
    done | paste -sd ' ' -
}

# What stands below the licence in every job's file, "# ./run JOB ARGUMENTS: what it does", as a table.
job_help() {
    echo "Start with ./run demo. Before a commit: ./run test."
    echo
    for file in platforms/jobs/*.sh; do
        sed -n '1,2d; /^# /!q; s/^# //p' "$file"
    done | awk '
        /^\.\/run / { at = index($0, ": "); printf "%-26s %s\n", substr($0, 1, at - 1), substr($0, at + 2); next }
        { printf "%-26s %s\n", "", $0 }'
    cat <<'END'

A job installs missing packages with apt-get, as root or through sudo. Without both it prints what to
install. Python packages go into build/venv. A second run reuses all of it.
END
}
