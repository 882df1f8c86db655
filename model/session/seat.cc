// SPDX-License-Identifier: Apache-2.0
// What happens around the network's hops.
#include "model/session/seat.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ligero {
namespace {

constexpr int32_t kRampMs = 50;  // over which one target becomes another

}  // namespace

Status Seat::start(const Model& model,
                   const Ports& ports,
                   SharedRun* run,
                   int32_t index,
                   int32_t block_hops,
                   int32_t network_hops,
                   Carver* carver) {
  float* const slots = carver->floats(Mailbox::kSlots * ports.profile_floats);
  if (slots == nullptr) {
    return {};
  }
  for (size_t k = 0; k < ports.num_side_outputs; ++k) {
    side_rows_ = std::max(side_rows_, ports.side_outputs[k].ahead_hops + block_hops);
  }
  LIGERO_CHECK(side_past_.allocate(ports.num_side_outputs * static_cast<size_t>(side_rows_)),
               Code::kTooLittleMemory,
               "no memory for a session's side outputs");
  mailbox_.set_memory(slots, ports.profile_floats);
  model_ = &model;
  ports_ = ports;
  run_ = run;
  index_ = index;
  block_hops_ = block_hops;
  rest_after_ = ports.hops_in_ms(kRestMs) + network_hops;
  ramp_blocks_ = std::max<int32_t>(1, ports.hops_in_ms(kRampMs) / block_hops);
  reset();
  return {};
}

Status Seat::set_target(const Profile& profile) noexcept {
  LIGERO_RETURN_IF_ERROR(check_profile(*model_, ports_, profile));
  float* to = mailbox_.writing();
  for (int32_t t : ports_.graph->inputs) {
    const Tensor& tensor = ports_.graph->tensors[static_cast<size_t>(t)];
    if (!tensor.is_sequence()) {
      const std::span<const float> values = profile.find(tensor.name);
      to = std::copy(values.begin(), values.end(), to);
    }
  }
  mailbox_.publish(true);
  return {};
}

void Seat::clear_target() noexcept {
  mailbox_.publish(false);
}

/// What the network knows of the signal.
void Seat::forget() noexcept {
  run_->processor.reset(index_);
  if (run_->is_accelerated()) {
    run_->accelerated->reset(index_);
  }
  hops_run_ = 0;
  hops_side_ = 0;
}

void Seat::reset() noexcept {
  forget();
  silent_hops_ = 0;
  left_ = {};
  retake_ = retake_ || has_target_;
  has_target_ = !ports_.takes_profile();
  for (std::atomic<float>& value : side_now_) {
    value.store(0.0f, std::memory_order_relaxed);
  }
  healed_.store(0, std::memory_order_relaxed);
}

void Seat::finish(int64_t samples) noexcept {
  if (left_.total_frames != kUnknown) {
    return;  // what has come since is none of the signal
  }
  left_.total_samples = samples;
  left_.total_frames = ports_.rows_of(samples);
}

/// Takes over what the control thread has set since the last block, or again what a reset has put
/// back.
void Seat::take_target() noexcept {
  const bool fresh = mailbox_.fresh();
  if (!ports_.takes_profile() || (!fresh && !retake_)) {
    return;
  }
  retake_ = false;
  if (fresh) {
    mailbox_.take();
  }
  const bool had_target = has_target_;
  has_target_ = mailbox_.has_target();
  if (!has_target_) {
    return;
  }
  if (!had_target) {
    forget();
  }
  ramp_steps_ = had_target ? ramp_blocks_ : 1;
}

/// Moves the profile that the network sees one step nearer to the target's.
void Seat::step_target() noexcept {
  if (ramp_steps_ == 0) {
    return;
  }
  const float share = 1.0f / static_cast<float>(ramp_steps_);
  const float* goal = mailbox_.reading();
  const Graph& graph = *ports_.graph;
  for (size_t k = 0; k < graph.inputs.size(); ++k) {
    if (k == ports_.hops_in) {
      continue;
    }
    float* now = run_->processor.input(index_, k);
    const int64_t n = graph.tensors[static_cast<size_t>(graph.inputs[k])].elements();
    if (ramp_steps_ == 1) {
      std::copy(goal, goal + n, now);
    } else {
      for (int64_t i = 0; i < n; ++i) {
        now[i] += share * (goal[i] - now[i]);
      }
    }
    goal += n;
    if (run_->is_accelerated()) {
      std::copy(now, now + n, run_->accelerated->input(index_, k));
    }
  }
  run_->processor.timeless_changed(index_);
  if (run_->is_accelerated()) {
    run_->accelerated->timeless_changed(index_);
  }
  --ramp_steps_;
}

