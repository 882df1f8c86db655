// The interpreter: one loop over the nodes, the same for every mode.
#include "runtime/interpreter.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/checked.h"

namespace ligero {

Status Interpreter::prepare(const Graph& graph, Plan plan, void* block, size_t bytes, Parallel* pool) {
  LIGERO_CHECK(plan.tensors.size() == graph.tensors.size() && plan.places.size() == graph.nodes.size(),
               Code::kBadArgument,
               "the plan is not of this graph");
  LIGERO_CHECK(bytes >= plan.bytes(),
               Code::kTooLittleMemory,
               "the block is too small: 'where' is the bytes needed",
               -1,
               static_cast<int64_t>(plan.bytes()));
  LIGERO_CHECK(reinterpret_cast<uintptr_t>(block) % kAlignment == 0,
               Code::kBadArgument,
               "the block is not aligned to 64 bytes");
  LIGERO_CHECK(head_.allocate(graph.tensors.size()), Code::kTooLittleMemory, "no memory to prepare");
  graph_ = &graph;
  plan_ = std::move(plan);
  block_ = static_cast<std::byte*>(block);
  pool_ = pool;
  if (plan_.options.mode != Mode::kOffline) {
    std::memset(block_, 0, plan_.bytes());  // sessions touch all their memory here, not live
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (node.op->prepare == nullptr) {
      continue;
    }
    Status status =
        node.op->prepare(op_context(graph, plan_, n), block_ + plan_.places[n].data_offset);
    if (!status.ok()) {
      status.index = static_cast<int32_t>(n);
      return status;
    }
  }
  reset();
  return {};
}

float* Interpreter::rows(int32_t tensor) const noexcept {
  const Placement& place = plan_.tensors[static_cast<size_t>(tensor)];
  return reinterpret_cast<float*>(block_ + place.offset) +
         (head_[static_cast<size_t>(tensor)] + place.history) * place.row;
}

float* Interpreter::input(size_t k) {
  return rows(graph_->inputs[k]);
}

const float* Interpreter::tensor(int32_t index) const {
  const Placement& place = plan_.tensors[static_cast<size_t>(index)];
  const float* now = rows(index) - place.revised * place.row;
  if (!place.state || graph_->tensors[static_cast<size_t>(index)].kind != Kind::kSequence) {
    return now;
  }
  return now - last_frames_ * place.row;  // the window has moved on past the rows of the last call
}

const float* Interpreter::output(size_t k) const {
  return tensor(graph_->outputs[k]);
}

void Interpreter::reset() noexcept {
  for (const NodePlacement& place : plan_.places) {
    std::memset(block_ + place.state_offset, 0, place.state_bytes);
  }
  int32_t rings = 0;
  for (size_t t = 0; t < plan_.tensors.size(); ++t) {
    const Placement& place = plan_.tensors[t];
    head_[t] = 0;
    if (place.live && place.state && graph_->tensors[t].kind == Kind::kSequence) {
      std::memset(block_ + place.offset, 0, place.bytes);
      // Each at a place of its own, so that they are not all moved back in the same call.
      head_[t] = rings++ % (place.capacity - place.history - plan_.options.max_frames + 1);
    }
  }
  frames_in_ = 0;
  last_frames_ = 0;
}

void Interpreter::zero_rows(const Node& node, int32_t begin, int32_t end) noexcept {
  for (int32_t t : node.outputs) {
    const int64_t row = plan_.tensors[static_cast<size_t>(t)].row;
    std::fill(rows(t) + begin * row, rows(t) + end * row, 0.0f);
  }
}

/// Rows [begin, end) of a node's outputs, of which row 0 is frame `first` of the signal.
void Interpreter::compute(size_t n,
                          int32_t begin,
                          int32_t end,
                          int64_t first,
                          const Extent& extent,
                          Parallel* pool) noexcept {
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
      in[k] = rows(t);
    } else {
      const Placement& p = plan_.tensors[static_cast<size_t>(t)];
      in[k] = rows(t) + (begin - (place.delay - p.delay)) * p.row;
    }
  }
  for (size_t k = 0; k < node.outputs.size(); ++k) {
    const size_t t = static_cast<size_t>(node.outputs[k]);
    const bool sequence = graph_->tensors[t].kind == Kind::kSequence;
    out[k] = rows(node.outputs[k]) + (sequence ? begin * plan_.tensors[t].row : 0);
  }
  const int64_t ahead = place.revised > 0 ? 0 : options.look_ahead_frames;
  node.op->run(RunContext{
      node,
      graph_->tensors,
      plan_.nodes[n].options,
      in,
      out,
      block_ + place.data_offset,
      block_ + place.state_offset,
      block_ + plan_.scratch_offset + place.scratch_offset,
      end - begin,
      first + begin,
      extent.total_frames,
      extent.total_samples,
      pool,
      static_cast<int32_t>(std::min<int64_t>(options.context_frames, first + begin)),
      static_cast<int32_t>(std::clamp<int64_t>(extent.total_frames - (first + end), 0, ahead))});
}

