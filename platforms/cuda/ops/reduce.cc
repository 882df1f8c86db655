// SPDX-License-Identifier: Apache-2.0
// Norms, softmax, statistics over time. Not: kernels (kernels/reduce.h).
#include "ops/options.h"
#include "platforms/cuda/table.h"

namespace ligero::cuda {
namespace {

BinRows bin_rows(const Recorder& r) {
  return {r.sessions(), r.rows(), r.in(0), r.out(), r.output().bins(), r.output().channels()};
}

void launch_bins(Recorder* r, const auto& body) {
  r->launch(body, int64_t{body.at.rows.count()} * body.at.bins, body.at.sessions.count);
}

Status layer_norm(Recorder* r) {
  const auto& options = r->options<NormOptions>();
  BinRows rows = bin_rows(*r);
  if (options.joint != 0) {
    rows.channels *= rows.bins;
    rows.bins = 1;
  }
  const int32_t channels = r->output().channels();
  const auto bin = [&](size_t k) { return r->input(k).bins() == 1 ? 0 : channels; };
  const auto floats = [&](size_t k) {
    return options.joint != 0 ? static_cast<int32_t>(r->input(k).elements()) : channels;
  };
  launch_bins(
      r,
      LayerNorm{rows, r->in(1), r->in(2), bin(1), bin(2), floats(1), floats(2), options.epsilon});
  return {};
}

Status measure_cumulative_norm(const OpContext&, Needs* needs) {
  needs->state_bytes = sizeof(Moments);
  return {};
}

Status cumulative_norm(Recorder* r) {
  const CumulativeNorm body = {r->sessions(),
                               r->rows(),
                               r->in(0),
                               r->out(),
                               r->state(),
                               r->weight(1),
                               r->weight(2),
                               r->output().channels(),
                               static_cast<int32_t>(r->output().elements()),
                               double{r->options<NormOptions>().epsilon}};
  r->launch(body, 1, body.sessions.count);
  return {};
}

void launch_columns(Recorder* r, const auto& body) {
  r->launch(body, ceil_div(body.width, kColumnsPerBlock), body.sessions.count);
}

Status softmax(Recorder* r) {
  if (r->options<SoftmaxOptions>().over_time()) {
    launch_columns(r,
                   TimeSoftmax{r->sessions(),
                               r->rows(),
                               r->in(0),
                               r->out(),
                               static_cast<int32_t>(r->output().elements())});
    return {};
  }
  launch_bins(r, ChannelSoftmax{bin_rows(*r)});
  return {};
}

/// `weights`: the input that weighs each value, where it is there.
TimeStatistics start_statistics(const Recorder& r, size_t weights) {
  TimeStatistics s = {};
  s.sessions = r.sessions();
  s.rows = r.rows();
  s.x = r.in(0);
  s.y = r.out();
  s.width = static_cast<int32_t>(r.output().elements());
  s.weighted = r.has(weights);
  if (s.weighted) {
    s.weights = r.in(weights);
  }
  return s;
}

Status time_mean(Recorder* r) {
  launch_columns(r, start_statistics(*r, 1));
  return {};
}

Status time_std(Recorder* r) {
  TimeStatistics s = start_statistics(*r, 2);
  s.spread = true;
  s.mean = r->in(1);
  s.unbiased = r->options<TimeStdOptions>().unbiased == 1;
  s.epsilon = double{r->options<TimeStdOptions>().epsilon};
  launch_columns(r, s);
  return {};
}

Status measure_floor_db(const OpContext&, Needs* needs) {
  needs->scratch_bytes = sizeof(float);
  return {};
}

/// The floor first: the output may lie in the input's memory.
Status floor_db(Recorder* r) {
  View level = r->scratch(0, 1, 0);
  level.step = 0;
  const Floor floor = {r->sessions(),
                       r->rows(),
                       r->in(0),
                       level,
                       static_cast<int32_t>(r->output().elements()),
                       r->options<FloorDbOptions>().range};
  r->launch(floor, 1, floor.sessions.count);
  Binary above = {};
  above.sessions = floor.sessions;
  above.rows = floor.rows;
  above.x = floor.x;
  above.z = level;
  above.y = r->out();
  above.channels = r->output().channels();
  above.width = floor.width;
  above.op = Operator::kLargest;
  r->launch_elements(above, above.rows.count(), above.width);
  return {};
}

constexpr DeviceOp kOps[] = {
    {"layer_norm", nullptr, layer_norm},
    {"cumulative_norm", measure_cumulative_norm, cumulative_norm},
    {"softmax", nullptr, softmax},
    {"time_mean", nullptr, time_mean},
    {"time_std", nullptr, time_std},
    {"floor_db", measure_floor_db, floor_db},
};

}  // namespace

std::span<const DeviceOp> reduce_ops() {
  return kOps;
}

}  // namespace ligero::cuda
