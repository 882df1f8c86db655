// SPDX-License-Identifier: Apache-2.0
// Samples in, samples out, and the latency taken off.
#include "platforms/cli/live/live_file.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "model/session/blocks.h"
#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace {

[[noreturn]] void refuse_session(const ModelFile& model, const Status& status) {
  const Graph& graph = graph_of(model, "extract");
  if (const std::string_view node = node_name(graph, status.index); !node.empty()) {
    refuse("model '",
           model.path,
           "' cannot run frame by frame: ",
           status.message,
           " (node '",
           node,
           "', op '",
           graph.nodes[static_cast<size_t>(status.index)].op->name,
           "'); expected a causal model, or to run it in blocks (--block)");
  }
  refuse_status(text("cannot run model '", model.path, "' live"), status);
}

}  // namespace

LiveSession::LiveSession(const ModelFile& model,
                         const SessionConfig& config,
                         const Profile* profile) {
  Result<SessionPlan> plan = plan_sessions(model.model, config);
  if (!plan.ok()) {
    refuse_session(model, plan.status());
  }
  if (!block.allocate(plan.value().bytes)) {
    refuse("a session needs ", plan.value().bytes, " bytes, and there are not as many");
  }
  if (const Status status = group.start(std::move(plan.value()), block.data(), block.size());
      !status.ok()) {
    refuse_session(model, status);
  }
  if (profile != nullptr) {
    if (const Status status = session().set_target(*profile); !status.ok()) {
      refuse_status("the profile does not fit the model", status);
    }
  }
}

void LiveSession::report(const std::string& what) const {
  const SessionStatistics now = session().statistics();
  if (now.accelerator_lost) {
    std::fprintf(stderr, "ligero: the GPU has failed; the processor has computed the rest\n");
  }
  if (now.cleaned_samples > 0) {
    std::fprintf(
        stderr,
        "ligero: %lld samples of %s were NaN, infinite or beyond %.0f times full scale and "
        "counted as zero\n",
        static_cast<long long>(now.cleaned_samples),
        what.c_str(),
        static_cast<double>(Signal::kLoudestSample));
  }
}

BlockConfig live_blocks(const ModelFile& model, const BlockOptions& asked) {
  if (asked.asked_for()) {
    return asked.config(model.model);
  }
  if (runs_frame_by_frame(model.model)) {
    return {};
  }
  const BlockConfig block = blocks_of(model.model, 0.5, 2.0, 1.0);
  std::fprintf(stderr,
               "ligero: '%s' needs what follows as well, so it runs in %s\n",
               model.path.c_str(),
               describe(model.model, block).c_str());
  return block;
}

LiveFile::LiveFile(const ModelFile& model, const SessionConfig& config, const Profile* profile)
    : live_(model, config, profile),
      early_(static_cast<size_t>(live_.session().latency_samples())) {}

void LiveFile::follow(size_t k, std::vector<float>* values) {
  const Session& session = live_.session();
  const int32_t behind = session.latency_samples() - session.seats()[0].block_samples();
  side_ = k;
  side_values_ = values;
  side_early_ = behind / live_.group.ports().hop_samples;
}

/// Where a block is complete, what its voice's hops say.
void LiveFile::keep_side() {
  const Seat& seat = live_.session().seats()[0];
  if (taken_ % static_cast<size_t>(seat.block_samples()) != 0) {
    return;
  }
  for (int32_t hop = seat.block_samples() / live_.group.ports().hop_samples - 1; hop >= 0; --hop) {
    if (side_early_ > 0) {
      --side_early_;
    } else {
      side_values_->push_back(seat.side_output_before(side_, hop));
    }
  }
}

void LiveFile::push(std::span<const float> mixture, std::vector<float>* voice) {
  const size_t begin = voice->size();
  voice->resize(begin + mixture.size());
  const auto block = static_cast<size_t>(live_.session().seats()[0].block_samples());
  for (size_t at = 0; at < mixture.size();) {
    // At once, as it is asked for, but for side outputs: they can be read until the next block.
    const size_t most = side_values_ == nullptr ? SIZE_MAX : block - taken_ % block;
    const size_t piece = std::min(most, mixture.size() - at);
    const float* in[1] = {mixture.data() + at};
    float* out[1] = {voice->data() + begin + at};
    live_.group.process(in, out, static_cast<int32_t>(piece));
    at += piece;
    taken_ += piece;
    if (side_values_ != nullptr) {
      keep_side();
    }
  }
  const size_t early = std::min(early_, mixture.size());
  early_ -= early;
  const auto first = voice->begin() + static_cast<std::ptrdiff_t>(begin);
  voice->erase(first, first + static_cast<std::ptrdiff_t>(early));
}

void LiveFile::finish(std::vector<float>* voice) {
  const auto hops =
      static_cast<size_t>(ceil_div(static_cast<int64_t>(taken_), live_.group.ports().hop_samples));
  live_.session().finish();
  push(std::vector<float>(static_cast<size_t>(live_.session().latency_samples()), 0.0f), voice);
  if (side_values_ != nullptr) {
    side_values_->resize(hops);
  }
}

}  // namespace ligero::cli
