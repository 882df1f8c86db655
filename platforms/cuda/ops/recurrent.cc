// SPDX-License-Identifier: Apache-2.0
// lstm, gru: the input product for all steps, then one launch a step. Not: the cells
// (kernels/recurrent.h).
#include "ops/options.h"
#include "platforms/cuda/ops/weighed.h"
#include "platforms/cuda/table.h"

namespace ligero::cuda {
namespace {

constexpr size_t kWih = 1;
constexpr size_t kWhh = 2;
constexpr size_t kBias = 3;

/// What a layer keeps in scratch, in floats.
struct Layer {
  int32_t bins;
  int32_t hidden;
  int32_t gates;
  bool along_bins;
  bool reverse;
  int64_t memory_at;
  int64_t unseen_at;
  int64_t floats;
};

/// `rows`: of a call, those around it included.
Layer layer_of(const OpContext& ctx, int64_t rows) {
  Layer l = {};
  l.bins = ctx.input(0).bins();
  l.hidden = ctx.input(kWhh).dim[0];
  l.gates = ctx.input(kWhh).dim[1] / l.hidden;
  l.along_bins = ctx.options<RecurrentOptions>().along_bins();
  l.reverse = ctx.options<RecurrentOptions>().reverse != 0;
  l.memory_at = rows * l.bins * l.gates * l.hidden;
  l.unseen_at = l.memory_at + (l.along_bins ? rows : l.bins) * l.hidden;
  l.floats = l.unseen_at + (!l.along_bins && l.reverse ? rows * l.bins * l.hidden : 0);
  return l;
}

Status measure(const OpContext& ctx, Needs* needs) {
  const Layer l = layer_of(ctx, int64_t{ctx.max_frames} + ctx.around);
  needs->scratch_bytes = static_cast<size_t>(l.floats) * sizeof(float);
  const int64_t row = int64_t{l.bins} * l.hidden;
  needs->state_bytes = l.along_bins || l.reverse ? 0 : 2 * static_cast<size_t>(row) * sizeof(float);
  return {};
}

template <typename W>
void launch_steps(Recorder* r, const Recurrent& layer) {
  RecurrentStep<W> body;
  static_cast<Recurrent&>(body) = layer;
  r->launch(body,
            ceil_div(int64_t{layer.sessions.count} * layer.per_session(), body.kRows),
            ceil_div(layer.hidden, kPanel),
            1,
            body.kSharedFloats,
            layer.steps());
}

Walk walk_of(const Layer& l) {
  if (l.along_bins) {
    return l.reverse ? Walk::kBinsReversed : Walk::kBins;
  }
  return l.reverse ? Walk::kTimeReversed : Walk::kTime;
}

Status record(Recorder* r) {
  const OpContext ctx = r->context();
  const Layer l = layer_of(ctx, int64_t{ctx.max_frames} + ctx.around);
  const Rows rows = r->rows();
  Recurrent layer = {};
  layer.sessions = r->sessions();
  layer.rows = rows;
  layer.gates = r->scratch(0, int64_t{l.bins} * l.gates * l.hidden, rows.revised);
  layer.y = r->out();
  layer.state = r->state();
  const int64_t width = int64_t{l.bins} * l.hidden;
  layer.memory = r->scratch(l.memory_at, l.along_bins ? l.hidden : width, rows.revised);
  if (!l.along_bins) {
    layer.memory.step = layer.memory.first = 0;
  }
  layer.unseen = r->scratch(l.unseen_at, width, rows.revised);
  layer.weights = r->panels(kWhh).data;
  layer.scale = r->panels(kWhh).scale;
  layer.apart_bias = l.gates == 3 ? r->weight(kBias + 1) : nullptr;
  layer.bins = l.bins;
  layer.hidden = l.hidden;
  layer.cell_limit = r->options<RecurrentOptions>().cell_bound();
  layer.walk = walk_of(l);

  Weighed input = start_product(*r);
  input.product.bias = r->weight(kBias);
  input.product.y = layer.gates;
  if (layer.walk == Walk::kTimeReversed) {  // the rows after the last belong to it
    input.product.rows.frames += rows.ahead;
    input.product.rows.ahead = 0;
  }
  launch(r, input);
  with_type(r->panels(kWhh).type, [&](auto w) { launch_steps<decltype(w)>(r, layer); });
  if (layer.walk == Walk::kTime) {
    r->launch(KeepHidden{layer.sessions, rows, layer.y, layer.state, static_cast<int32_t>(width)},
              1,
              layer.sessions.count);
  }
  return {};
}

constexpr DeviceOp kOps[] = {{"lstm", measure, record}, {"gru", measure, record}};

}  // namespace

std::span<const DeviceOp> recurrent_ops() {
  return kOps;
}

}  // namespace ligero::cuda
