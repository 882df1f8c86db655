// SPDX-License-Identifier: Apache-2.0
// The shared checks and preparation of ops that are products. Not: any op.
#include "ops/product_op.h"

#include <cstring>
#include <new>

#include "ops/check.h"

namespace ligero {

Status check_panels(
    const OpContext& ctx, size_t k, int64_t inner, int32_t channels, int32_t taps_t) {
  const Tensor& w = ctx.input(k);
  const auto where = static_cast<int64_t>(k);
  LIGERO_CHECK(w.kind == Kind::kWeight && w.rank == 2 && w.layout == Layout::kPanels,
               Code::kBadModel,
               "a product needs a weight in panels",
               -1,
               where);
  if (w.type == Type::kQ8) {
    LIGERO_CHECK(w.scale != nullptr, Code::kBadModel, "int8 weights without scales", -1, where);
    LIGERO_CHECK(channels > 0, Code::kUnsupportedModel, "an op that takes no int8", -1, where);
    LIGERO_CHECK(channels % kGemmQ8Group == 0,
                 Code::kUnsupportedModel,
                 "int8 weights of an input whose channels are no multiple of 4",
                 -1,
                 where);
    LIGERO_CHECK(inner / taps_t <= kGemmQ8MaxInner,
                 Code::kUnsupportedModel,
                 "int8 weights of too many inputs for one sum",
                 -1,
                 where);
  }
  LIGERO_RETURN_IF_ERROR(check_size(w.dim, w.rank));
  LIGERO_CHECK(w.dim[0] == inner,
               Code::kBadModel,
               "a weight's inner dimension does not fit the input",
               -1,
               where);
  return {};
}

Status check_epilogue(const OpContext& ctx, size_t first, int64_t outputs, Activation activation) {
  for (size_t k = first; k < first + 4; ++k) {
    if (has(ctx, k)) {
      LIGERO_RETURN_IF_ERROR(check_weight(ctx, k, 1, outputs));
    }
  }
  LIGERO_CHECK(activation != Activation::kPrelu || has(ctx, first + 1),
               Code::kBadModel,
               "prelu without slopes");
  return {};
}

Status check_rows(const OpContext& ctx, int64_t bins) {
  int64_t rows = 0;
  LIGERO_CHECK(checked_mul(ctx.max_frames, bins, &rows) && rows <= kMaxProductRows,
               Code::kUnsupportedModel,
               "too many rows in one call of a product");
  return {};
}

size_t product_data_bytes(int64_t zeros) {
  return align_up(sizeof(ProductData)) + static_cast<size_t>(zeros) * sizeof(float);
}

void prepare_weights(const OpContext& ctx, size_t w, ConvProblem* p) {
  const Tensor& t = ctx.input(w);
  if (t.type == Type::kQ8) {
    p->q8 = &kGemmQ8Variants.best(ctx.cpu);
    p->quantize = &kQuantizeVariants.best(ctx.cpu);
    p->shape = p->q8->shape;
    p->tile = p->q8->tile;
    p->weight_bytes = 1;
    p->weights.scale = t.scale;
  } else {
    const GemmKernels& kernels = kGemmVariants.best(ctx.cpu);
    const bool half = t.type == Type::kF16;
    p->shape = kernels.shape;
    p->tile = half ? kernels.f16 : kernels.f32;
    p->weight_bytes = half ? 2 : 4;
  }
  p->weights.data = t.data;
  p->weights.panel_stride = static_cast<int64_t>(t.dim[0]) * kGemmPanel;
  p->weights.outputs = t.dim[1];
}

size_t product_scratch_bytes(const OpContext& ctx,
                             size_t w,
                             const ConvRows& rows,
                             int32_t frames) {
  return ctx.input(w).type == Type::kQ8 ? conv_q8_scratch_bytes(rows, frames) : 0;
}

void prepare_epilogue(const OpContext& ctx,
                      size_t first,
                      Activation activation,
                      GemmEpilogue* e) {
  const auto pointer = [&](size_t k) -> const float* {
    return has(ctx, k) ? ctx.input(k).f32() : nullptr;
  };
  e->bias = pointer(first);
  e->slopes = pointer(first + 1);
  e->post_scale = pointer(first + 2);
  e->post_shift = pointer(first + 3);
  e->activation = activation;
}

void to_next_group(int32_t taps, ConvProblem* p) {
  const int64_t inner = int64_t{taps} * p->rows.channels;
  p->weights.data =
      static_cast<const std::byte*>(p->weights.data) + inner * kGemmPanel * p->weight_bytes;
  --p->rows.pad_f;  // a bin of its own further on
  p->epilogue.advance(p->weights.outputs);
}

ProductData* make_product_data(void* data, int64_t zeros) {
  auto* made = new (data) ProductData();
  auto* z = reinterpret_cast<float*>(static_cast<std::byte*>(data) + align_up(sizeof(ProductData)));
  std::memset(z, 0, static_cast<size_t>(zeros) * sizeof(float));
  made->problem.rows.zeros = z;
  return made;
}

}  // namespace ligero
