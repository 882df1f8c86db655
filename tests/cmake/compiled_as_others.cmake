# SPDX-License-Identifier: Apache-2.0
# Configures ligero as others do: without a build type, with -ffast-math among their flags, inside
# their own project; and for targets that it cannot have. Variables: SOURCE WORK C_COMPILER CXX_COMPILER
# CXX_LAUNCHER.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  set(code "${code}" PARENT_SCOPE)
  set(output "${output}${errors}" PARENT_SCOPE)
endfunction()

macro(run_well)
  run(${ARGV})
  if(code)
    message(FATAL_ERROR "${ARGV}\nended with ${code}:\n${output}")
  endif()
endmacro()

function(expect_refused text)
  run(${ARGN})
  if(NOT code OR NOT output MATCHES "${text}")
    message(FATAL_ERROR "${ARGN}\nended with ${code}, expected a refusal with '${text}':\n${output}")
  endif()
endfunction()

# The commands of BUILD that compile what lies below ligero's own folders.
function(own_commands build out)
  file(READ "${build}/compile_commands.json" json)
  string(JSON count LENGTH "${json}")
  math(EXPR last "${count} - 1")
  set(commands)
  foreach(i RANGE ${last})
    string(JSON file GET "${json}" ${i} file)
    string(JSON command GET "${json}" ${i} command)
    if(file MATCHES "^${SOURCE}/(runtime|ops|model|platforms)/")
      string(REPLACE ";" "\\;" command "${command}")
      list(APPEND commands "${command}")
    endif()
  endforeach()
  list(LENGTH commands count)
  if(count LESS 50)
    message(FATAL_ERROR "${build}: ${count} commands of ligero, expected 50 at least")
  endif()
  set(${out} "${commands}" PARENT_SCOPE)
endfunction()

set(compilers "-DCMAKE_C_COMPILER=${C_COMPILER}" "-DCMAKE_CXX_COMPILER=${CXX_COMPILER}"
    "-DCMAKE_CXX_COMPILER_LAUNCHER=${CXX_LAUNCHER}" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
    -DLIGERO_BUILD_TOOLS=OFF)
set(fast "-Ofast -ffast-math -ffinite-math-only -fno-signed-zeros -fassociative-math -freciprocal-math")
set(release "no build type was given, so Release")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}/parent")

# By itself: said once.
set(build "${WORK}/alone")
run_well(${CMAKE_COMMAND} -S "${SOURCE}" -B "${build}" -G "Unix Makefiles" ${compilers}
         "-DCMAKE_CXX_FLAGS=${fast}" "-DCMAKE_C_FLAGS=${fast}")
if(NOT output MATCHES "${release}")
  message(FATAL_ERROR "nothing said of the build type:\n${output}")
endif()
run_well(${CMAKE_COMMAND} "${build}")
if(output MATCHES "${release}")
  message(FATAL_ERROR "the build type is spoken of twice:\n${output}")
endif()
own_commands("${build}" commands)
foreach(command IN LISTS commands)
  if(NOT command MATCHES " -O3 .* -fno-fast-math -fno-unsafe-math-optimizations -fno-finite-math-only -fno-associative-math -fno-reciprocal-math -fsigned-zeros " OR
     command MATCHES "-fno-fast-math .*(-Ofast|-ffast-math)" OR
     command MATCHES "-fno-math-errno .*-fno-fast-math")
    message(FATAL_ERROR "compiled by\n${command}")
  endif()
endforeach()
run_well(${CMAKE_COMMAND} --build "${build}" --target ligero_base)  # target.h has a look
message(STATUS "with -ffast-math among the user's flags: ours come last")

# Inside another project, which goes on without a build type.
file(WRITE "${WORK}/parent/CMakeLists.txt" "cmake_minimum_required(VERSION 3.21)
project(parent C CXX)
add_compile_options(-ffast-math)
add_subdirectory(\"${SOURCE}\" ligero)
file(WRITE \"${WORK}/parent/own.cc\" \"int main() { return 0; }\")
add_executable(own \"${WORK}/parent/own.cc\")
")
set(build "${WORK}/inside")
run_well(${CMAKE_COMMAND} -S "${WORK}/parent" -B "${build}" -G "Unix Makefiles" ${compilers})
if(NOT output MATCHES "${release}")
  message(FATAL_ERROR "nothing said of the build type:\n${output}")
endif()
own_commands("${build}" commands)
foreach(command IN LISTS commands)
  if(NOT command MATCHES " -O3 " OR command MATCHES "-fno-fast-math .*-ffast-math")
    message(FATAL_ERROR "inside another project compiled by\n${command}")
  endif()
endforeach()
file(READ "${build}/compile_commands.json" json)
if(json MATCHES "-O3[^\n]*parent/own.cc")
  message(FATAL_ERROR "the other project was given a build type:\n${json}")
endif()
message(STATUS "inside another project: optimised, and the project itself left alone")

# Build systems of others, and targets.
set(header "${SOURCE}/runtime/base/target.h")
set(only "${CXX_COMPILER}" -std=c++20 -fsyntax-only -x c++)
run_well(${only} "${header}")
expect_refused("remove the guard against NaN" ${only} -ffast-math "${header}")
expect_refused("remove the guard against NaN" ${only} -ffinite-math-only "${header}")
expect_refused("big-endian targets are not supported" ${only} -U__BYTE_ORDER__ -D__BYTE_ORDER__=4321
               "${header}")
expect_refused("s390x is big-endian, which is not supported" ${CMAKE_COMMAND}
               -DCMAKE_CXX_BYTE_ORDER=BIG_ENDIAN -DCMAKE_SYSTEM_PROCESSOR=s390x
               -P "${SOURCE}/platforms/cmake/target.cmake")
message(STATUS "what cannot be compiled for is refused in a sentence")
