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
  std::memset(block_, 0, plan_.bytes());
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (node.op->prepare == nullptr) {
      continue;
    }
    const int32_t frames = plan_.nodes[n].constant ? 1 : plan_.options.max_frames;
    const OpContext context{node, graph.tensors, plan_.options.cpu, frames, plan_.options.threads};
    Status status = node.op->prepare(context, block_ + plan_.places[n].data_offset);
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
  const float* now = rows(index);
  const Placement& place = plan_.tensors[static_cast<size_t>(index)];
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
  for (size_t t = 0; t < plan_.tensors.size(); ++t) {
    const Placement& place = plan_.tensors[t];
    head_[t] = 0;
    if (place.live && place.state && graph_->tensors[t].kind == Kind::kSequence) {
      std::memset(block_ + place.offset, 0, place.bytes);
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

void Interpreter::run_node(size_t n, int32_t frames, const Extent& extent) noexcept {
  const Node& node = graph_->nodes[n];
  const NodePlacement& place = plan_.places[n];
  // Frames that this call has for the node, and those of them that lie inside the signal.
  const bool constant = plan_.nodes[n].constant;
  const int64_t first = constant ? 0 : frames_in_ - place.delay;
  const int32_t count = constant ? 1 : frames;
  int32_t begin = static_cast<int32_t>(std::clamp<int64_t>(-first, 0, count));
  int32_t end = count;
  if (!constant && extent.total_frames != kUnknown) {
    end = static_cast<int32_t>(std::clamp<int64_t>(extent.total_frames - first, begin, count));
  }
  const bool to_constant = graph_->tensors[static_cast<size_t>(node.outputs[0])].kind == Kind::kConstant;
  if (!to_constant) {
    zero_rows(node, 0, begin);
    zero_rows(node, end, count);
  }
  if (begin == end) {
    return;
  }
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
    const int64_t row = plan_.tensors[static_cast<size_t>(node.outputs[k])].row;
    out[k] = rows(node.outputs[k]) + (to_constant ? 0 : begin * row);
  }
  node.op->run(RunContext{node,
                          graph_->tensors,
                          in,
                          out,
                          block_ + place.data_offset,
                          block_ + place.state_offset,
                          block_ + plan_.scratch_offset,
                          end - begin,
                          first + begin,
                          extent.total_frames,
                          extent.total_samples,
                          pool_});
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
  const bool stream = plan_.options.mode == Mode::kStream;
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
  for (size_t n = 0; n < graph_->nodes.size(); ++n) {
    if (stream && plan_.nodes[n].constant && !constants_changed_) {
      continue;
    }
    for (int32_t t : graph_->nodes[n].outputs) {
      clear_margins(t);
    }
    run_node(n, frames, extent);
  }
  constants_changed_ = false;
  if (stream) {
    slide(frames);
    frames_in_ += frames;
    last_frames_ = frames;
  }
}

}  // namespace ligero
