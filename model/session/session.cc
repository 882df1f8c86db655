// SPDX-License-Identifier: Apache-2.0
// Every session as far as it comes without the network, then the network for all that wait for it.
#include "model/session/session.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "runtime/base/checked.h"
#include "runtime/base/fpmode.h"

namespace ligero {
namespace {

constexpr int32_t kMaxBlockHops = 6000;

/// Whether a session has several targets.
constexpr bool is_several(size_t targets) {
  return kMostTargets > 1 && targets > 1;
}

Result<PlanOptions> options_of(const BlockConfig& block, int32_t sessions) {
  if (block.hops == 0) {
    return PlanOptions{.mode = Mode::kStream, .max_frames = 1, .seats = sessions};
  }
  for (const auto& [hops, least] : {std::pair{block.hops, 1},
                                    std::pair{block.context_hops, 0},
                                    std::pair{block.look_ahead_hops, 0}}) {
    LIGERO_CHECK(hops >= least && hops <= kMaxBlockHops,
                 Code::kBadArgument,
                 "a block must have 1 to 6000 hops, its context and look-ahead 0 to 6000",
                 -1,
                 hops);
  }
  return PlanOptions{.mode = Mode::kBlocks,
                     .max_frames = block.hops,
                     .context_frames = block.context_hops,
                     .look_ahead_frames = block.look_ahead_hops,
                     .seats = sessions};
}

/// Reads a byte of every page of the weights, so that no page of a mapped file is fetched on the
/// audio thread.
void touch_weights(const Graph& graph) {
  constexpr int64_t kPageBytes = 4096;  // no processor has smaller ones
  const auto touch = [](const void* data, int64_t size) {
    const auto* bytes = static_cast<const volatile std::byte*>(data);
    for (int64_t at = 0; at < size; at += kPageBytes) {
      static_cast<void>(bytes[at]);
    }
  };
  for (const Tensor& t : graph.tensors) {
    if (t.kind == Kind::kWeight) {
      touch(t.data, stored_bytes(t));
      touch(t.scale, t.scale != nullptr ? t.dim[1] * int64_t{sizeof(float)} : 0);
    }
  }
}

/// What one session needs beside the network.
size_t session_bytes(const SessionPlan& plan) {
  Carver counter(nullptr);
  Seat seat;
  Signal signal;
  for (int32_t t = 0; t < plan.config.targets; ++t) {
    (void)seat.start(
        *plan.model, plan.ports, nullptr, 0, plan.plan.options.max_frames, 0, &counter);
  }
  if (is_several(static_cast<size_t>(plan.config.targets))) {
    VoiceSum().start(plan.config.targets, plan.sizes.block_samples, plan.ports.rate_hz, &counter);
  }
  (void)signal.start(plan.config, plan.ports, plan.sizes, &counter);
  return counter.used();
}

/// Ports and plan of the network of made->model.
Status plan_network(SessionPlan* made) {
  const Result<Ports> ports = extract_ports(*made->model);
  LIGERO_RETURN_IF_ERROR(ports.status());
  made->ports = ports.value();
  const int32_t targets = made->config.targets;
  LIGERO_CHECK(targets >= 1 && targets <= kMostTargets,
               Code::kBadArgument,
               kMostTargets == 1 ? "this build has one target a session" : "a session has 1 to 16 targets",
               -1,
               targets);
  LIGERO_CHECK(targets == 1 || made->ports.takes_profile(),
               Code::kBadArgument,
               "the network takes no profile, so its sessions have no several targets",
               -1,
               targets);
  LIGERO_CHECK(made->sessions <= SessionGroup::kMostSeats / targets,
               Code::kBadArgument,
               "a group has at most 65535 sessions, times their targets",
               -1,
               made->sessions);
  const Result<PlanOptions> options = options_of(made->config.block, made->sessions * targets);
  LIGERO_RETURN_IF_ERROR(options.status());
  Result<Plan> plan = made->config.processor.plan(*made->ports.graph, options.value());
  LIGERO_RETURN_IF_ERROR(plan.status());
  made->plan = std::move(plan.value());
  const int32_t t = made->ports.graph->outputs[made->ports.hops_out];
  const Placement& out = made->plan.tensors[static_cast<size_t>(t)];
  made->network_hops = out.delay + out.revised + out.lag;
  return {};
}

/// How far ahead of the voice each side output is.
Status plan_side_outputs(SessionPlan* made) {
  for (size_t k = 0; k < made->ports.num_side_outputs; ++k) {
    SideOutput& side = made->ports.side_outputs[k];
    const int32_t index = made->ports.graph->outputs[side.port];
    const Placement& place = made->plan.tensors[static_cast<size_t>(index)];
    side.ahead_hops = made->network_hops - (place.delay + place.revised + place.lag);
    LIGERO_CHECK(side.ahead_hops >= 0 && side.ahead_hops <= Ports::kMostAheadHops,
                 Code::kUnsupportedModel,
                 "in blocks a side output is later than the voice, or too many hops ahead of it",
                 index,
                 side.ahead_hops);
  }
  return {};
}

}  // namespace

Result<SessionPlan> plan_sessions(const Model& model,
                                  const SessionConfig& config,
                                  int32_t sessions) {
  LIGERO_CHECK(sessions >= 1 && sessions <= SessionGroup::kMostSeats,
               Code::kBadArgument,
               "a group has 1 to 65535 sessions",
               -1,
               sessions);
  Result<SessionPlan> result{SessionPlan()};
  SessionPlan& made = result.value();
  made.model = &model;
  made.config = config;
  made.sessions = sessions;
  LIGERO_RETURN_IF_ERROR(plan_network(&made));
  LIGERO_RETURN_IF_ERROR(plan_side_outputs(&made));
  const Result<SignalSizes> sizes =
      Signal::sizes(config, made.ports, made.plan.options.max_frames, made.network_hops);
  LIGERO_RETURN_IF_ERROR(sizes.status());
  made.sizes = sizes.value();
  made.bytes =
      add_bytes(align_up(made.plan.bytes()), bytes_of(sessions, session_bytes(made)));
  LIGERO_CHECK(made.bytes < kTooManyBytes,
               Code::kTooLittleMemory,
               "so many sessions need more memory than there are addresses");
  return result;
}

Status SessionGroup::start(SessionPlan&& plan, void* block, size_t bytes) {
  LIGERO_CHECK(block != nullptr && bytes >= plan.bytes,
               Code::kTooLittleMemory,
               "the block is too small: 'where' is the bytes needed",
               -1,
               static_cast<int64_t>(plan.bytes));
  LIGERO_CHECK(reinterpret_cast<uintptr_t>(block) % kAlignment == 0,
               Code::kBadArgument,
               "the block is not aligned to 64 bytes");
  const auto count = static_cast<size_t>(plan.sessions);
  const size_t seats = count * static_cast<size_t>(plan.config.targets);
  sessions_.reset(new (std::nothrow) Session[count]);
  seats_.reset(new (std::nothrow) Seat[seats]);
  LIGERO_CHECK(sessions_ != nullptr && seats_ != nullptr && progress_.allocate(count) &&
                   turns_.allocate(seats),
               Code::kTooLittleMemory,
               "no memory for the sessions of a group",
               -1,
               plan.sessions);
  ports_ = plan.ports;
  channels_ = plan.config.channels;
  targets_ = plan.config.targets;
  const Processor& processor = plan.config.processor;
  run_.accelerated.reset();
  if (processor.accelerator != nullptr) {
    Result<std::unique_ptr<Run>> opened =
        processor.accelerator->open(*ports_.graph, plan.plan.options);
    LIGERO_RETURN_IF_ERROR(opened.status());
    run_.accelerated = std::move(opened.value());
  }
  run_.place.store(run_.accelerated != nullptr ? SharedRun::Place::kAccelerator
                                               : SharedRun::Place::kProcessor,
                   std::memory_order_relaxed);
  std::memset(block, 0, plan.bytes);  // touches all memory now, not on the audio thread
  touch_weights(*ports_.graph);
  const int32_t block_hops = plan.plan.options.max_frames;
  const size_t run_bytes = plan.plan.bytes();
  Carver carver(static_cast<std::byte*>(block));
  float* const run_block = carver.floats(run_bytes / sizeof(float));
  LIGERO_RETURN_IF_ERROR(run_.processor.start(*ports_.graph,
                                              std::move(plan.plan),
                                              run_block,
                                              run_bytes,
                                              processor.pool,
                                              processor.watch));
  for (int32_t s = 0; s < plan.sessions; ++s) {
    Session& session = sessions_[static_cast<size_t>(s)];
    session.run = &run_;
    const int32_t first = s * targets_;
    session.first_seat = seats_.get() + first;
    session.num_targets = targets_;
    for (int32_t t = 0; t < targets_; ++t) {
      LIGERO_RETURN_IF_ERROR(session.first_seat[t].start(
          *plan.model, ports_, &run_, first + t, block_hops, plan.network_hops, &carver));
    }
    if (is_several(session.seats().size())) {
      session.sum.start(targets_, plan.sizes.block_samples, ports_.rate_hz, &carver);
      session.sum.reset();
    }
    LIGERO_RETURN_IF_ERROR(session.signal.start(plan.config, ports_, plan.sizes, &carver));
  }
  return {};
}

bool Session::has_target() const noexcept {
  const auto all = seats();
  return std::any_of(all.begin(), all.end(), [](const Seat& seat) { return seat.has_target(); });
}

void Session::finish() noexcept {
  const int64_t left = signal.finish();
  for (Seat& seat : seats()) {
    seat.finish(left);
  }
}

void Session::reset() noexcept {
  for (Seat& seat : seats()) {
    seat.reset();
  }
  if (is_several(seats().size())) {
    sum.reset();
  }
  signal.reset();
  samples.store(0, std::memory_order_relaxed);
}

SessionStatistics Session::statistics() const noexcept {
  int64_t healed = 0;
  for (const Seat& seat : seats()) {
    healed += seat.healed_hops();
  }
  return {samples.load(std::memory_order_relaxed),
          signal.cleaned(),
          healed,
          run->is_accelerated(),
          run->place.load(std::memory_order_relaxed) == SharedRun::Place::kLost};
}

/// False when every session has done all its samples.
bool SessionGroup::advance(const float* const* in, float* const* out, int32_t frames) noexcept {
  bool waits = false;
  for (size_t s = 0; s < progress_.size(); ++s) {
    Progress& now = progress_[s];
    Session& session = sessions_[s];
    const size_t first = s * static_cast<size_t>(channels_);
    while (now.at < frames) {
      if (!now.waits) {
        now.piece =
            session.signal.take(in + first, now.at, frames - now.at, session.has_target());
        now.waits = true;
      }
      if (session.signal.block_is_full()) {
        waits = true;
        break;
      }
      session.signal.give(now.piece, out + first, now.at);
      now.at += now.piece.frames;
      now.waits = false;
    }
  }
  return waits;
}

/// Gives every seat of the sessions that wait its block; whether the network is to run.
bool SessionGroup::open_blocks() noexcept {
  bool any = false;
  for (size_t s = 0; s < progress_.size(); ++s) {
    Session& session = sessions_[s];
    Turn* const turns = turns_.data() + s * session.seats().size();
    const float* block = nullptr;
    for (size_t t = 0; t < session.seats().size(); ++t) {
      turns[t].runs = false;
      if (!progress_[s].waits) {
        continue;
      }
      Seat& seat = session.seats()[t];
      float* const to = seat.open_block();
      if (t == 0) {
        session.signal.pop_block(to);
        block = to;
      } else {
        std::copy_n(block, seat.block_samples(), to);
      }
      const bool heard = session.signal.voice_is_heard() &&
                         (!is_several(session.seats().size()) || session.sum.is_heard(static_cast<int32_t>(t)));
      turns[t].runs = seat.wants_run(heard, &turns[t].extent);
      any = any || turns[t].runs;
    }
  }
  return any;
}

/// Passes the voices on.
void SessionGroup::close_blocks() noexcept {
  for (size_t s = 0; s < progress_.size(); ++s) {
    if (!progress_[s].waits) {
      continue;
    }
    Session& session = sessions_[s];
    const Turn* const turns = turns_.data() + s * session.seats().size();
    if (!is_several(session.seats().size())) {
      session.signal.push_voice(session.seats()[0].close_block(turns[0].runs));
      continue;
    }
    session.sum.begin(session.signal.voice_is_heard());
    for (size_t t = 0; t < session.seats().size(); ++t) {
      Seat& seat = session.seats()[t];
      session.sum.add(static_cast<int32_t>(t), seat.close_block(turns[t].runs), seat.has_target());
    }
    session.signal.push_voice(session.sum.take());
  }
}

void SessionGroup::run_blocks() noexcept {
  if (open_blocks() && !run_.now().run(turns_.span()).ok()) {
    run_.place.store(SharedRun::Place::kLost, std::memory_order_relaxed);
    for (size_t t = 0; t < turns_.size(); ++t) {
      seats_[t].fall_back(&turns_[t]);
    }
    (void)run_.processor.run(turns_.span());  // which never fails
  }
  close_blocks();
}

void SessionGroup::process(const float* const* in, float* const* out, int32_t frames) noexcept {
  const FlushToZero mode;
  for (size_t s = 0; s < progress_.size(); ++s) {
    const bool here = in[s * static_cast<size_t>(channels_)] != nullptr && frames > 0;
    progress_[s] = {here ? 0 : frames, false, {}};
    if (here) {
      sessions_[s].samples.fetch_add(frames, std::memory_order_relaxed);
    }
  }
  while (advance(in, out, frames)) {
    run_blocks();
  }
}

}  // namespace ligero
