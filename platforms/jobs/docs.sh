#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run docs: write the C API's reference into build/docs/html; whatever is undocumented is an error
set -eu
. platforms/jobs/lib/packages.sh

install_packages doxygen
mkdir -p build/docs
doxygen - >build/docs/doxygen.log 2>&1 <<END || { cat build/docs/doxygen.log >&2; fail "the header is not documented as Doxygen wants it"; }
PROJECT_NAME = ligero
PROJECT_BRIEF = "extracts the voice of one enrolled person"
PROJECT_NUMBER = $(sed -n 's/^project(ligero VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
INPUT = runtime/api/ligero.h
OUTPUT_DIRECTORY = build/docs
GENERATE_LATEX = NO
OPTIMIZE_OUTPUT_FOR_C = YES
JAVADOC_AUTOBRIEF = YES
HAVE_DOT = NO
QUIET = YES
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
PREDEFINED = "LIGERO_API="
WARN_AS_ERROR = FAIL_ON_WARNINGS
END
say "build/docs/html/index.html: every part of $(grep -c '^LIGERO_API' runtime/api/ligero.h) functions is documented"