void Interpreter::run_node(
    size_t n, int32_t frames, const Extent& extent, Parallel* pool) noexcept {
  const Node& node = graph_->nodes[n];
  const NodePlacement& place = plan_.places[n];
  if (plan_.nodes[n].constant) {
    compute(n, 0, 1, 0, extent, pool);
    return;
  }
  // Row 0 is the first that this call computes for the first time; those inside the signal are
  // [begin, end).
  const int64_t first = frames_in_ - place.delay;
  const int32_t begin = static_cast<int32_t>(std::clamp<int64_t>(-first, -place.revised, frames));
  int32_t end = frames;
  if (extent.total_frames != kUnknown) {
    end = static_cast<int32_t>(std::clamp<int64_t>(extent.total_frames - first, begin, frames));
  }
  const bool all = begin == -place.revised && end == frames;
  if (!all && graph_->tensors[static_cast<size_t>(node.outputs[0])].kind == Kind::kSequence) {
    zero_rows(node, -place.revised, begin);
    zero_rows(node, end, frames);
  }
  if (place.revised == 0 || place.state_bytes == 0) {
    compute(n, begin, end, first, extent, pool);
    return;
  }
  // The next call begins where this one's rows become final, and so does its state.
  const int32_t last = std::clamp(frames - place.revised, begin, end);
  compute(n, begin, last, first, extent, pool);
  std::memcpy(block_ + plan_.kept_offset, block_ + place.state_offset, place.state_bytes);
  compute(n, last, end, first, extent, pool);
  std::memcpy(block_ + place.state_offset, block_ + plan_.kept_offset, place.state_bytes);
}

void Interpreter::slide(int32_t frames) noexcept {
  for (size_t t = 0; t < plan_.tensors.size(); ++t) {
    const Placement& place = plan_.tensors[t];
    if (!place.live || !place.state || place.history == 0) {
      continue;
    }
    int32_t& head = head_[t];
    head += frames;
    if (head + place.history + plan_.options.max_frames > place.capacity) {
      float* base = reinterpret_cast<float*>(block_ + place.offset);
      std::memmove(base,
                   base + head * place.row,
                   static_cast<size_t>(place.history * place.row) * sizeof(float));
      head = 0;
    }
  }
}

void Interpreter::run(int32_t frames, const Extent& extent) noexcept {
  const bool stream = plan_.options.mode != Mode::kOffline;
  if (!stream) {
    for (const NodePlacement& place : plan_.places) {
      std::memset(block_ + place.state_offset, 0, place.state_bytes);
    }
  }
  // Rows around the signal are zero. Their memory may have served others since the last run.
  const auto clear_margins = [&](int32_t t) {
    const Placement& place = plan_.tensors[static_cast<size_t>(t)];
    if (!stream && graph_->tensors[static_cast<size_t>(t)].kind == Kind::kSequence) {
      float* row0 = rows(t);
      std::fill(row0 - place.history * place.row, row0, 0.0f);
      std::fill(row0 + frames * place.row, row0 + (frames + place.tail) * place.row, 0.0f);
    }
  };
  for (int32_t t : graph_->inputs) {
    clear_margins(t);
  }
  if (watch_ != nullptr) {
    watch_->begins();
  }
  for (size_t n = 0; n < graph_->nodes.size(); ++n) {
    if (stream && plan_.places[n].fixed && !constants_changed_) {
      continue;
    }
    const size_t last = plan_.places[n].beside_next ? n + 1 : n;
    for (size_t i = n; i <= last; ++i) {
      for (int32_t t : graph_->nodes[i].outputs) {
        clear_margins(t);
      }
    }
    if (last == n) {
      run_node(n, frames, extent, pool_);
    } else {
      parallel_for(pool_, 2, 1, [&](int begin, int end) noexcept {
        for (int i = begin; i < end; ++i) {
          run_node(n + static_cast<size_t>(i), frames, extent, nullptr);
        }
      });
    }
    for (size_t i = n; watch_ != nullptr && i <= last; ++i) {
      watch_->computed(i, plan_.nodes[i].constant ? 1 : frames + plan_.places[i].revised);
    }
    n = last;
  }
  constants_changed_ = false;
  if (stream) {
    slide(frames);
    frames_in_ += frames;
    last_frames_ = frames;
  }
}

}  // namespace ligero
