// What the ops that are products share: checks of panel weights and epilogues, and the prepared
// problem. Not: the product (ops/kernels/product).
#ifndef LIGERO_OPS_PRODUCT_OP_H_
#define LIGERO_OPS_PRODUCT_OP_H_

#include <cstdint>

#include "ops/kernels/product/product.h"
#include "runtime/op.h"

namespace ligero {

/// Input `k` is a weight [inner, outputs] in panels, f32 or f16, with at least one output.
Status check_panels(const OpContext& ctx, size_t k, int64_t inner);

/// Inputs first .. first + 3, each optional: bias, slopes, post_scale, post_shift of `outputs`
/// elements; attribute `activation` known, and slopes present where it is prelu.
Status check_epilogue(const OpContext& ctx, size_t first, int64_t outputs);

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
  ProductProblem problem;
};

/// Bytes of ProductData and `zeros` floats.
size_t product_data_bytes(int64_t zeros);

/// The kernels and weights (input `w`) of a problem.
void prepare_weights(const OpContext& ctx, size_t w, ProductProblem* problem);

/// The epilogue from inputs first .. first + 3.
void prepare_epilogue(const OpContext& ctx, size_t first, ProductEpilogue* epilogue);

/// Puts a ProductData into `data`, with `zeros` zeros behind it, and returns it.
ProductData* make_product_data(void* data, int64_t zeros);

}  // namespace ligero

#endif  // LIGERO_OPS_PRODUCT_OP_H_
