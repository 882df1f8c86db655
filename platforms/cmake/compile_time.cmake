# SPDX-License-Identifier: Apache-2.0
# ligero_compile_quickly(TARGET): optimises little. For sources that compute nothing: options, messages,
# JSON, and tests that call what is compiled as it ships.
function(ligero_compile_quickly target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()
