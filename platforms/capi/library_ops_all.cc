// SPDX-License-Identifier: Apache-2.0
// LIGERO_OPS=all: every op there is.
#include "ops/table.h"
#include "platforms/capi/library_ops.h"

namespace ligero {

OpTable library_ops() {
  return all_ops();
}

}  // namespace ligero
