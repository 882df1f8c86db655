// SPDX-License-Identifier: Apache-2.0
// One loop over the nodes, the same for every mode.
#include "runtime/cpu_run.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "runtime/base/checked.h"

namespace ligero {

int64_t values_of(const Graph& graph, int32_t index, int32_t frames) {
  if (index < 0 || static_cast<size_t>(index) >= graph.tensors.size()) {
    return 0;
  }
  const Tensor& t = graph.tensors[static_cast<size_t>(index)];
  return t.kind == Kind::kWeight ? 0 : t.elements() * (t.is_sequence() ? frames : 1);
}

Status CpuRun::start(const Graph& graph,
                     Plan plan,
                     void* block,
                     size_t bytes,
                     Parallel* pool,
                     NodeWatch* watch) {
  LIGERO_CHECK(plan.tensors.size() == graph.tensors.size() && plan.places.size() == graph.nodes.size(),
               Code::kBadArgument,
               "the plan is not of this graph");
  LIGERO_CHECK(block != nullptr && bytes >= plan.bytes(),
               Code::kTooLittleMemory,
               "the block is too small: 'where' is the bytes needed",
               -1,
               static_cast<int64_t>(plan.bytes()));
  LIGERO_CHECK(reinterpret_cast<uintptr_t>(block) % kAlignment == 0,
               Code::kBadArgument,
               "the block is not aligned to 64 bytes");
  graph_ = &graph;
  plan_ = std::move(plan);
  block_ = static_cast<std::byte*>(block);
  pool_ = pool;
  watch_ = watch;
  const int32_t seats = plan_.options.seats;
  LIGERO_CHECK(seats_.allocate(static_cast<size_t>(seats)),
               Code::kTooLittleMemory,
               "no memory for the seats of a run");
  LIGERO_RETURN_IF_ERROR(windows_.start(plan_, seats));
  if (plan_.streams()) {
    std::memset(block_, 0, plan_.bytes());  // touches all memory now, not on the audio thread
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (node.op->prepare == nullptr) {
      continue;
    }
    Status status =
        node.op->prepare(op_context(graph, plan_, n), shared() + plan_.places[n].data_offset);
    if (!status.ok()) {
      status.index = static_cast<int32_t>(n);
      return status;
    }
  }
  for (int32_t s = 0; s < seats; ++s) {
    timeless_changed(s);
    reset(s);
  }
  return {};
}

Status CpuRun::start(
    const Graph& graph, Plan plan, AlignedBlock block, Parallel* pool, NodeWatch* watch) {
  own_ = std::move(block);
  return start(graph, std::move(plan), own_.data(), own_.size(), pool, watch);
}

float* CpuRun::rows(int32_t seat, int32_t tensor) const noexcept {
  const Placement& place = plan_.tensors[static_cast<size_t>(tensor)];
  return reinterpret_cast<float*>(region(seat) + place.offset) +
         (windows_.head(seat, tensor) + place.history) * place.row;
}

float* CpuRun::input(int32_t seat, size_t port) noexcept {
  return rows(seat, graph_->inputs[port]);
}

const float* CpuRun::last_rows(int32_t seat, int32_t tensor) const noexcept {
  const Placement& place = plan_.tensors[static_cast<size_t>(tensor)];
  const float* now = rows(seat, tensor) - place.revised * place.row;
  // A window has moved on past the rows of the last call.
  return place.kept && place.history > 0
             ? now - seats_[static_cast<size_t>(seat)].last_frames * place.row
             : now;
}

const float* CpuRun::output(int32_t seat, size_t port) const noexcept {
  return last_rows(seat, graph_->outputs[port]);
}

Status CpuRun::read(int32_t seat, int32_t index, std::span<float> out) noexcept {
  const int64_t values = values_of(*graph_, index, plan_.options.max_frames);
  LIGERO_CHECK(!plan_.streams() && plan_.options.keep_all && values > 0 &&
                   static_cast<int64_t>(out.size()) == values,
               Code::kBadArgument,
               "no such tensor was kept, or not as many values as it has",
               index,
               values);
  const float* from = last_rows(seat, index);
  std::copy(from, from + values, out.begin());
  return {};
}

void CpuRun::forget_states(int32_t seat) noexcept {
  for (const NodePlacement& place : plan_.places) {
    std::memset(region(seat) + place.state_offset, 0, place.state_bytes);
  }
}

void CpuRun::reset(int32_t seat) noexcept {
  forget_states(seat);
  windows_.reset(seat, region(seat));
  seats_[static_cast<size_t>(seat)].frames_in = 0;
  seats_[static_cast<size_t>(seat)].last_frames = 0;
}

void CpuRun::zero_rows(int32_t seat, const Node& node, int32_t begin, int32_t end) noexcept {
  for (int32_t t : node.outputs) {
    const int64_t row = plan_.tensors[static_cast<size_t>(t)].row;
    std::fill(rows(seat, t) + begin * row, rows(seat, t) + end * row, 0.0f);
  }
}

/// Rows [begin, end) of a node's outputs.
void CpuRun::compute(
    const Call& call, size_t n, int32_t begin, int32_t end, Parallel* pool) noexcept {
  if (begin == end) {
    return;
  }
  const Node& node = graph_->nodes[n];
  const NodePlacement& place = plan_.places[n];
  const PlanOptions& options = plan_.options;
  const void* in[kMaxInputs] = {};
  float* out[kMaxOutputs] = {};
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    const int32_t t = node.inputs[k];
    if (t < 0) {
      continue;
    }
    const Tensor& tensor = graph_->tensors[static_cast<size_t>(t)];
    if (tensor.kind == Kind::kWeight) {
      in[k] = tensor.data;
    } else if (tensor.kind == Kind::kConstant) {
      in[k] = rows(call.seat, t);
    } else {
      const Placement& p = plan_.tensors[static_cast<size_t>(t)];
      in[k] = rows(call.seat, t) + (begin - (place.delay - p.delay)) * p.row;
    }
  }
  for (size_t k = 0; k < node.outputs.size(); ++k) {
    const int32_t t = node.outputs[k];
    const bool sequence = graph_->tensors[static_cast<size_t>(t)].is_sequence();
    out[k] = rows(call.seat, t) + (sequence ? begin * plan_.tensors[static_cast<size_t>(t)].row : 0);
  }
  const int64_t first = plan_.nodes[n].constant ? 0 : call.frames_in - place.delay;
  const int64_t ahead = place.revised > 0 ? 0 : options.look_ahead_frames;
  node.op->run(RunContext{
      node,
      graph_->tensors,
      plan_.nodes[n].options,
      in,
      out,
      shared() + place.data_offset,
      region(call.seat) + place.state_offset,
      shared() + plan_.scratch_offset + place.scratch_offset,
      end - begin,
      first + begin,
      call.total_frames,
      call.total_samples,
      pool,
      static_cast<int32_t>(std::min<int64_t>(options.context_frames, first + begin)),
      static_cast<int32_t>(std::clamp<int64_t>(call.total_frames - (first + end), 0, ahead))});
}

