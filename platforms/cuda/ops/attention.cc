// attention: one launch. Not: the kernel (kernels/attention.h).
#include <algorithm>

#include "platforms/cuda/table.h"

namespace ligero::cuda {
namespace {

Status attention(Recorder* r) {
  const Node& node = r->node();
  Attention a = {};
  a.sessions = r->sessions();
  a.rows = r->rows();
  a.query = r->in(0);
  a.key = r->in(1);
  a.value = r->in(2);
  a.y = r->out();
  a.bins = r->input(0).bins();
  a.stride = r->input(0).channels();
  const int32_t heads = node.int_or("heads", 1);
  a.head = a.stride / heads;
  a.window = node.int_or("window", 0);
  a.along_bins = node.int_or("axis", 0) == 1;
  a.scale = node.float_or("scale", 1.0f);
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
            heads,
            a.shared_floats());
  return {};
}

constexpr DeviceOp kOps[] = {{"attention", nullptr, attention}};

}  // namespace

std::span<const DeviceOp> attention_ops() {
  return kOps;
}

}  // namespace ligero::cuda
