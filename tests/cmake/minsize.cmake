# SPDX-License-Identifier: Apache-2.0
# Builds the preset `minsize`, which fails where the library is too large or needs more than libc and
# libm, and runs small-live through it: the voice must be the full library's, bit for bit. Variables:
# SOURCE WORK GENERATOR C_COMPILER CXX_COMPILER CXX_LAUNCHER READELF CONVERT (ligero-convert) FILES
# (ligero_test_files) FULL (the shared library of this build).
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  set(code "${code}" PARENT_SCOPE)
  set(output "${output}" PARENT_SCOPE)
endfunction()

macro(run_well)
  run(${ARGV})
  if(code)
    message(FATAL_ERROR "${ARGV}\nended with ${code}:\n${output}")
  endif()
endmacro()

# expect_refused(TEXT command...): the command fails and says TEXT.
function(expect_refused text)
  run(${ARGN})
  if(NOT code OR NOT output MATCHES "${text}")
    message(FATAL_ERROR "${ARGN}\nended with ${code}, expected a refusal with '${text}':\n${output}")
  endif()
endfunction()

file(MAKE_DIRECTORY "${WORK}")
file(CREATE_LINK "${SOURCE}" "${WORK}/ligero" SYMBOLIC)  # sources in a folder with the same odd name
set(SOURCE "${WORK}/ligero")
run_well(${CMAKE_COMMAND} -S "${SOURCE}" --preset minsize -G "${GENERATOR}" -B "${WORK}/build"
         "-DCMAKE_C_COMPILER=${C_COMPILER}" "-DCMAKE_CXX_COMPILER=${CXX_COMPILER}"
         "-DCMAKE_CXX_COMPILER_LAUNCHER=${CXX_LAUNCHER}")
run_well(${CMAKE_COMMAND} --build "${WORK}/build" --parallel 2 --target ligero_shared)
set(small "${WORK}/build/platforms/capi/libligero.so")
set(size_check "-DREADELF=${READELF}" "-DLIBRARY=${small}")
set(size_script -P "${SOURCE}/platforms/cmake/library_size.cmake")
run_well(${CMAKE_COMMAND} ${size_check} -DMOST=700000 ${size_script})
message(STATUS "${output}")
expect_refused("expected 1 to 1000" ${CMAKE_COMMAND} ${size_check} -DMOST=1000 ${size_script})
run_well("${C_COMPILER}" -shared -fPIC -x c /dev/null -x none -o "${WORK}/needs_more.so" -Wl,--no-as-needed "${FULL}")
expect_refused("nothing but libc and libm" ${CMAKE_COMMAND} "-DREADELF=${READELF}"
               "-DLIBRARY=${WORK}/needs_more.so" -DMOST=700000 ${size_script})

cmake_path(GET FULL PARENT_PATH full_dir)
cmake_path(GET small PARENT_PATH small_dir)
run_well("${C_COMPILER}" -std=c99 -O2 "-I${SOURCE}/runtime/api"
         "${SOURCE}/platforms/examples/extract_stream.c" "${SOURCE}/platforms/examples/wav.c"
         -o "${WORK}/extract_stream" "-L${full_dir}" -lligero)
run_well("${FILES}" sound 2 24000 "${WORK}/anchor.wav")
run_well("${FILES}" sound 3 16077 "${WORK}/mixture.wav")
set(name "${SOURCE}/model/pretrained/lgr-tse-small-live")
run_well("${CONVERT}" "${name}.safetensors" --config "${name}.json" -o "${WORK}/f32.lgm")
file(COPY_FILE "${name}-int8.lgm" "${WORK}/int8.lgm")
foreach(weights f32 int8)
  foreach(library full small)
    run_well(${CMAKE_COMMAND} -E env "LD_LIBRARY_PATH=${${library}_dir}" "${WORK}/extract_stream"
             "${WORK}/${weights}.lgm" --enroll "${WORK}/anchor.wav" "${WORK}/mixture.wav"
             "${WORK}/${library}.wav" 100)
  endforeach()
  run_well(${CMAKE_COMMAND} -E compare_files "${WORK}/full.wav" "${WORK}/small.wav")
endforeach()

run_well("${FILES}" model "${SOURCE}/model/torch/configs/voicefilter-small.json" 1 "${WORK}/other.lgm")
expect_refused("op is none that this build has.*relu" ${CMAKE_COMMAND} -E env "LD_LIBRARY_PATH=${small_dir}" "${WORK}/extract_stream"
               "${WORK}/other.lgm" --enroll "${WORK}/anchor.wav" "${WORK}/mixture.wav" "${WORK}/o.wav")