/// Whether the seat rests on these hops; when it begins to, it forgets.
bool Seat::rests(const float* in) noexcept {
  const bool silent =
      std::all_of(in, in + block_samples(), [](float x) { return std::fabs(x) <= kSilentSample; });
  if (!silent) {
    silent_hops_ = 0;
    return false;
  }
  if (silent_hops_ < rest_after_) {
    silent_hops_ += block_hops_;
    return false;
  }
  if (hops_run_ > 0) {
    forget();
  }
  return true;
}

float* Seat::open_block() noexcept {
  take_target();
  return run_->now().input(index_, ports_.hops_in);
}

bool Seat::wants_run(bool heard, Extent* extent) noexcept {
  const bool rest = rests(run_->now().input(index_, ports_.hops_in));
  const bool used = has_target_ || heard;
  if (used) {
    step_target();
  }
  *extent = {};
  if (left_.total_frames != kUnknown) {
    *extent = {hops_run_ + left_.total_frames,
               hops_run_ * ports_.hop_samples + left_.total_samples};
  }
  return used && !rest;
}

void Seat::fall_back(Turn* turn) noexcept {
  const int64_t done = hops_run_;
  forget();
  if (!turn->runs) {
    return;
  }
  const float* in = run_->accelerated->input(index_, ports_.hops_in);
  std::copy(in, in + block_samples(), run_->processor.input(index_, ports_.hops_in));
  if (turn->extent.total_frames != kUnknown) {
    turn->extent.total_frames -= done;
    turn->extent.total_samples -= done * ports_.hop_samples;
  }
}

/// Keeps the side outputs of the block until the voice of their hops goes out.
void Seat::take_side_outputs() noexcept {
  for (size_t k = 0; k < ports_.num_side_outputs; ++k) {
    const float* side = run_->now().output(index_, ports_.side_outputs[k].port);
    float* past = side_past_.data() + k * static_cast<size_t>(side_rows_);
    for (int32_t hop = 0; hop < block_hops_; ++hop) {
      past[(hops_side_ + hop) % side_rows_] = side[hop];
    }
  }
  hops_side_ += block_hops_;
}

float Seat::side_output_before(size_t k, int32_t hops) const noexcept {
  const int64_t at = hops_side_ - 1 - hops - ports_.side_outputs[k].ahead_hops;
  if (at < 0 || !has_voice_) {
    return 0.0f;
  }
  return side_past_[k * static_cast<size_t>(side_rows_) + static_cast<size_t>(at % side_rows_)];
}

const float* Seat::close_block(bool ran) noexcept {
  const float* voice = nullptr;
  if (ran) {
    voice = run_->now().output(index_, ports_.hops_out);
    hops_run_ += block_hops_;
    float sum = 0.0f;
    for (int32_t i = 0; i < block_samples(); ++i) {
      sum += voice[i];
    }
    for (size_t k = 0; k < ports_.num_side_outputs; ++k) {
      const float* side = run_->now().output(index_, ports_.side_outputs[k].port);
      sum = std::accumulate(side, side + block_hops_, sum);
    }
    if (std::isfinite(sum)) {
      take_side_outputs();
    } else {
      forget();
      healed_.fetch_add(block_hops_, std::memory_order_relaxed);
      voice = nullptr;
    }
  }
  has_voice_ = voice != nullptr;
  for (size_t k = 0; k < ports_.num_side_outputs; ++k) {
    side_now_[k].store(side_output_before(k, 0), std::memory_order_relaxed);
  }
  if (left_.total_frames != kUnknown) {
    left_.total_frames -= block_hops_;
    left_.total_samples -= block_samples();
  }
  return voice;
}

}  // namespace ligero
