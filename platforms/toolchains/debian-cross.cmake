# SPDX-License-Identifier: Apache-2.0
# Cross compiling for Debian's architecture LIGERO_ARCH (arm64, armhf) with the compilers of the packages
# g++-aarch64-linux-gnu and g++-arm-linux-gnueabihf, or with clang (LIGERO_CROSS_CLANG). Libraries are
# those in LIGERO_SYSROOT (sysroot.sh), programs those of this machine. Included by arm64.cmake and
# armhf.cmake, which say the processor.
set(CMAKE_SYSTEM_NAME Linux)
set(LIGERO_SYSROOT "${CMAKE_CURRENT_LIST_DIR}/../../build/sysroot/${LIGERO_ARCH}"
    CACHE PATH "Where sysroot.sh has unpacked Debian's libraries")
option(LIGERO_CROSS_CLANG "Cross compile with clang" OFF)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES LIGERO_SYSROOT LIGERO_CROSS_CLANG)
get_filename_component(CMAKE_SYSROOT "${LIGERO_SYSROOT}" ABSOLUTE)
if(NOT EXISTS "${CMAKE_SYSROOT}/made-of")
  message(FATAL_ERROR "ligero: no libraries for ${LIGERO_ARCH} in ${CMAKE_SYSROOT}; expected what "
                      "platforms/toolchains/sysroot.sh ${LIGERO_ARCH} ${CMAKE_SYSROOT} puts there")
endif()

if(LIGERO_CROSS_CLANG)
  set(CMAKE_C_COMPILER clang)
  set(CMAKE_CXX_COMPILER clang++)
  set(CMAKE_C_COMPILER_TARGET ${LIGERO_TRIPLE})
  set(CMAKE_CXX_COMPILER_TARGET ${LIGERO_TRIPLE})
  set(CMAKE_EXE_LINKER_FLAGS_INIT -fuse-ld=lld)
  set(CMAKE_SHARED_LINKER_FLAGS_INIT -fuse-ld=lld)
  set(CMAKE_MODULE_LINKER_FLAGS_INIT -fuse-ld=lld)
else()
  set(CMAKE_C_COMPILER ${LIGERO_TRIPLE}-gcc)
  set(CMAKE_CXX_COMPILER ${LIGERO_TRIPLE}-g++)
endif()
set(CMAKE_C_FLAGS_INIT "${LIGERO_BASELINE}")
set(CMAKE_CXX_FLAGS_INIT "${LIGERO_BASELINE}")
set(CMAKE_LIBRARY_ARCHITECTURE ${LIGERO_TRIPLE})
set(CMAKE_CROSSCOMPILING_EMULATOR "${CMAKE_CURRENT_LIST_DIR}/emulate.sh" ${LIGERO_ARCH} "${CMAKE_SYSROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
