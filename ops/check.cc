// SPDX-License-Identifier: Apache-2.0
// What infer() of most ops checks. Functions of their own, called and not inlined: they are in every op,
// and a Cortex-M has its code in flash. Not: a formula of any op.
#include "ops/check.h"

namespace ligero {

Status check_arity(const OpContext& ctx, size_t least, size_t most) {
  const size_t count = ctx.node.inputs.size();
  LIGERO_CHECK(count >= least && count <= most && count <= kMaxInputs,
               Code::kBadModel,
               "wrong number of inputs");
  LIGERO_CHECK(ctx.node.outputs.size() == 1, Code::kBadModel, "wrong number of outputs");
  for (size_t k = 0; k < count; ++k) {
    const int64_t index = ctx.node.inputs[k];
    LIGERO_CHECK(index >= -1 && index < static_cast<int64_t>(ctx.tensors.size()),
                 Code::kBadModel,
                 "input index out of range");
    LIGERO_CHECK(index >= 0 || k >= least, Code::kBadModel, "a required input is absent");
  }
  return {};
}

Status check_size(const int32_t* dim, int32_t rank) {
  LIGERO_CHECK(rank >= 1 && rank <= kMaxRank, Code::kBadModel, "rank out of range");
  int64_t elements = 1;
  for (int32_t i = 0; i < rank; ++i) {
    LIGERO_CHECK(dim[i] >= 1, Code::kBadModel, "a dimension is not positive");
    LIGERO_CHECK(checked_mul(elements, dim[i], &elements) && elements <= kMaxFrameElements,
                 Code::kBadModel,
                 "a tensor is too large");
  }
  return {};
}

Status check_plain(const OpContext& ctx, size_t k) {
  const Tensor& t = ctx.input(k);
  LIGERO_CHECK(t.type == Type::kF32 && t.layout == Layout::kPlain,
               Code::kUnsupportedModel,
               "this op reads plain f32 only");
  LIGERO_CHECK(t.rank == 2 || (t.rank == 1 && t.kind != Kind::kSequence),
               Code::kBadModel,
               "an input does not have the shape [bins, channels]");
  return check_size(t.dim, t.rank);
}

Status check_signal(const OpContext& ctx, size_t k) {
  LIGERO_RETURN_IF_ERROR(check_plain(ctx, k));
  LIGERO_CHECK(
      ctx.input(k).kind != Kind::kWeight, Code::kBadModel, "a weight where a signal is due");
  return {};
}

Status check_sequence(const OpContext& ctx, size_t k) {
  LIGERO_RETURN_IF_ERROR(check_plain(ctx, k));
  LIGERO_CHECK(ctx.input(k).kind == Kind::kSequence, Code::kBadModel, "this op needs a time axis");
  return {};
}

Status check_weight(const OpContext& ctx, size_t k, int64_t bins, int64_t channels) {
  LIGERO_RETURN_IF_ERROR(check_plain(ctx, k));
  const Tensor& t = ctx.input(k);
  LIGERO_CHECK(t.kind == Kind::kWeight, Code::kBadModel, "an input must be a weight");
  LIGERO_CHECK(t.bins() == bins && t.channels() == channels,
               Code::kBadModel,
               "a weight has the wrong shape",
               -1,
               static_cast<int64_t>(k));
  return {};
}

Status check_map(const OpContext& ctx, size_t k, int64_t bins, int64_t channels) {
  LIGERO_RETURN_IF_ERROR(check_plain(ctx, k));
  const Tensor& t = ctx.input(k);
  LIGERO_CHECK(t.kind != Kind::kSequence && t.bins() == bins && t.channels() == channels,
               Code::kBadModel,
               "an input must be a weight or constant of the op's [bins, channels]",
               -1,
               static_cast<int64_t>(k));
  return {};
}

Status infer_unary(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 0));
  output_like_input(ctx, out);
  return {};
}

}  // namespace ligero
