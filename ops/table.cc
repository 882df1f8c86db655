// SPDX-License-Identifier: Apache-2.0
// The table of every op, from the list in table.h.
#include "ops/table.h"

namespace ligero {

OpTable all_ops() {
#define LIGERO_ENTRY(op) &op,
  static const Op* const kOps[] = {LIGERO_EVERY_OP(LIGERO_ENTRY)};
#undef LIGERO_ENTRY
  return OpTable{kOps};
}

}  // namespace ligero
