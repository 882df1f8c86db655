// SPDX-License-Identifier: Apache-2.0
// What the ops that are products share: checks of panel weights and epilogues, and the prepared
// problem. Not: the product (ops/kernels/conv).
#ifndef LIGERO_OPS_PRODUCT_OP_H_
#define LIGERO_OPS_PRODUCT_OP_H_

#include <cstdint>

#include "ops/kernels/conv/conv.h"
#include "runtime/op.h"

namespace ligero {

/// Input `k` is a weight [inner, outputs] in panels with at least one output: f32, f16, or int8 if
/// the rows of the product are made of pieces of `channels` values, a multiple of 4 (0: the op
/// takes no int8), and inner / taps_t of them share a scale without overflowing the int32 sum.
Status check_panels(
    const OpContext& ctx, size_t k, int64_t inner, int32_t channels, int32_t taps_t = 1);

/// Inputs first .. first + 3, each optional: bias, slopes, post_scale, post_shift of `outputs`
/// elements; slopes present where the activation is prelu.
Status check_epilogue(const OpContext& ctx, size_t first, int64_t outputs, Activation activation);

/// Most rows of one product, so that indices are 32 bits wide.
inline constexpr int64_t kMaxProductRows = int64_t{1} << 30;

/// For measure(): the most frames of a call, times `bins`, are at most kMaxProductRows.
Status check_rows(const OpContext& ctx, int64_t bins);

/// Input `k` may be absent, also by a shorter list of inputs.
inline bool has(const OpContext& ctx, size_t k) {
  return ctx.node.has_input(k);
}

/// What prepare() leaves in an op's data: a problem without x, y and add, and zeros behind it.
struct ProductData {
  ConvProblem problem;
};

/// Bytes of ProductData and `zeros` floats.
size_t product_data_bytes(int64_t zeros);

/// The kernels and weights (input `w`) of a problem.
void prepare_weights(const OpContext& ctx, size_t w, ConvProblem* problem);

/// For measure(): bytes of scratch of a product with weights `w`, with `frames` frames at most; 0
/// where these are not int8. run() gives them to the problem.
size_t product_scratch_bytes(const OpContext& ctx,
                             size_t w,
                             const ConvRows& rows,
                             int32_t frames);

/// The epilogue from inputs first .. first + 3.
void prepare_epilogue(const OpContext& ctx,
                      size_t first,
                      Activation activation,
                      GemmEpilogue* epilogue);

/// From the problem of a group of channels, whose rows lie `groups` bins apart, to that of the next
/// one: `taps` is all that its kernel has.
void to_next_group(int32_t taps, ConvProblem* problem);

/// Puts a ProductData into `data`, with `zeros` zeros behind it, and returns it.
ProductData* make_product_data(void* data, int64_t zeros);

}  // namespace ligero

#endif  // LIGERO_OPS_PRODUCT_OP_H_
