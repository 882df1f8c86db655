// SPDX-License-Identifier: Apache-2.0
// The number itself comes from CMakeLists.txt.
#include "runtime/base/version.h"

namespace ligero {

const char* version() {
  return LIGERO_VERSION;
}

}  // namespace ligero
