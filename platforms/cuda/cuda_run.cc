// SPDX-License-Identifier: Apache-2.0
// Memory and launches of a run.
#include "platforms/cuda/cuda_run.h"

#include <algorithm>
#include <new>

#include "runtime/base/checked.h"

namespace ligero::cuda {
namespace {

constexpr size_t kArenaAlignment = 256;
constexpr size_t kMostBytes = size_t{1} << 40;

}  // namespace

Result<std::unique_ptr<Run>> CudaRun::open(const Graph& graph,
                                             const PlanOptions& options,
                                             std::shared_ptr<const Weights> weights,
                                             Driver* driver,
                                             std::unique_ptr<Queue> queue,
                                             int32_t processors) {
  std::unique_ptr<CudaRun> run(new (std::nothrow) CudaRun(driver, std::move(queue)));
  LIGERO_CHECK(run != nullptr, Code::kTooLittleMemory, "no memory for a run");
  Result<DeviceGraph> exchanged = DeviceGraph::make(graph);
  LIGERO_RETURN_IF_ERROR(exchanged.status());
  run->graph_ = std::move(exchanged.value());
  LIGERO_CHECK(options.seats >= 1,
               Code::kBadArgument,
               "a run needs at least one seat",
               -1,
               options.seats);
  // Every session has an arena of its own, laid out for one seat.
  PlanOptions one_seat = options;
  one_seat.seats = 1;
  one_seat.history = HistoryForm::kRing;
  Result<Plan> plan = make_plan(run->graph_.graph(), one_seat);
  LIGERO_RETURN_IF_ERROR(plan.status());
  run->plan_ = std::move(plan.value());
  run->weights_ = std::move(weights);
  run->sessions_ = options.seats;
  run->processors_ = processors;
  LIGERO_RETURN_IF_ERROR(run->lay_out(graph));
  LIGERO_RETURN_IF_ERROR(run->record(graph));
  const Fault fault = run->plan_.streams() ? run->capture() : 0;
  if (fault != 0) {
    return failed(fault);
  }
  return std::unique_ptr<Run>(std::move(run));
}

CudaRun::~CudaRun() {
  (void)queue_->wait();
}

Fault CudaRun::capture() noexcept {
  if (const Fault fault = queue_->capture(); fault != 0) {
    return fault;
  }
  const Fault fault = enqueue();
  const Fault ended = queue_->captured();
  return fault != 0 ? fault : ended;
}

void CudaRun::lay_out_slots(const Graph& graph) {
  const auto sessions = static_cast<size_t>(sessions_);
  size_t at = align_up(sessions * sizeof(Clock));
  const auto place = [&](Slot* slot) {
    slot->offset = at;
    at += align_up(sessions * static_cast<size_t>(slot->floats) * sizeof(float));
  };
  const auto slot_of = [&](int32_t t) {
    const Tensor& tensor = graph.tensors[static_cast<size_t>(t)];
    const bool constant = tensor.kind == Kind::kConstant;
    return Slot{t, constant, 0, tensor.elements() * (constant ? 1 : plan_.options.max_frames)};
  };
  for (int32_t t : graph.inputs) {
    inputs_.push_back(slot_of(t));
    if (!inputs_.back().constant) {
      place(&inputs_.back());
    }
  }
  up_bytes_ = at;
  down_offset_ = at;
  for (int32_t t : graph.outputs) {
    outputs_.push_back(slot_of(t));
    place(&outputs_.back());
  }
  down_bytes_ = at - down_offset_;
  for (Slot& slot : inputs_) {  // these have a place in the host's memory alone
    if (slot.constant) {
      place(&slot);
    }
  }
}

Status CudaRun::lay_out(const Graph& graph) {
  lay_out_slots(graph);
  LIGERO_RETURN_IF_ERROR(kept_.find(plan_));
  find_ranges();
  const auto sessions = static_cast<size_t>(sessions_);
  heads_offset_ = down_offset_ + down_bytes_;
  capacities_offset_ =
      heads_offset_ + align_up(sessions * kept_.tensor.size() * sizeof(int32_t));
  const size_t mailbox_bytes =
      capacities_offset_ + align_up(kept_.tensor.size() * sizeof(int32_t));
  size_t host_bytes = mailbox_bytes;
  for (const Slot& slot : inputs_) {
    host_bytes = std::max(
        host_bytes, slot.offset + sessions * static_cast<size_t>(slot.floats) * sizeof(float));
  }
  layout_.arena_bytes = align_up(plan_.bytes(), kArenaAlignment);
  LIGERO_CHECK(layout_.arena_bytes < kMostBytes / sessions,
               Code::kTooLittleMemory,
               "the GPU has not as much free memory: 'where' is the bytes of one session",
               -1,
               static_cast<int64_t>(layout_.arena_bytes));
  arenas_ = Memory(driver_, Memory::Where::kDevice, layout_.arena_bytes * sessions);
  mailbox_ = Memory(driver_, Memory::Where::kDevice, mailbox_bytes);
  host_ = Memory(driver_, Memory::Where::kHost, host_bytes);
  if (arenas_.data() == nullptr || mailbox_.data() == nullptr || host_.data() == nullptr) {
    return no_memory(driver_, layout_.arena_bytes * sessions + mailbox_bytes);
  }
  std::memset(host_.data(), 0, host_bytes);
  auto* capacities = reinterpret_cast<int32_t*>(host_.data() + capacities_offset_);
  for (const int32_t t : kept_.tensor) {
    *capacities++ = plan_.tensors[static_cast<size_t>(t)].capacity;
  }
  Fault fault = queue_->zero(arenas_.data(), layout_.arena_bytes * sessions);
  fault = fault != 0 ? fault : queue_->upload(mailbox_.data(), host_.data(), mailbox_bytes);
  fault = fault != 0 ? fault : queue_->wait();
  if (fault != 0) {
    return failed(fault);
  }
  layout_.arena = arenas_.data();
  layout_.sessions = {reinterpret_cast<const Clock*>(mailbox_.data()),
                      reinterpret_cast<const int32_t*>(mailbox_.data() + heads_offset_),
                      static_cast<int32_t>(kept_.tensor.size()),
                      sessions_};
  frames_in_.assign(sessions, 0);
  changed_.assign(sessions, true);
  forgotten_.assign(sessions, false);
  return {};
}

void CudaRun::find_ranges() {
  for (const NodePlacement& place : plan_.places) {
    carried_.push_back({place.state_offset, align_up(place.state_bytes)});
  }
  for (size_t t = 0; t < plan_.tensors.size(); ++t) {
    if (kept_.of[t] >= 0) {
      carried_.push_back({plan_.tensors[t].offset, plan_.tensors[t].bytes});
    }
  }
  std::erase_if(carried_, [](const Range& r) { return r.bytes == 0; });
  std::sort(carried_.begin(), carried_.end(), [](const Range& a, const Range& b) {
    return a.offset < b.offset;
  });
  std::vector<Range> joined;
  for (const Range& r : carried_) {
    if (!joined.empty() && joined.back().offset + joined.back().bytes == r.offset) {
      joined.back().bytes += r.bytes;
    } else {
      joined.push_back(r);
    }
  }
  carried_ = std::move(joined);
}

/// Between the mailbox and the rows of an input or output.
void CudaRun::record_rows(Recorder* recorder, const Slot& slot, bool in) {
  View mail;
  mail.data = reinterpret_cast<float*>(mailbox_.data() + slot.offset);
  mail.stride = slot.floats;
  mail.row = plan_.tensors[static_cast<size_t>(slot.tensor)].row;
  mail.step = slot.constant ? 0 : 1;
  View rows = recorder->tensor(slot.tensor);
  if (!in) {  // what is final
    rows.first -= plan_.tensors[static_cast<size_t>(slot.tensor)].revised * rows.step;
  }
  Move move = {};
  move.sessions = layout_.sessions;
  move.rows.frames = slot.constant ? 1 : plan_.options.max_frames;
  move.rows.reach = Reach::kCall;
  move.x = in ? mail : rows;
  move.y = in ? rows : mail;
  move.bins = 1;
  move.channels = static_cast<int32_t>(mail.row);
  move.x_channel = move.y_channel = move.chunks = 1;
  recorder->launch_elements(move, move.rows.frames, mail.row);
}

/// Rows around a whole signal are zero. Their memory may have served others since the last run.
void CudaRun::record_margins(Recorder* recorder, int32_t t) {
  const Placement& place = plan_.tensors[static_cast<size_t>(t)];
  const View rows = recorder->tensor(t);
  if (plan_.streams() || rows.step == 0) {
    return;
  }
  const Margins margins = {layout_.sessions,
                           rows,
                           place.history,
                           plan_.options.max_frames,
                           place.tail,
                           static_cast<int32_t>(place.row)};
  recorder->launch_elements(margins, place.history + place.tail, place.row);
}

Status CudaRun::record(const Graph& graph) {
  Recorder recorder(graph_.graph(), plan_, kept_, *weights_, layout_, processors_, &tables_);
  recorder.start(&launches_);
  if (kept_.tensor.size() > 0) {
    recorder.launch(Heads{layout_.sessions.clocks,
                          reinterpret_cast<const int32_t*>(mailbox_.data() + capacities_offset_),
                          reinterpret_cast<int32_t*>(mailbox_.data() + heads_offset_),
                          layout_.sessions.rings},
                    1,
                    sessions_);
  }
  for (const Slot& slot : inputs_) {
    if (!slot.constant) {
      record_rows(&recorder, slot, true);
      record_margins(&recorder, slot.tensor);
    }
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    recorder.start(&launches_);
    for (int32_t t : graph.nodes[n].outputs) {
      record_margins(&recorder, t);
    }
    LIGERO_RETURN_IF_ERROR(recorder.status());
    const bool timeless = plan_.streams() && plan_.places[n].timeless;
    LIGERO_RETURN_IF_ERROR(recorder.record(n, timeless ? &timeless_ : &launches_));
  }
  recorder.start(&launches_);
  for (const Slot& slot : outputs_) {
    record_rows(&recorder, slot, false);
  }
  return recorder.status();
}

float* CudaRun::input(int32_t session, size_t k) noexcept {
  const Slot& slot = inputs_[k];
  return reinterpret_cast<float*>(host_.data() + slot.offset) + session * slot.floats;
}

const float* CudaRun::output(int32_t session, size_t k) const noexcept {
  const Slot& slot = outputs_[k];
  return reinterpret_cast<const float*>(host_.data() + slot.offset) + session * slot.floats;
}

void CudaRun::timeless_changed(int32_t session) noexcept {
  changed_[static_cast<size_t>(session)] = true;
}

void CudaRun::reset(int32_t session) noexcept {
  forgotten_[static_cast<size_t>(session)] = true;
  frames_in_[static_cast<size_t>(session)] = 0;
}

/// What goes over before the launches: clocks, constants, forgotten states.
Fault CudaRun::prepare_run(std::span<const Turn> turns) noexcept {
  auto* clocks = reinterpret_cast<Clock*>(host_.data());
  Fault fault = 0;
  bool any_changed = false;
  for (size_t s = 0; fault == 0 && s < turns.size(); ++s) {
    const Extent& extent = turns[s].extent;
    clocks[s] = {frames_in_[s],
                 std::min(extent.total_frames, kEndless),
                 std::min(extent.total_samples, kEndless),
                 turns[s].runs ? 1 : 0};
    std::byte* arena = layout_.arena + s * layout_.arena_bytes;
    if (forgotten_[s] || !plan_.streams()) {
      for (const Range& r : carried_) {
        fault = fault != 0 ? fault : queue_->zero(arena + r.offset, r.bytes);
      }
      forgotten_[s] = false;
    }
    if (changed_[s] || !plan_.streams()) {
      any_changed = true;
      changed_[s] = false;
      for (const Slot& slot : inputs_) {
        if (slot.constant && fault == 0) {
          const auto bytes = static_cast<size_t>(slot.floats) * sizeof(float);
          fault = queue_->upload(arena + plan_.tensors[static_cast<size_t>(slot.tensor)].offset,
                                 host_.data() + slot.offset + s * bytes,
                                 bytes);
        }
      }
    }
  }
  for (size_t i = 0; any_changed && fault == 0 && i < timeless_.size(); ++i) {
    fault = queue_->launch(timeless_[i]);
  }
  return fault;
}

/// All that every run does.
Fault CudaRun::enqueue() noexcept {
  Fault fault = queue_->upload(mailbox_.data(), host_.data(), up_bytes_);
  for (size_t i = 0; fault == 0 && i < launches_.size(); ++i) {
    fault = queue_->launch(launches_[i]);
  }
  return fault != 0 ? fault
                    : queue_->download(
                          host_.data() + down_offset_, mailbox_.data() + down_offset_, down_bytes_);
}

Status CudaRun::run(std::span<const Turn> turns) noexcept {
  LIGERO_CHECK(turns.size() == static_cast<size_t>(sessions_),
               Code::kBadArgument,
               "not one turn for each session",
               -1,
               sessions_);
  if (failed_ != 0) {
    return failed(failed_);
  }
  Fault fault = prepare_run(turns);
  if (fault == 0) {
    fault = plan_.streams() ? queue_->replay() : enqueue();
  }
  fault = fault != 0 ? fault : queue_->wait();
  if (fault != 0) {
    failed_ = fault;
    return failed(fault);
  }
  for (size_t s = 0; plan_.streams() && s < turns.size(); ++s) {
    frames_in_[s] += turns[s].runs ? plan_.options.max_frames : 0;
  }
  return {};
}

Status CudaRun::read(int32_t session, int32_t index, std::span<float> out) noexcept {
  const int64_t floats = values_of(graph_.graph(), index, plan_.options.max_frames);
  LIGERO_CHECK(!plan_.streams() && plan_.options.keep_all && floats > 0 &&
                   static_cast<int64_t>(out.size()) == floats,
               Code::kBadArgument,
               "no such tensor was kept, or not as many values as it has",
               index,
               floats);
  const Placement& place = plan_.tensors[static_cast<size_t>(index)];
  const size_t bytes = out.size() * sizeof(float);
  const Memory host(driver_, Memory::Where::kHost, bytes);
  if (host.data() == nullptr) {
    return no_memory(driver_, bytes);
  }
  const std::byte* from = layout_.arena + static_cast<size_t>(session) * layout_.arena_bytes +
                          place.offset +
                          static_cast<size_t>(place.history * place.row) * sizeof(float);
  Fault fault = queue_->download(host.data(), from, bytes);
  fault = fault != 0 ? fault : queue_->wait();
  if (fault != 0) {
    return failed(fault);
  }
  std::memcpy(out.data(), host.data(), bytes);
  return {};
}

}  // namespace ligero::cuda
