# SPDX-License-Identifier: Apache-2.0
# 32-bit ARM under Linux with hard float. The baseline has no NEON, so that the tool can tell a processor
# without it; the kernels have it (isa.cmake).
set(LIGERO_ARCH armhf)
set(LIGERO_TRIPLE arm-linux-gnueabihf)
set(LIGERO_BASELINE "-march=armv7-a -mfpu=vfpv3-d16 -mfloat-abi=hard -mthumb")
set(CMAKE_SYSTEM_PROCESSOR arm)
include("${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake")
