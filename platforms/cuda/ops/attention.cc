// SPDX-License-Identifier: Apache-2.0
// attention: one launch. Not: the kernel (kernels/attention.h).
#include <algorithm>

#include "ops/options.h"
#include "platforms/cuda/table.h"

namespace ligero::cuda {
namespace {

Status attention(Recorder* r) {
  const auto& options = r->options<AttentionOptions>();
  Attention a = {};
  a.sessions = r->sessions();
  a.rows = r->rows();
  a.query = r->in(0);
  a.key = r->in(1);
  a.value = r->in(2);
  a.y = r->out();
  a.bins = r->input(0).bins();
  a.stride = r->input(0).channels();
  a.head = a.stride / options.heads;
  a.window = options.window;
  a.along_bins = options.along_bins();
  a.scale = options.scale;
  const int32_t queries = a.along_bins ? a.bins : a.rows.count();
  a.tile = std::min(kTileQueries, queries);
  constexpr int64_t kRoom = kMostSharedBytes / sizeof(float);
  while (a.tile > 1 && a.shared_floats() > kRoom) {
    a.tile /= 2;
  }
  a.tiles = ceil_div(queries, a.tile);
  r->launch(a,
            int64_t{a.tiles} * (a.along_bins ? a.rows.count() : 1),
            a.sessions.count,
            options.heads,
            a.shared_floats());
  return {};
}

constexpr DeviceOp kOps[] = {{"attention", nullptr, attention}};

}  // namespace

std::span<const DeviceOp> attention_ops() {
  return kOps;
}

}  // namespace ligero::cuda
