# SPDX-License-Identifier: Apache-2.0
# Targets that ligero cannot run on (runtime/base/target.h says the same to other build systems).
if(CMAKE_CXX_BYTE_ORDER STREQUAL "BIG_ENDIAN")
  message(FATAL_ERROR "ligero: ${CMAKE_SYSTEM_PROCESSOR} is big-endian, which is not supported: model "
                      "and profile files are little-endian and are read in place")
endif()
