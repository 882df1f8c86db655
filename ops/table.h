// The list of ops, written out by hand. Applications may hand the runtime a shorter one.
#ifndef LIGERO_OPS_TABLE_H_
#define LIGERO_OPS_TABLE_H_

#include "runtime/op.h"

namespace ligero {

/// Every op of this build.
OpTable all_ops();

}  // namespace ligero

#endif  // LIGERO_OPS_TABLE_H_
