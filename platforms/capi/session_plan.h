// SPDX-License-Identifier: Apache-2.0
// A ligero_session_config, read and planned. Not: sessions (ligero.cc, batch.cc).
#ifndef LIGERO_PLATFORMS_CAPI_SESSION_PLAN_H_
#define LIGERO_PLATFORMS_CAPI_SESSION_PLAN_H_

#include <cstdint>

#include "model/session/session.h"
#include "runtime/api/ligero.h"
#include "runtime/base/status.h"
#include "runtime/run.h"

namespace ligero::capi {

/// Plans `sessions` sessions of the model; a null `config` has the defaults. A refusal is the last error.
ligero_status plan_config(const ligero_model* model,
                          const ligero_session_config* config,
                          int32_t sessions,
                          SessionPlan* plan);

/// What a ligero_device stands for: null: the processor. Errors as cuda::choose_accelerator().
Result<const Backend*> find_accelerator(uint32_t device);

}  // namespace ligero::capi

#endif  // LIGERO_PLATFORMS_CAPI_SESSION_PLAN_H_
