# SPDX-License-Identifier: Apache-2.0
# cmake -DNM=... -DOBJECTS=a.o|b.o -P: fails where an object defines a weak symbol. The linker keeps
# one of many equal weak symbols; were it one of an instruction set's objects, code for a newer
# processor would run on an older one.
string(REPLACE "|" ";" OBJECTS "${OBJECTS}")
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND "${NM}" -C "${object}" OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "nm cannot read ${object}")
  endif()
  string(REGEX MATCHALL "[0-9a-fA-F]+ [WVu] [^\n]*" weak "${symbols}")
  if(weak)
    message(SEND_ERROR "${object} defines weak symbols: ${weak}")
  endif()
endforeach()
list(LENGTH OBJECTS count)
message(STATUS "${count} objects, no weak symbol")
