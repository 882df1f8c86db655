// SPDX-License-Identifier: Apache-2.0
// What the C API says of a model: its file's own words, its ports, and a plan of one session.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "model/session/session.h"
#include "platforms/capi/handles.h"
#include "platforms/capi/refusal.h"
#include "runtime/base/arena.h"

namespace {

using ligero::Code;
using ligero::Result;
using ligero::Status;
using ligero::capi::null_argument;
using ligero::capi::refuse;

/// Strings end with a zero in the file.
const char* text_of(const ligero::Model& model, std::string_view key) {
  const std::string_view text = model.metadata(key);
  return text.empty() ? "" : text.data();
}

/// What one session at the model's rate costs, frame by frame. A model that hears whole recordings leaves
/// zeros.
Status plan_live(const ligero::Model& model, ligero_model_info* info) {
  ligero::SessionConfig config;
  config.rate_hz = model.rate_hz();
  const Result<ligero::SessionPlan> plan = ligero::plan_sessions(model, config);
  const Status& status = plan.status();
  if (status.code == Code::kBadArgument && status.index >= 0) {
    return {};
  }
  LIGERO_RETURN_IF_ERROR(status);
  info->live = 1;
  info->latency_samples = static_cast<uint32_t>(plan.value().sizes.latency);
  info->session_bytes = plan.value().bytes;
  return {};
}

}  // namespace

ligero_status ligero_get_model_info(const ligero_model* model, ligero_model_info* info) {
  if (model == nullptr || info == nullptr) {
    return null_argument("model, info");
  }
  const ligero::UseArena use(model->memory());
  const Result<ligero::Ports> ports = ligero::extract_ports(model->model);
  if (!ports.ok()) {
    return refuse(ports.status());
  }
  const ligero::Ports& p = ports.value();
  ligero_model_info full = LIGERO_MODEL_INFO_INIT;
  full.struct_bytes = info->struct_bytes;
  full.rate_hz = static_cast<uint32_t>(p.rate_hz);
  full.hop_samples = static_cast<uint32_t>(p.hop_samples);
  full.takes_profile = p.takes_profile() ? 1 : 0;
  full.side_outputs = static_cast<uint32_t>(p.num_side_outputs);
  for (size_t k = 0; k < p.num_side_outputs; ++k) {
    full.side_output_names[k] = p.side_outputs[k].name.data();
  }
  full.name = text_of(model->model, "name");
  full.licence = text_of(model->model, "licence");
  full.training_data = text_of(model->model, "training_data");
  full.file_bytes = model->model.file_bytes();
  if (info->struct_bytes > offsetof(ligero_model_info, live)) {
    const Status planned = plan_live(model->model, &full);
    if (!planned.ok()) {
      return refuse(planned);
    }
  }
  std::memcpy(info, &full, std::min<size_t>(info->struct_bytes, sizeof(full)));
  return LIGERO_OK;
}
