# SPDX-License-Identifier: Apache-2.0
# Where ligero_find_headers() (platforms/cmake/headers.cmake) finds headers for another machine: in the CMake
# package or the pkg-config package that is given for it, never in this machine's /usr/include. Configures
# projects without a language. Variables: SOURCE WORK
file(REMOVE_RECURSE "${WORK}")
set(package "${WORK}/target/lib/cmake/some")
foreach(kind target other)
  file(WRITE "${WORK}/${kind}/include/some/some.h" "")
endforeach()
file(WRITE "${package}/some-config.cmake" "add_library(some::some INTERFACE IMPORTED)
set_target_properties(some::some PROPERTIES INTERFACE_INCLUDE_DIRECTORIES \"${WORK}/target/include\")\n")
file(WRITE "${WORK}/other/pkgconfig/libsome.pc" "includedir=${WORK}/other/include
Name: some\nDescription: some\nVersion: 1\nCflags: -I\${includedir}\n")
file(WRITE "${WORK}/project/CMakeLists.txt" "cmake_minimum_required(VERSION 3.21)
project(finds LANGUAGES NONE)
include(\"${SOURCE}/platforms/cmake/headers.cmake\")
ligero_find_headers(SOME_INCLUDE \${HEADER} some some::some libsome)
file(WRITE \"\${CMAKE_BINARY_DIR}/found\" \"\${SOME_INCLUDE}\")\n")

# finds(NAME EXPECTED option...): configuring for another machine finds that folder; EXPECTED empty: refuses.
function(finds name expected)
  set(build "${WORK}/${name}")
  execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=PKG_CONFIG --unset=PKG_CONFIG_LIBDIR ${pkg_config}
                          "${CMAKE_COMMAND}" -S "${WORK}/project" -B "${build}" -DCMAKE_SYSTEM_NAME=Linux
                          -DCMAKE_SYSTEM_PROCESSOR=other ${ARGN}
                  RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(expected STREQUAL "")
    if(NOT code OR NOT output MATCHES "expected the CMake[ \n]+package[ \n]+some[ \n].*SOME_INCLUDE=FOLDER")
      message(FATAL_ERROR "${name}: ended with ${code}, expected a refusal that says what to give:\n${output}")
    endif()
  elseif(code)
    message(FATAL_ERROR "${name}: ended with ${code}:\n${output}")
  else()
    file(READ "${build}/found" found)
    if(NOT found STREQUAL expected)
      message(FATAL_ERROR "${name}: found '${found}', expected '${expected}'")
    endif()
  endif()
  message(STATUS "${name}: as expected")
endfunction()

set(pkg_config "")
finds(package "${WORK}/target/include" -DHEADER=some/some.h "-DCMAKE_PREFIX_PATH=${WORK}/target")
finds(given "${WORK}/other/include" -DHEADER=some/some.h "-DSOME_INCLUDE=${WORK}/other/include"
      "-DCMAKE_PREFIX_PATH=${WORK}/target")
finds(nothing "" -DHEADER=stdio.h)  # the build machine's /usr/include has it
find_program(program NAMES pkgconf pkg-config)
if(program)
  set(pkg_config "PKG_CONFIG_LIBDIR=${WORK}/other/pkgconfig")
  finds(pkg-config "${WORK}/other/include" -DHEADER=some/some.h)
endif()
