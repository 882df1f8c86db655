// SPDX-License-Identifier: Apache-2.0
// The ops that this build of the C library has. Not: the ops (ops/table.h).
#ifndef LIGERO_PLATFORMS_CAPI_LIBRARY_OPS_H_
#define LIGERO_PLATFORMS_CAPI_LIBRARY_OPS_H_

#include "runtime/op.h"

namespace ligero {

/// Defined in library_ops_<LIGERO_OPS>.cc, of which the build takes one.
OpTable library_ops();

}  // namespace ligero

#endif  // LIGERO_PLATFORMS_CAPI_LIBRARY_OPS_H_
