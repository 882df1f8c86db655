// SPDX-License-Identifier: Apache-2.0
// Refusals of the C API: a status, and the message that ligero_last_error() returns.
#ifndef LIGERO_PLATFORMS_CAPI_REFUSAL_H_
#define LIGERO_PLATFORMS_CAPI_REFUSAL_H_

#include "runtime/api/ligero.h"
#include "runtime/base/status.h"

namespace ligero::capi {

/// Keeps "what: where" as the last error of this thread. Returns `code` as a ligero_status.
ligero_status refuse(Code code, const char* what, const char* where = "");
/// The same of a status; without `where`, its numbers say where.
ligero_status refuse(const Status& status, const char* where = "");
/// `name`: the arguments of which one is null.
ligero_status null_argument(const char* name);

/// Never null.
const char* last_error();

}  // namespace ligero::capi

#endif  // LIGERO_PLATFORMS_CAPI_REFUSAL_H_
