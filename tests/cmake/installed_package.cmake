# SPDX-License-Identifier: Apache-2.0
# Installs the build, moves what was installed, and builds and runs the example against it: with
# find_package (shared and static) and with pkg-config (both). Variables: BUILD SOURCE WORK GENERATOR
# C_COMPILER CXX_COMPILER FILES (ligero_test_files) LIGERO (the tool). First installs into a folder that
# stands for the root of a file system: nothing may lie outside the prefix.
cmake_minimum_required(VERSION 3.21)

include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")

function(expect_same file)
  run("${FILES}" compare "${file}" "${WORK}/expected.wav" 0 0)
endfunction()

# Runs a built example, with a profile and enrolling by itself.
function(run_example program name)
  run("${program}" "${WORK}/model.lgm" "${WORK}/who.profile" "${mixture}" "${WORK}/${name}.wav" 100)
  if(NOT output MATCHES "latency: 320 frames, 20.0 ms")
    message(FATAL_ERROR "${name} said:\n${output}")
  endif()
  expect_same("${WORK}/${name}.wav")
  run("${program}" "${WORK}/model.lgm" --enroll "${anchor}" "${mixture}" "${WORK}/${name}.wav")
  expect_same("${WORK}/${name}.wav")
  message(STATUS "${name}: runs and gives what the tool gives")
endfunction()

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
run(${CMAKE_COMMAND} -E env "DESTDIR=${WORK}/root" ${CMAKE_COMMAND} --install "${BUILD}" --prefix /opt/ligero)
file(GLOB_RECURSE files RELATIVE "${WORK}/root" "${WORK}/root/*")
foreach(file IN LISTS files)
  if(NOT file MATCHES "^opt/ligero/(bin|include|lib[^/]*|share)/")
    message(FATAL_ERROR "installed outside the prefix, or in no folder of it: ${file}")
  endif()
endforeach()
foreach(file bin/ligero bin/ligero-convert include/ligero.h share/doc/ligero/LICENSE
             share/doc/ligero/NOTICE share/doc/ligero/biometrics.md share/ligero/models/bsrnn-live-int8.lgm
             share/ligero/models/lgr-tse-small-int8.lgm
             share/ligero/models/lgr-tse-small-live-int8.lgm share/man/man1/ligero.1
             share/bash-completion/completions/ligero)
  if(NOT "opt/ligero/${file}" IN_LIST files)
    message(FATAL_ERROR "not installed: ${file}; installed: ${files}")
  endif()
endforeach()
message(STATUS "DESTDIR: nothing lies outside the prefix")
set(prefix "${WORK}/moved")
run(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${WORK}/installed")
file(RENAME "${WORK}/installed" "${prefix}")
run(${CMAKE_COMMAND} -E env --unset=LIGERO_MODEL "${prefix}/bin/ligero" info)
message(STATUS "the installed tool finds its model")

run("${FILES}" model "${SOURCE}/model/torch/configs/small-live.json" 11 "${WORK}/model.lgm")
set(anchor "${WORK}/anchor.wav")
set(mixture "${WORK}/mixture.wav")
run("${FILES}" sound 2 24000 "${anchor}")
run("${FILES}" sound 3 16077 "${mixture}")
run("${LIGERO}" enroll --model "${WORK}/model.lgm" "${anchor}" -o "${WORK}/who.profile")
run("${LIGERO}" extract --model "${WORK}/model.lgm" --profile "${WORK}/who.profile" "${mixture}"
    --stream 160 --samples float -o "${WORK}/expected.wav")

foreach(static OFF ON)
  set(build "${WORK}/example-${static}")
  run(${CMAKE_COMMAND} -G "${GENERATOR}" -S "${SOURCE}/platforms/examples" -B "${build}"
      "-DCMAKE_PREFIX_PATH=${prefix}" -DLIGERO_EXAMPLE_STATIC=${static} -DCMAKE_BUILD_TYPE=Release
      "-DCMAKE_C_COMPILER=${C_COMPILER}" "-DCMAKE_CXX_COMPILER=${CXX_COMPILER}")
  run(${CMAKE_COMMAND} --build "${build}")
  run_example("${build}/extract_stream" "find_package static ${static}")
  set(call "${WORK}/who.profile" "${mixture}")
  run("${build}/extract_calls" "${WORK}/model.lgm" cpu
      ${call} "${WORK}/first.wav" ${call} "${WORK}/second.wav")
  expect_same("${WORK}/first.wav")
  expect_same("${WORK}/second.wav")
endforeach()

find_program(pkg_config NAMES pkgconf pkg-config)
if(NOT pkg_config)
  message(STATUS "no pkg-config here: its part is left out")
  return()
endif()
set(spaced "${BUILD}/tests/a folder with spaces")  # of what is odd in a name, pkgconf quotes spaces alone
file(REMOVE_RECURSE "${spaced}")
file(RENAME "${prefix}" "${spaced}")
file(GLOB_RECURSE pc "${spaced}/*/ligero.pc")
cmake_path(GET pc PARENT_PATH pc_dir)
cmake_path(GET pc_dir PARENT_PATH lib_dir)
foreach(package ligero ligero-static)
  run(${CMAKE_COMMAND} -E env "PKG_CONFIG_PATH=${pc_dir}" "${pkg_config}" --cflags --libs ${package})
  separate_arguments(flags UNIX_COMMAND "${output}")
  run("${C_COMPILER}" -std=c99 -O2 "${SOURCE}/platforms/examples/extract_stream.c"
      "${SOURCE}/platforms/examples/wav.c" -o "${WORK}/${package}-example" ${flags}
      "-Wl,-rpath,${lib_dir}")
  run_example("${WORK}/${package}-example" "pkg-config ${package}")
endforeach()
