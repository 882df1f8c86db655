# SPDX-License-Identifier: Apache-2.0
# WebAssembly with Debian's emscripten. The libraries that are headers only are linked into the
# build folder: beside them in /usr/include lie those of the host's C library.
find_program(LIGERO_EMCC emcc REQUIRED)
get_filename_component(emscripten "${LIGERO_EMCC}" REALPATH)
get_filename_component(emscripten "${emscripten}" DIRECTORY)
include("${emscripten}/cmake/Modules/Platform/Emscripten.cmake")
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/include")
foreach(name hwy flatbuffers doctest)
  file(CREATE_LINK "/usr/include/${name}" "${CMAKE_BINARY_DIR}/include/${name}" SYMBOLIC)
endforeach()
set(LIGERO_HIGHWAY_INCLUDE "${CMAKE_BINARY_DIR}/include" CACHE PATH "")
set(LIGERO_FLATBUFFERS_INCLUDE "${CMAKE_BINARY_DIR}/include" CACHE PATH "")
set(LIGERO_EIGEN_INCLUDE /usr/include/eigen3 CACHE PATH "")
