#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run test: build and run every C++ and Python test; ends with N passed, N failed, N skipped
set -eu
. platforms/jobs/lib/counts.sh
. platforms/jobs/lib/python.sh

# From pytest's report: its attributes tests, failures, errors, skipped. A file of tests per core at a time;
# tests of small networks are faster on one core than on several.
run_pytest() {
    report=build/pytest.xml
    rm -f $report
    status=0
    have_modules xdist || pip_install pytest-xdist ||
        say "pytest-xdist could not be installed (build/pip.log); the Python tests take one core"
    ! have_modules xdist || set -- -n "$(nproc)" --dist loadfile "$@"
    export OMP_NUM_THREADS=1
    # The folder of a test that passed goes at once: gigabytes of tensors never reach the disk.
    with_tools $venv/bin/python -m pytest -q -rs --junitxml=$report -o tmp_path_retention_policy=failed "$@" ||
        status=$?
    if [ ! -f $report ]; then
        count 0 1 0
        return
    fi
    attribute() { grep -o " $1=\"[0-9]*\"" $report | head -n 1 | tr -dc 0-9; }
    bad=$(($(attribute failures) + $(attribute errors)))
    gone=$(attribute skipped)
    count $(($(attribute tests) - bad - gone)) $bad "$gone"
    # 5: pytest found nothing to run.
    if [ $status != 0 ] && [ $status != 5 ] && [ $bad = 0 ]; then
        count 0 1 0
    fi
}

build_all
run_ctest
folders=$(find tests -name 'test_*.py' -exec dirname {} \; | sort -u)
note=
if make_venv && install_modules; then
    # shellcheck disable=SC2086
    run_pytest $folders
else
    count 0 0 "$(find tests -name 'test_*.py' | wc -l)"
    note="PyTorch could not be installed (build/pip.log): parity was checked against the golden vectors in tests/golden only"
fi
[ -z "$note" ] || printf '%s\n' "$note"
report_counts