void CpuRun::run_node(const Call& call, size_t n, Parallel* pool) noexcept {
  const Node& node = graph_->nodes[n];
  const NodePlacement& place = plan_.places[n];
  if (plan_.nodes[n].constant) {
    compute(call, n, 0, 1, pool);
    return;
  }
  // Row 0 is the first that this call computes for the first time.
  const int32_t frames = plan_.options.max_frames;
  const RowsInside inside = rows_inside(call.frames_in - place.delay,
                                        place.revised,
                                        frames,
                                        std::min(call.total_frames, kEndless),
                                        0,
                                        0);
  const bool all = inside.begin == -place.revised && inside.end == frames;
  if (!all && graph_->tensors[static_cast<size_t>(node.outputs[0])].is_sequence()) {
    zero_rows(call.seat, node, -place.revised, inside.begin);
    zero_rows(call.seat, node, inside.end, frames);
  }
  if (place.revised == 0 || place.state_bytes == 0) {
    compute(call, n, inside.begin, inside.end, pool);
    return;
  }
  // The next call begins where this one's rows become final, and so does its state.
  std::byte* const state = region(call.seat) + place.state_offset;
  const int32_t last = std::clamp(frames - place.revised, inside.begin, inside.end);
  compute(call, n, inside.begin, last, pool);
  std::memcpy(shared() + plan_.saved_offset, state, place.state_bytes);
  compute(call, n, last, inside.end, pool);
  std::memcpy(state, shared() + plan_.saved_offset, place.state_bytes);
}

