# SPDX-License-Identifier: Apache-2.0
# Fails where a library needs more than libc and libm, or loads more than MOST bytes of code and data
# (every section that takes room in the file and in memory). Variables: READELF LIBRARY MOST.
execute_process(COMMAND "${READELF}" --dynamic --section-headers --wide "${LIBRARY}"
                OUTPUT_VARIABLE listing RESULT_VARIABLE code)
if(code)
  message(FATAL_ERROR "${READELF} cannot read ${LIBRARY}")
endif()
set(bytes 0)
string(REPLACE ";" "," listing "${listing}")
string(REPLACE "\n" ";" lines "${listing}")
foreach(line IN LISTS lines)
  # [number] name type address offset size entry-size flags ...
  if(line MATCHES "^ *\\[ *[0-9]+\\] +([^ ]+) +([A-Z_0-9]+) +[0-9a-f]+ +[0-9a-f]+ +([0-9a-f]+) +[0-9a-f]+ +[A-Z]*A"
     AND NOT CMAKE_MATCH_2 STREQUAL "NOBITS")
    math(EXPR bytes "${bytes} + 0x${CMAKE_MATCH_3}")
  elseif(line MATCHES "\\(NEEDED\\)[^[]*\\[([^]]+)\\]")
    list(APPEND needed "${CMAKE_MATCH_1}")
  endif()
endforeach()
message("${LIBRARY}: ${bytes} bytes of at most ${MOST}; needs: ${needed}")
if(bytes EQUAL 0 OR bytes GREATER MOST)
  message(FATAL_ERROR "the library has ${bytes} bytes of code and data, expected 1 to ${MOST}")
endif()
# The loader (ld-linux, ld-musl) is a part of libc.
list(FILTER needed EXCLUDE REGEX "^(libc|libm)\\.|^ld-")
if(needed)
  message(FATAL_ERROR "the library needs ${needed}, expected nothing but libc and libm")
endif()
