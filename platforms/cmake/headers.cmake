# SPDX-License-Identifier: Apache-2.0
# ligero_find_headers(VARIABLE HEADER PACKAGE TARGET PC [HINT...]): sets the cache variable to the folder that
# has HEADER of a library of which only headers are used. The CMake package says it, then pkg-config, then a
# hint. When crossing, the build machine's own /usr/include is not searched and its pkg-config not asked: give
# CMAKE_SYSROOT, CMAKE_FIND_ROOT_PATH, CMAKE_PREFIX_PATH, PKG_CONFIG_LIBDIR, or the variable itself.
function(ligero_find_headers variable header package target pc)
  if(${variable})
    return()
  endif()
  set(folders "")
  find_package(${package} CONFIG QUIET)
  if(TARGET ${target})
    get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
  elseif(NOT CMAKE_CROSSCOMPILING OR DEFINED ENV{PKG_CONFIG_LIBDIR} OR DEFINED ENV{PKG_CONFIG})
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
      pkg_get_variable(folders ${pc} includedir)
    endif()
  endif()
  set(not_the_host "")
  if(CMAKE_CROSSCOMPILING AND NOT CMAKE_SYSROOT AND NOT CMAKE_FIND_ROOT_PATH)
    set(not_the_host NO_CMAKE_SYSTEM_PATH)
  endif()
  find_path(${variable} ${header} HINTS ${folders} ${ARGN} ${not_the_host})
  if(NOT ${variable})
    message(FATAL_ERROR "ligero: no ${header} for ${CMAKE_SYSTEM_PROCESSOR}; expected the CMake package "
                        "${package} (CMAKE_PREFIX_PATH), ${pc}.pc (PKG_CONFIG_LIBDIR) or -D${variable}=FOLDER")
  endif()
endfunction()
