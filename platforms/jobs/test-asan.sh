#!/bin/sh
# ./run test-asan: the C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer
set -eu
. platforms/jobs/lib/counts.sh

use_preset asan
build_all
run_ctest
report_counts
