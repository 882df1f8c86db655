#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run test-asan: run the C++ tests with AddressSanitizer and UndefinedBehaviorSanitizer, and the CUDA
# kernels by threads of the host with ThreadSanitizer
set -eu
. platforms/jobs/lib/counts.sh

use_preset asan
build_all
run_ctest
use_preset native
build_targets test_cuda_races
run_ctest -C Races -R '^cuda_races$'
report_counts