/// Offline the rows around the signal are zero. Their memory may have served others since the last
/// run.
void CpuRun::clear_margins(int32_t seat, int32_t t) noexcept {
  const Placement& place = plan_.tensors[static_cast<size_t>(t)];
  if (!plan_.streams() && graph_->tensors[static_cast<size_t>(t)].is_sequence()) {
    float* row0 = rows(seat, t);
    float* end = row0 + plan_.options.max_frames * place.row;
    std::fill(row0 - place.history * place.row, row0, 0.0f);
    std::fill(end, end + place.tail * place.row, 0.0f);
  }
}

void CpuRun::begin(int32_t seat) noexcept {
  if (plan_.streams()) {
    return;
  }
  forget_states(seat);
  for (int32_t t : graph_->inputs) {
    clear_margins(seat, t);
  }
}

/// Nodes first to last: one, or two side by side on two threads.
void CpuRun::run_nodes(const Call& call, size_t first, size_t last) noexcept {
  for (size_t n = first; n <= last; ++n) {
    for (int32_t t : graph_->nodes[n].outputs) {
      clear_margins(call.seat, t);
    }
  }
  if (last == first) {
    run_node(call, first, pool_);
  } else {
    parallel_for(pool_, 2, 1, [&](int from, int to) noexcept {
      for (int i = from; i < to; ++i) {
        run_node(call, first + static_cast<size_t>(i), nullptr);
      }
    });
  }
  for (size_t n = first; watch_ != nullptr && n <= last; ++n) {
    const int32_t frames = plan_.options.max_frames + plan_.places[n].revised;
    watch_->computed(n, plan_.nodes[n].constant ? 1 : frames);
  }
}

void CpuRun::end(int32_t seat) noexcept {
  Seat& now = seats_[static_cast<size_t>(seat)];
  now.timeless_changed = false;
  if (plan_.streams()) {
    windows_.advance(seat, region(seat), plan_.options.max_frames);
    now.frames_in += plan_.options.max_frames;
    now.last_frames = plan_.options.max_frames;
  }
}

Status CpuRun::run(std::span<const Turn> turns) noexcept {
  LIGERO_CHECK(turns.size() == seats_.size(),
               Code::kBadArgument,
               "not one turn for each seat",
               -1,
               static_cast<int64_t>(seats_.size()));
  const auto each = [&](auto work) {
    for (size_t s = 0; s < turns.size(); ++s) {
      if (turns[s].runs) {
        work(static_cast<int32_t>(s), turns[s].extent);
      }
    }
  };
  each([&](int32_t seat, const Extent&) { begin(seat); });
  if (watch_ != nullptr) {
    watch_->begins();
  }
  for (size_t n = 0; n < graph_->nodes.size(); ++n) {
    const size_t last = plan_.places[n].beside_next ? n + 1 : n;
    const bool timeless = plan_.streams() && plan_.places[n].timeless;
    each([&](int32_t seat, const Extent& extent) {
      const Seat& now = seats_[static_cast<size_t>(seat)];
      if (!timeless || now.timeless_changed) {
        run_nodes({seat, now.frames_in, extent.total_frames, extent.total_samples}, n, last);
      }
    });
    n = last;
  }
  each([&](int32_t seat, const Extent&) { end(seat); });
  return {};
}

Result<Plan> Processor::plan(const Graph& graph, PlanOptions options) const {
  options.cpu = cpu;
  options.threads = pool == nullptr ? 1 : pool->threads();
  options.history = HistoryForm::kWindow;
  return make_plan(graph, options);
}

Result<std::unique_ptr<Run>> Processor::open(const Graph& graph, const PlanOptions& options) const {
  if (accelerator != nullptr) {
    Result<std::unique_ptr<Run>> opened = accelerator->open(graph, options);
    if (!opened.ok() || opened.value() != nullptr) {
      return opened;
    }
  }
  Result<Plan> planned = plan(graph, options);
  LIGERO_RETURN_IF_ERROR(planned.status());
  const size_t bytes = planned.value().bytes();
  LIGERO_CHECK(bytes <= budget_bytes,
               Code::kTooLittleMemory,
               "the run needs more memory than its budget",
               -1,
               static_cast<int64_t>(bytes));
  std::unique_ptr<CpuRun> run(new (std::nothrow) CpuRun);
  AlignedBlock block;
  LIGERO_CHECK(run != nullptr && block.allocate(bytes),
               Code::kTooLittleMemory,
               "not enough memory for the run",
               -1,
               static_cast<int64_t>(bytes));
  LIGERO_RETURN_IF_ERROR(
      run->start(graph, std::move(planned.value()), std::move(block), pool, watch));
  return std::unique_ptr<Run>(std::move(run));
}

}  // namespace ligero
