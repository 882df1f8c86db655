// SPDX-License-Identifier: Apache-2.0
// The version of the whole: MAJOR.MINOR.PATCH. Not: those of the C API and the file formats.
#ifndef LIGERO_RUNTIME_BASE_VERSION_H_
#define LIGERO_RUNTIME_BASE_VERSION_H_

namespace ligero {

/// "0.1.0", as in CMakeLists.txt. Any time.
const char* version();

}  // namespace ligero

#endif  // LIGERO_RUNTIME_BASE_VERSION_H_
