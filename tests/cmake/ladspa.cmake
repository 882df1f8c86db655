# SPDX-License-Identifier: Apache-2.0
# The plug-in in a host of another's make, the LADSPA SDK's applyplugin: what it gives is what
# `ligero extract --stream` gives, later by the latency; without files it is silent or passes. Then in
# a host of our own: rates out of range, renewed profiles, a fork, a model file that is rewritten.
# Variables: PLUGIN SOURCE WORK FILES (ligero_test_files) LIGERO (the tool) HOST (ligero_plugin_host).

include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")

# apply(NAME LIMIT_DB BYPASS): the mixture through the plug-in into NAME.wav.
function(apply name limit bypass)
  run("${applyplugin}" "${WORK}/mixture.wav" "${WORK}/${name}.wav" "${PLUGIN}" ligero ${limit} ${bypass})
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(step 0.0000306)  # 1 / 32768, and a little
set(latency 320)
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}/config/ligero")
run("${FILES}" model "${SOURCE}/model/torch/configs/small-live.json" 11 "${WORK}/config/ligero/model.lgm")
run("${FILES}" sound 2 24000 "${WORK}/anchor.wav")
run("${FILES}" sound 3 32077 "${WORK}/mixture.wav")
run("${LIGERO}" enroll --model "${WORK}/config/ligero/model.lgm" "${WORK}/anchor.wav"
    -o "${WORK}/config/ligero/profile")
run("${LIGERO}" extract --model "${WORK}/config/ligero/model.lgm"
    --profile "${WORK}/config/ligero/profile" "${WORK}/mixture.wav" --stream 333
    -o "${WORK}/expected.wav")

# host(NAME ...): our own host with a model and a profile that it may spoil.
function(host)
  file(COPY "${WORK}/config/ligero/model.lgm" "${WORK}/config/ligero/profile" DESTINATION "${WORK}/spoilt")
  set(ENV{LIGERO_MODEL} "${WORK}/spoilt/model.lgm")
  set(ENV{LIGERO_PROFILE} "${WORK}/spoilt/profile")
  run("${HOST}" "${PLUGIN}" ${ARGV})
  set(output "${output}" PARENT_SCOPE)
endfunction()

# expect(TEXT): what the last program said.
function(expect text)
  string(FIND "${output}" "${text}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "expected \"${text}\", not:\n${output}")
  endif()
endfunction()

host(rates)
expect("no instance for 0 Hz; expected 8000 to 192000 Hz")
expect("no instance for 4294983296 Hz")
run("${LIGERO}" enroll --model "${WORK}/config/ligero/model.lgm" "${WORK}/mixture.wav"
    -o "${WORK}/other.profile")
host(renewed "${WORK}/config/ligero/profile" "${WORK}/other.profile")
host(forked)
host(rewritten)

find_program(applyplugin applyplugin)
if(NOT applyplugin)
  message("skipped: no applyplugin (ladspa-sdk) here")
  return()
endif()

set(ENV{LIGERO_MODEL} "${WORK}/config/ligero/model.lgm")
set(ENV{LIGERO_PROFILE} "${WORK}/config/ligero/profile")
apply(environment 100 0)
run("${FILES}" compare "${WORK}/environment.wav" "${WORK}/expected.wav" ${step} ${latency})

set(ENV{LIGERO_MODEL} "")
set(ENV{LIGERO_PROFILE} "")
set(ENV{XDG_CONFIG_HOME} "${WORK}/config")
apply(folder 100 0)
run("${FILES}" compare "${WORK}/folder.wav" "${WORK}/environment.wav" 0 0)
apply(bypass 100 1)
run("${FILES}" compare "${WORK}/bypass.wav" "${WORK}/mixture.wav" ${step} ${latency})

run("${FILES}" model "${SOURCE}/model/torch/configs/small.json" 11 "${WORK}/whole.lgm")
set(ENV{LIGERO_MODEL} "${WORK}/whole.lgm")
apply(whole 100 0)
expect("${WORK}/whole.lgm: ")
expect(" hears whole recordings and cannot run frame by frame; use a -live model")
file(WRITE "${WORK}/text.lgm" "no model")
set(ENV{LIGERO_MODEL} "${WORK}/text.lgm")
apply(text 100 0)
expect("${WORK}/text.lgm: ")
set(ENV{LIGERO_MODEL} "")

set(ENV{LIGERO_PROFILE} "${WORK}/nobody.profile")
set(ENV{LIGERO_PASS} 1)
apply(passing 100 0)
if(NOT output MATCHES "nobody.profile.*passing the input")
  message(FATAL_ERROR "expected the reason, not:\n${output}")
endif()
run("${FILES}" compare "${WORK}/passing.wav" "${WORK}/mixture.wav" ${step} 0)
set(ENV{LIGERO_PASS} "")
apply(silent 100 0)
if(NOT output MATCHES "nobody.profile.*silent")
  message(FATAL_ERROR "expected the reason, not:\n${output}")
endif()
execute_process(COMMAND "${FILES}" compare "${WORK}/silent.wav" "${WORK}/silent.wav" 0 0
                OUTPUT_VARIABLE output ERROR_QUIET)
if(NOT output MATCHES "largest sample 0,")
  message(FATAL_ERROR "expected silence, not: ${output}")
endif()
# A network that needs no speaker, with a latency of its own.
run("${FILES}" model "${SOURCE}/model/torch/configs/gtcrn.json" 11 "${WORK}/gtcrn.lgm")
run("${LIGERO}" extract --model "${WORK}/gtcrn.lgm" "${WORK}/mixture.wav" --stream 333
    -o "${WORK}/denoised.wav")
set(ENV{LIGERO_MODEL} "${WORK}/gtcrn.lgm")
apply(gtcrn 100 0)
run("${FILES}" compare "${WORK}/gtcrn.wav" "${WORK}/denoised.wav" ${step} 512)
message(STATUS "the plug-in gives what the tool gives")
