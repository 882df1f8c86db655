// SPDX-License-Identifier: Apache-2.0
// Functions, sums of two tensors, and moves. Not: kernels (kernels/elementwise.h).
#include "ops/batch_norm.h"
#include "ops/options.h"
#include "platforms/cuda/table.h"

namespace ligero::cuda {
namespace {

Map start_map(const Recorder& r) {
  Map m = {};
  m.sessions = r.sessions();
  m.rows = r.rows();
  m.x = r.in(0);
  m.y = r.out();
  m.channels = r.output().channels();
  m.width = static_cast<int32_t>(r.output().elements());
  return m;
}

void launch(Recorder* r, const Map& m) {
  r->launch_elements(m, m.rows.count(), m.width);
}

template <Function kFunction>
Status function(Recorder* r) {
  Map m = start_map(*r);
  m.function = kFunction;
  launch(r, m);
  return {};
}

Status power(Recorder* r) {
  Map m = start_map(*r);
  m.function = Function::kPower;
  m.value = r->options<ExponentOptions>().exponent;
  launch(r, m);
  return {};
}

Status prelu(Recorder* r) {
  Map m = start_map(*r);
  m.function = Function::kPrelu;
  m.slopes = r->weight(1);
  m.slope_step = r->input(1).elements() == 1 ? 0 : 1;
  launch(r, m);
  return {};
}

/// Statistics, gamma and beta become one scale and shift for each channel.
Status batch_norm(Recorder* r) {
  enum Input : size_t { kMean = 1, kVariance, kGamma, kBeta };
  const double epsilon = double{r->options<NormOptions>().epsilon};
  const auto value = [&](Input k, int32_t c) { return r->input(k).f32()[c]; };
  std::vector<float> scale;
  std::vector<float> shift;
  for (int32_t c = 0; c < r->output().channels(); ++c) {
    const Affine affine = ligero::batch_norm(
        {value(kMean, c), value(kVariance, c), value(kGamma, c), value(kBeta, c)}, epsilon);
    LIGERO_CHECK(affine.finite(), Code::kBadModel, kBatchNormRefusal, -1, c);
    scale.push_back(static_cast<float>(affine.scale));
    shift.push_back(static_cast<float>(affine.shift));
  }
  Map m = start_map(*r);
  m.scale = r->table(scale);
  m.shift = r->table(shift);
  launch(r, m);
  return {};
}

template <Operator kOperator>
Status binary(Recorder* r) {
  // Where only the second operand has a time axis, it is the one with the output's shape.
  const bool swap = r->input(0).kind != Kind::kSequence && r->input(1).kind == Kind::kSequence;
  const Tensor& spread = r->input(swap ? 0 : 1);
  Binary b = {};
  b.sessions = r->sessions();
  b.rows = r->rows();
  b.x = r->in(swap ? 1 : 0);
  b.z = r->in(swap ? 0 : 1);
  b.y = r->out();
  b.channels = r->output().channels();
  b.width = static_cast<int32_t>(r->output().elements());
  b.z_bin = spread.bins() == 1 ? 0 : spread.channels();
  b.z_channel = spread.channels() == 1 ? 0 : 1;
  b.op = kOperator;
  b.activation = static_cast<Function>(r->options<ActivationOptions>().activation);
  r->launch_elements(b, b.rows.count(), b.width);
  return {};
}

/// Input `k`, bin by bin and channel by channel, to the same places of the output.
Move start_move(const Recorder& r, size_t k) {
  Move m = {};
  m.sessions = r.sessions();
  m.rows = r.rows();
  m.x = r.in(k);
  m.y = r.out();
  m.bins = r.output().bins();
  m.channels = r.output().channels();
  m.x_bin = r.input(k).channels();
  m.y_bin = m.channels;
  m.x_channel = m.y_channel = m.chunks = 1;
  return m;
}

void launch(Recorder* r, const Move& m) {
  r->launch_elements(m, m.rows.count(), int64_t{m.bins} * m.channels);
}

Status concat(Recorder* r) {
  const bool along_bins = r->options<ConcatOptions>().along_bins();
  int32_t first = 0;
  for (size_t k = 0; k < r->node().inputs.size(); ++k) {
    Move m = start_move(*r, k);
    m.bins = r->input(k).bins();
    m.channels = r->input(k).channels();
    m.y_first = first;
    launch(r, m);
    first += along_bins ? m.bins * m.channels : m.channels;
  }
  return {};
}

Status slice(Recorder* r) {
  Move m = start_move(*r, 0);
  m.x_first = r->options<SliceOptions>().begin;
  launch(r, m);
  return {};
}

Status reshape(Recorder* r) {
  Move m = start_move(*r, 0);
  m.x_bin = m.channels;
  launch(r, m);
  return {};
}

Status transpose(Recorder* r) {
  Move m = start_move(*r, 0);
  m.x_channel = m.x_bin;
  m.x_bin = 1;
  launch(r, m);
  return {};
}

Status channel_shuffle(Recorder* r) {
  const int32_t groups = r->options<ChannelShuffleOptions>().groups;
  for (int32_t g = 0; g < groups; ++g) {
    Move m = start_move(*r, 0);
    m.channels /= groups;
    m.x_first = g * m.channels;
    m.y_first = g;
    m.y_channel = groups;
    launch(r, m);
  }
  return {};
}

Status sum_chunks(Recorder* r) {
  Move m = start_move(*r, 0);
  m.chunks = r->input(0).channels() / m.channels;
  m.x_chunk = m.channels;
  launch(r, m);
  return {};
}

constexpr DeviceOp kOps[] = {
    {"add", nullptr, binary<Operator::kAdd>},
    {"subtract", nullptr, binary<Operator::kSubtract>},
    {"multiply", nullptr, binary<Operator::kMultiply>},
    {"divide", nullptr, binary<Operator::kDivide>},
    {"relu", nullptr, function<Function::kRelu>},
    {"sigmoid", nullptr, function<Function::kSigmoid>},
    {"tanh", nullptr, function<Function::kTanh>},
    {"gelu", nullptr, function<Function::kGelu>},
    {"elu", nullptr, function<Function::kElu>},
    {"square", nullptr, function<Function::kSquare>},
    {"sqrt", nullptr, function<Function::kSqrt>},
    {"power", nullptr, power},
    {"prelu", nullptr, prelu},
    {"batch_norm", nullptr, batch_norm},
    {"concat", nullptr, concat},
    {"slice", nullptr, slice},
    {"reshape", nullptr, reshape},
    {"transpose", nullptr, transpose},
    {"channel_shuffle", nullptr, channel_shuffle},
    {"sum_chunks", nullptr, sum_chunks},
};

}  // namespace

std::span<const DeviceOp> elementwise_ops() {
  return kOps;
}

}  // namespace ligero::cuda
