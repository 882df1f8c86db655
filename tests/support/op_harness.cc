// SPDX-License-Identifier: Apache-2.0
// The one-op harness: exact windows in, guarded outputs, junk in scratch. Not: assertions.
#include "tests/support/op_harness.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "ops/table.h"
#include "runtime/base/checked.h"
#include "runtime/base/cpu.h"
#include "tests/support/panels.h"

namespace ligero::testing {
namespace {

constexpr size_t kGuardFloats = 16;
constexpr float kGuardValue = 12345.678f;

Tensor make_tensor(Kind kind, const std::vector<int32_t>& dims) {
  Tensor t;
  t.kind = kind;
  t.rank = static_cast<int32_t>(dims.size());
  for (size_t i = 0; i < dims.size() && i < kMaxRank; ++i) {
    t.dim[i] = dims[i];
  }
  return t;
}

void require(bool condition, const std::string& what) {
  if (!condition) {
    throw std::runtime_error(what);
  }
}

}  // namespace

Block::Block(size_t bytes) : memory_(new unsigned char[bytes + kAlignment]), bytes_(bytes) {
  // The end of the block is the end of the allocation wherever the size is a multiple of the
  // alignment, so that address checkers see an overrun.
  const auto address = reinterpret_cast<uintptr_t>(memory_.get());
  data_ = memory_.get() + (align_up(address) - address);
  fill(0xFF);
}

void Block::fill(int byte) {
  std::memset(data_, byte, bytes_);
}

OpHarness::OpHarness(const char* op_name) : op_(all_ops().find(op_name)), cpu_(cpu_features()) {
  require(op_ != nullptr, std::string("no op named ") + op_name);
}

OpHarness::OpHarness(const Op& op) : op_(&op), cpu_(cpu_features()) {}

OpHarness& OpHarness::add(const Tensor& tensor, std::vector<float> x) {
  inputs_.push_back(static_cast<int32_t>(tensors_.size()));
  tensors_.push_back(tensor);
  values_.push_back(std::move(x));
  blocks_.push_back(nullptr);
  return *this;
}

OpHarness& OpHarness::sequence(int bins, int channels, std::vector<float> x) {
  const size_t row = static_cast<size_t>(bins) * static_cast<size_t>(channels);
  if (row > 0) {
    frames_ = static_cast<int>(x.size() / row);
  }
  return add(make_tensor(Kind::kSequence, {bins, channels}), std::move(x));
}

OpHarness& OpHarness::constant(int bins, int channels, std::vector<float> x) {
  return add(make_tensor(Kind::kConstant, {bins, channels}), std::move(x));
}

OpHarness& OpHarness::weight(std::vector<int32_t> dims, std::vector<float> x) {
  add(make_tensor(Kind::kWeight, dims), std::move(x));
  blocks_.back() = std::make_shared<Block>(values_.back().size() * sizeof(float));
  std::memcpy(blocks_.back()->data(), values_.back().data(), values_.back().size() * sizeof(float));
  tensors_.back().data = blocks_.back()->data();
  return *this;
}

OpHarness& OpHarness::panels(int inner, int outputs, const std::vector<float>& matrix, Type type) {
  const std::vector<float> packed = pack_panels(matrix, inner, outputs);
  add(make_tensor(Kind::kWeight, {inner, outputs}), {});
  Tensor& t = tensors_.back();
  t.layout = Layout::kPanels;
  t.type = type;
  if (type == Type::kF16) {
    const std::vector<uint16_t> halves = to_halves(packed);
    blocks_.back() = std::make_shared<Block>(halves.size() * sizeof(uint16_t));
    std::memcpy(blocks_.back()->data(), halves.data(), halves.size() * sizeof(uint16_t));
  } else if (type == Type::kQ8) {
    const Q8Panels q8 = to_q8(matrix, inner, outputs);
    blocks_.back() = std::make_shared<Block>(q8.values.size());
    std::memcpy(blocks_.back()->data(), q8.values.data(), q8.values.size());
    scales_.push_back(std::make_shared<Block>(q8.scales.size() * sizeof(float)));
    std::memcpy(scales_.back()->data(), q8.scales.data(), q8.scales.size() * sizeof(float));
    t.scale = static_cast<const float*>(scales_.back()->data());
  } else {
    blocks_.back() = std::make_shared<Block>(packed.size() * sizeof(float));
    std::memcpy(blocks_.back()->data(), packed.data(), packed.size() * sizeof(float));
  }
  t.data = blocks_.back()->data();
  return *this;
}

OpHarness& OpHarness::absent() {
  inputs_.push_back(-1);
  return *this;
}

OpHarness& OpHarness::ints(const char* name, std::vector<int32_t> values) {
  set({name, std::move(values), {}});
  return *this;
}

OpHarness& OpHarness::floats(const char* name, std::vector<float> values) {
  set({name, {}, std::move(values)});
  return *this;
}

void OpHarness::set(NamedAttribute attribute) {
  for (NamedAttribute& a : attributes_) {
    if (a.name == attribute.name) {
      a = std::move(attribute);
      return;
    }
  }
  attributes_.push_back(std::move(attribute));
}

OpHarness& OpHarness::outputs(int count) {
  num_outputs_ = count;
  return *this;
}

OpHarness& OpHarness::cpu(uint32_t features) {
  cpu_ = features;
  return *this;
}

OpHarness& OpHarness::pool(Parallel* pool) {
  pool_ = pool;
  return *this;
}

OpHarness& OpHarness::total_samples(int64_t n) {
  total_samples_ = n;
  return *this;
}

OpHarness& OpHarness::unknown_total() {
  unknown_total_ = true;
  return *this;
}

void OpHarness::bind() {
  tensors_.resize(values_.size() + static_cast<size_t>(num_outputs_));
  outputs_.clear();
  for (int i = 0; i < num_outputs_; ++i) {
    outputs_.push_back(static_cast<int32_t>(values_.size()) + i);
  }
  bound_.clear();
  for (const NamedAttribute& a : attributes_) {
    bound_.push_back(Attribute{a.name, a.ints, a.floats});
  }
  node_ = Node{"node", op_, inputs_, outputs_, bound_};
}

Status OpHarness::infer() {
  bind();
  bool any_sequence = false;
  for (int32_t i : inputs_) {
    any_sequence |= i >= 0 && tensors_[static_cast<size_t>(i)].kind == Kind::kSequence;
  }
  inference_ = Inference{};
  for (Inference::Output& o : inference_.outputs) {
    o.kind = any_sequence ? Kind::kSequence : Kind::kConstant;
  }
  OpContext context{node_, tensors_, options_};
  context.cpu = cpu_;
  LIGERO_RETURN_IF_ERROR(parse_options(node_, &options_));
  LIGERO_RETURN_IF_ERROR(op_->infer(context, &inference_));
  for (int i = 0; i < num_outputs_; ++i) {
    const Inference::Output& o = inference_.outputs[i];
    Tensor& t = tensors_[static_cast<size_t>(outputs_[static_cast<size_t>(i)])];
    t.kind = o.kind;
    t.rank = o.rank;
    std::copy(std::begin(o.dim), std::end(o.dim), std::begin(t.dim));
  }
  return {};
}

/// The rows of input `k` that a call may read, alone in a vector; *offset is that of frame 0.
std::vector<float> OpHarness::window(size_t k, const Call& call, int* offset) const {
  const auto index = static_cast<size_t>(inputs_[k]);
  const Tensor& t = tensors_[index];
  const auto row = static_cast<int64_t>(t.elements());
  const TimeBehaviour& time = inference_.time[k];
  const int past = time.use == TimeUse::kWindow ? time.past : 0;
  const int future = time.use == TimeUse::kWindow ? time.future : 0;
  const int rows = past + call.frames + future;
  std::vector<float> x(static_cast<size_t>(rows * row), 0.0f);
  for (int r = 0; r < rows; ++r) {
    const int64_t frame = call.first - past + r;
    if (frame >= 0 && frame < frames_) {
      std::memcpy(x.data() + r * row,
                  values_[index].data() + frame * row,
                  static_cast<size_t>(row) * sizeof(float));
    }
  }
  *offset = static_cast<int>(past * row);
  return x;
}

void OpHarness::run_call(const Call& call) {
  std::vector<std::vector<float>> windows(inputs_.size());
  std::vector<const void*> in(inputs_.size(), nullptr);
  for (size_t k = 0; k < inputs_.size(); ++k) {
    if (inputs_[k] < 0) {
      continue;
    }
    const auto index = static_cast<size_t>(inputs_[k]);
    if (tensors_[index].kind == Kind::kSequence) {
      int offset = 0;
      windows[k] = window(k, call, &offset);
      in[k] = windows[k].data() + offset;
    } else {
      in[k] = tensors_[index].kind == Kind::kWeight
                  ? tensors_[index].data
                  : static_cast<const void*>(values_[index].data());
    }
  }
  std::vector<std::vector<float>> out(outputs_.size());
  std::vector<float*> pointers(outputs_.size());
  for (size_t k = 0; k < outputs_.size(); ++k) {
    const Tensor& t = tensors_[static_cast<size_t>(outputs_[k])];
    const int rows = t.kind == Kind::kSequence ? call.frames : 1;
    out[k].assign(static_cast<size_t>(rows * t.elements()) + 2 * kGuardFloats, kGuardValue);
    pointers[k] = out[k].data() + kGuardFloats;
  }
  if (in_place_) {
    std::memcpy(pointers[0], in[0], (out[0].size() - 2 * kGuardFloats) * sizeof(float));
    in[0] = pointers[0];
  }
  RunContext context{node_,
                     tensors_,
                     options_,
                     in.data(),
                     pointers.data(),
                     call.data,
                     call.state,
                     call.scratch,
                     call.frames,
                     call.first,
                     unknown_total_ ? kUnknown : frames_,
                     unknown_total_        ? kUnknown
                     : total_samples_ >= 0 ? total_samples_
                                           : 160 * frames_,
                     pool_};
  op_->run(context);
  for (size_t k = 0; k < outputs_.size(); ++k) {
    for (size_t i = 0; i < kGuardFloats; ++i) {
      require(out[k][i] == kGuardValue && out[k][out[k].size() - 1 - i] == kGuardValue,
              "the op wrote outside its output");
    }
    const bool sequence = tensors_[static_cast<size_t>(outputs_[k])].kind == Kind::kSequence;
    if (!sequence) {
      results_[k].clear();
    }
    results_[k].insert(
        results_[k].end(), out[k].begin() + kGuardFloats, out[k].end() - kGuardFloats);
  }
}

std::vector<float> OpHarness::run(int block) {
  const Status inferred = infer();
  require(inferred.ok(), std::string("infer: ") + inferred.message);
  bool any_sequence = false;
  for (int32_t i : inputs_) {
    any_sequence |= i >= 0 && tensors_[static_cast<size_t>(i)].kind == Kind::kSequence;
  }
  const int total = any_sequence ? frames_ : 1;
  const int step = block > 0 ? std::min(block, total) : total;
  OpContext context{node_, tensors_, options_};
  context.cpu = cpu_;
  context.max_frames = step;
  context.threads = pool_ != nullptr ? pool_->threads() : 1;
  needs_ = Needs{};
  if (op_->measure != nullptr) {
    const Status s = op_->measure(context, &needs_);
    require(s.ok(), std::string("measure: ") + s.message);
  }
  Block data(needs_.data_bytes);
  Block state(needs_.state_bytes);
  Block scratch(needs_.scratch_bytes);
  state.fill(0);
  if (op_->prepare != nullptr) {
    const Status s = op_->prepare(context, data.data());
    require(s.ok(), std::string("prepare: ") + s.message);
  }
  results_.assign(static_cast<size_t>(num_outputs_), {});
  for (int first = 0; first < total; first += step) {
    scratch.fill(0xFF);
    run_call({first, std::min(step, total - first), data.data(), state.data(), scratch.data()});
  }
  return results_[0];
}

std::vector<float> OpHarness::run_in_place(int block) {
  const Status inferred = infer();
  require(inferred.ok(), std::string("infer: ") + inferred.message);
  const Tensor& in = tensors_[static_cast<size_t>(inputs_[0])];
  const Tensor& out = tensors_[static_cast<size_t>(outputs_[0])];
  require(op_->in_place && in.kind == out.kind && in.elements() == out.elements(),
          "the op does not run in place");
  in_place_ = true;
  std::vector<float> y = run(block);
  in_place_ = false;
  return y;
}

}  // namespace ligero::testing
