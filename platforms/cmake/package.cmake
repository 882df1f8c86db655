# SPDX-License-Identifier: Apache-2.0
# `cpack` makes a .deb and a .tar.gz of what is installed: tool, converter, libraries, header, models, pages.
# Included last: CPack reads the variables and what install() has listed.
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_NAME ligero)
set(CPACK_PACKAGE_VENDOR "The ligero authors")
set(CPACK_PACKAGE_CONTACT "The ligero authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "extracts the voice of one enrolled person from a recording or a microphone")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CHECKSUM SHA256)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION sound)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # Depends, from what the programs are linked with
if(CMAKE_CROSSCOMPILING)  # dpkg-shlibdeps knows this machine's packages only
  set(CPACK_GENERATOR TGZ)
endif()
include(CPack)
