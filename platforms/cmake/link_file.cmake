# SPDX-License-Identifier: Apache-2.0
# ligero_link_file(OUT FILE): copies a file for the linker into the build, and gives its path from where the
# linker starts. Link options cannot have a path with `$`: CMake 3.25 escapes it wrongly there.
function(ligero_link_file out file)
  set(start "${CMAKE_BINARY_DIR}")
  if(CMAKE_GENERATOR MATCHES "Makefiles")
    set(start "${CMAKE_CURRENT_BINARY_DIR}")
  endif()
  get_filename_component(name "${file}" NAME)
  configure_file("${file}" ${name} COPYONLY)
  file(RELATIVE_PATH path "${start}" "${CMAKE_CURRENT_BINARY_DIR}/${name}")
  set(${out} "${path}" PARENT_SCOPE)
endfunction()
