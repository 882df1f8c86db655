// SPDX-License-Identifier: Apache-2.0
// What infer() of most ops checks: counts of inputs, types, shapes, ranges. Not: a formula of any
// op.
#ifndef LIGERO_OPS_CHECK_H_
#define LIGERO_OPS_CHECK_H_

#include <cstdint>

#include "runtime/base/checked.h"
#include "runtime/op.h"

namespace ligero {

/// Most elements of one frame. Far above any network's, far below what overflows an index.
inline constexpr int64_t kMaxFrameElements = int64_t{1} << 26;

inline Status bad_node(const char* message, int64_t where = -1) {
  return error(Code::kBadModel, message, -1, where);
}

/// `least` to `most` inputs, all indices real, the first `least` present; one output.
Status check_arity(const OpContext& ctx, size_t least, size_t most);

/// Dimensions positive, their product at most kMaxFrameElements.
Status check_size(const int32_t* dim, int32_t rank);

/// Input `k` is plain f32 with one or two dimensions, [bins, channels].
Status check_plain(const OpContext& ctx, size_t k);

/// Input `k` is a sequence or a constant.
Status check_signal(const OpContext& ctx, size_t k);

/// Input `k` is a sequence.
Status check_sequence(const OpContext& ctx, size_t k);

/// Input `k` is a plain f32 weight [bins, channels].
Status check_weight(const OpContext& ctx, size_t k, int64_t bins, int64_t channels);

/// Input `k` is a plain f32 weight or constant [bins, channels].
Status check_map(const OpContext& ctx, size_t k, int64_t bins, int64_t channels);

inline bool same_shape(const Tensor& a, const Tensor& b) {
  return a.bins() == b.bins() && a.channels() == b.channels();
}

/// The output has the shape of input 0.
inline void output_like_input(const OpContext& ctx, Inference* out) {
  const Tensor& x = ctx.input(0);
  out->outputs[0].set(out->outputs[0].kind, x.bins(), x.channels());
}

/// One input, a sequence or constant; an output of the same shape.
Status infer_unary(const OpContext& ctx, Inference* out);

}  // namespace ligero

#endif  // LIGERO_OPS_CHECK_H_
