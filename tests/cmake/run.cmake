# SPDX-License-Identifier: Apache-2.0
# run(COMMAND ...): ends the test with what was said where the command fails; else sets `output`.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(code)
    list(JOIN ARGV " " line)
    message(FATAL_ERROR "${line}\nended with ${code}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()
