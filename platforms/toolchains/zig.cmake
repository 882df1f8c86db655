# SPDX-License-Identifier: Apache-2.0
# The C library for any Linux with glibc 2.28 or newer, by zig's clang (PyPI's package ziglang). Variables:
# LIGERO_ZIG (the program), LIGERO_ZIG_ARCH (x86_64, aarch64), LIGERO_ZIG_ROOT (a folder with include/ for
# Highway, FlatBuffers and Speex, with libspeexdsp.a and, for x86_64, libgcc's cpuinfo.o). The compilers are wrappers in LIGERO_ZIG_ROOT.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${LIGERO_ZIG_ARCH})
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES LIGERO_ZIG LIGERO_ZIG_ARCH LIGERO_ZIG_ROOT)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)  # a program would have zig build its whole C++ library
foreach(pair "cc;CMAKE_C_COMPILER" "c++;CMAKE_CXX_COMPILER" "ar;CMAKE_AR" "ranlib;CMAKE_RANLIB")
  list(GET pair 0 program)
  list(GET pair 1 variable)
  set(wrapper "${LIGERO_ZIG_ROOT}/${program}")
  if(NOT EXISTS "${wrapper}")
    file(WRITE "${wrapper}.part" "#!/bin/sh
exec '${CMAKE_CURRENT_LIST_DIR}/zig.sh' '${LIGERO_ZIG}' ${program} ${LIGERO_ZIG_ARCH}-linux-gnu.2.28 \"$@\"\n")
    file(CHMOD "${wrapper}.part" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
    file(RENAME "${wrapper}.part" "${wrapper}")
  endif()
  set(${variable} "${wrapper}" CACHE FILEPATH "" FORCE)
endforeach()
set(CMAKE_CXX_FLAGS_INIT "-isystem '${LIGERO_ZIG_ROOT}/include'")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-nostdlib++ -Wl,-s")  # platforms/capi/heap.cc stands for it
if(LIGERO_ZIG_ARCH STREQUAL "x86_64")  # zig's own __builtin_cpu_supports() says no to everything
  string(APPEND CMAKE_SHARED_LINKER_FLAGS_INIT " '${LIGERO_ZIG_ROOT}/cpuinfo.o'")
endif()
set(LIGERO_HIGHWAY_INCLUDE "${LIGERO_ZIG_ROOT}/include" CACHE PATH "")
set(LIGERO_FLATBUFFERS_INCLUDE "${LIGERO_ZIG_ROOT}/include" CACHE PATH "")
set(LIGERO_SPEEXDSP "${LIGERO_ZIG_ROOT}/libspeexdsp.a" CACHE FILEPATH "")
