#!/bin/sh
# ./run test-asan: run the C++ tests with AddressSanitizer and UndefinedBehaviorSanitizer
set -eu
. platforms/jobs/lib/counts.sh

use_preset asan
build_all
run_ctest
report_counts
