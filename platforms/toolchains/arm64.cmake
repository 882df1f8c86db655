# SPDX-License-Identifier: Apache-2.0
# 64-bit ARM under Linux, Cortex-A53 and up: NEON for everything, what is newer only where it is found.
set(LIGERO_ARCH arm64)
set(LIGERO_TRIPLE aarch64-linux-gnu)
set(LIGERO_BASELINE "-march=armv8-a")
set(CMAKE_SYSTEM_PROCESSOR aarch64)
include("${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake")
