// lstm: one direction, along time (the state is carried) or along the bins of each frame. The input
// product is taken for many steps at once, the recurrent one step by step. Not: the products and
// the cell (ops/kernels).
#include "ops/kernels/lstm/lstm.h"

#include <cstring>
#include <new>

#include "ops/check.h"
#include "ops/product_op.h"
#include "ops/table.h"

namespace ligero {
namespace {

enum Input : size_t { kX = 0, kWih = 1, kWhh = 2, kBias = 3, kInputs = 4 };

/// Steps whose input products are held in scratch at once.
constexpr int32_t kChunkSteps = 64;
/// Along bins: rows (frames times bins) in scratch at once, where one frame has fewer.
constexpr int32_t kChunkRows = 256;

struct Shape {
  int32_t bins = 1;
  int32_t hidden = 0;
  bool along_bins = false;
  bool reverse = false;
  bool carried() const {
    return !along_bins && !reverse;
  }
};

struct Data {
  ProductProblem input;      // x W_ih + bias
  ProductProblem recurrent;  // h W_hh, added in place to the above
  const LstmKernels* kernels;
  Shape shape;
  int32_t chunk;  // frames
};

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, kInputs, kInputs));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, kX));
  const Tensor& x = ctx.input(kX);
  const int32_t axis = ctx.node.int_or("axis", 0);
  const int32_t reverse = ctx.node.int_or("reverse", 0);
  LIGERO_RETURN_IF_ERROR(check_int(axis, 0, 1));
  LIGERO_RETURN_IF_ERROR(check_int(reverse, 0, 1));
  LIGERO_RETURN_IF_ERROR(check_panels(ctx, kWih, x.channels()));
  const int32_t gates = ctx.input(kWih).dim[1];
  LIGERO_CHECK(gates % 4 == 0, Code::kBadModel, "an LSTM's weight does not hold four gates");
  const int32_t hidden = gates / 4;
  LIGERO_RETURN_IF_ERROR(check_panels(ctx, kWhh, hidden));
  LIGERO_CHECK(ctx.input(kWhh).dim[1] == gates, Code::kBadModel, "an LSTM's two weights disagree");
  LIGERO_RETURN_IF_ERROR(check_weight(ctx, kBias, 1, gates));
  if (axis == 0) {
    LIGERO_CHECK(x.kind == Kind::kSequence && x.bins() == 1,
                 Code::kBadModel,
                 "an LSTM along time needs a sequence of one bin");
    out->time[kX].use = reverse != 0 ? TimeUse::kWhole : TimeUse::kRecurrent;
  }
  out->outputs[0].set(out->outputs[0].kind, x.bins(), hidden);
  LIGERO_RETURN_IF_ERROR(check_size(out->outputs[0].dim, 2));
  const int64_t per_bin =
      static_cast<int64_t>(gates) * (static_cast<int64_t>(x.channels()) + hidden);
  LIGERO_CHECK(checked_mul(per_bin, x.bins(), &out->macs), Code::kBadModel, "an LSTM is too large");
  return {};
}

Shape read_shape(const OpContext& ctx) {
  Shape s;
  s.bins = ctx.input(kX).bins();
  s.hidden = ctx.input(kWhh).dim[0];
  s.along_bins = ctx.node.int_or("axis", 0) == 1;
  s.reverse = ctx.node.int_or("reverse", 0) == 1;
  return s;
}

/// Frames worked on at once.
int32_t chunk_frames(const OpContext& ctx, const Shape& s) {
  int32_t chunk = kChunkSteps;
  if (s.along_bins) {
    chunk = s.bins >= kChunkRows ? 1 : kChunkRows / s.bins;
  }
  return chunk < ctx.max_frames ? chunk : ctx.max_frames;
}

/// Scratch: gates [chunk, bins, 4 hidden], then the cells [chunk or 1, hidden] where not in state,
/// then, backwards along time, a hidden vector of rows that are no output.
Status measure(const OpContext& ctx, Needs* needs) {
  LIGERO_RETURN_IF_ERROR(check_rows(ctx, ctx.output(0).bins()));
  const Shape s = read_shape(ctx);
  const auto hidden = static_cast<size_t>(s.hidden);
  const auto chunk = static_cast<size_t>(chunk_frames(ctx, s));
  const size_t rows = chunk * static_cast<size_t>(s.bins);
  const size_t cells = s.carried() ? 0 : s.along_bins ? chunk : 2;
  needs->data_bytes = sizeof(Data);
  needs->state_bytes = s.carried() ? 2 * hidden * sizeof(float) : 0;
  needs->scratch_bytes = (rows * 4 + cells) * hidden * sizeof(float);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  auto* d = new (data) Data();
  const Tensor& x = ctx.input(kX);
  d->shape = read_shape(ctx);
  d->chunk = chunk_frames(ctx, d->shape);
  d->kernels = &lstm_kernels(ctx.cpu);
  const int64_t gates = static_cast<int64_t>(d->shape.hidden) * 4;
  ProductProblem& input = d->input;
  prepare_weights(ctx, kWih, &input);
  input.epilogue.bias = ctx.input(kBias).f32();
  input.rows.frame_stride = x.elements();
  input.rows.bins = x.bins();
  input.rows.channels = x.channels();
  input.rows.out_bins = x.bins();
  input.output.bin_stride = gates;
  input.output.frame_stride = gates * x.bins();
  ProductProblem& recurrent = d->recurrent;
  prepare_weights(ctx, kWhh, &recurrent);
  recurrent.rows.channels = d->shape.hidden;
  recurrent.rows.frame_stride = static_cast<int64_t>(d->shape.hidden) * x.bins();
  recurrent.output.frame_stride = gates * x.bins();
  recurrent.add.frame_stride = recurrent.output.frame_stride;
  return {};
}

/// Adds h W_hh to the gates of `frames` frames, frame_stride apart, in place.
void add_recurrent(const Data& d, const float* h, float* z, int32_t frames, Parallel* pool) {
  ProductProblem p = d.recurrent;
  p.rows.x = h;
  p.output.y = z;
  p.add.data = z;
  product(p, frames, pool);
}

/// Along time, forwards or backwards. `h` is the hidden vector before the first step, or nullptr
/// for zero; backwards, the rows after the last frame come first, and their hidden vectors lie in
/// `unseen`. Returns the last one.
const float* run_time(
    const RunContext& ctx, const Data& d, const float* h, float* c, float* unseen) noexcept {
  const int64_t hidden = d.shape.hidden;
  const int32_t rows = d.shape.reverse ? ctx.frames + ctx.after : ctx.frames;
  auto* gates = static_cast<float*>(ctx.scratch);
  for (int32_t done = 0; done < rows; done += d.chunk) {
    const int32_t frames = rows - done < d.chunk ? rows - done : d.chunk;
    const int32_t first = d.shape.reverse ? rows - done - frames : done;
    ProductProblem input = d.input;
    input.rows.x = ctx.x(kX) + first * input.rows.frame_stride;
    input.output.y = gates;
    product(input, frames, ctx.pool);
    for (int32_t i = 0; i < frames; ++i) {
      const int32_t t = d.shape.reverse ? frames - 1 - i : i;
      float* z = gates + t * hidden * 4;
      float* y = first + t < ctx.frames ? ctx.out[0] + (first + t) * hidden : unseen;
      if (h != nullptr) {
        add_recurrent(d, h, z, 1, ctx.pool);
      }
      d.kernels->cell_f32(z, d.shape.hidden, c, y);
      h = y;
    }
  }
  return h;
}

/// Along the bins of each frame, a chunk of frames in step.
void run_bins(const RunContext& ctx, const Data& d) noexcept {
  const int64_t hidden = d.shape.hidden;
  const int64_t bins = d.shape.bins;
  auto* gates = static_cast<float*>(ctx.scratch);
  float* cells = gates + d.chunk * bins * hidden * 4;
  for (int32_t first = 0; first < ctx.frames; first += d.chunk) {
    const int32_t frames = ctx.frames - first < d.chunk ? ctx.frames - first : d.chunk;
    float* out = ctx.out[0] + first * bins * hidden;
    ProductProblem input = d.input;
    input.rows.x = ctx.x(kX) + first * input.rows.frame_stride;
    input.output.y = gates;
    product(input, frames, ctx.pool);
    std::memset(cells, 0, static_cast<size_t>(frames * hidden) * sizeof(float));
    for (int64_t i = 0; i < bins; ++i) {
      const int64_t b = d.shape.reverse ? bins - 1 - i : i;
      if (i > 0) {
        const int64_t before = d.shape.reverse ? b + 1 : b - 1;
        add_recurrent(d, out + before * hidden, gates + b * hidden * 4, frames, ctx.pool);
      }
      for (int64_t f = 0; f < frames; ++f) {
        d.kernels->cell_f32(gates + (f * bins + b) * hidden * 4,
                            d.shape.hidden,
                            cells + f * hidden,
                            out + (f * bins + b) * hidden);
      }
    }
  }
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  const int64_t hidden = d.shape.hidden;
  const size_t bytes = static_cast<size_t>(hidden) * sizeof(float);
  if (d.shape.along_bins) {
    run_bins(ctx, d);
  } else if (d.shape.reverse) {
    float* c = static_cast<float*>(ctx.scratch) + d.chunk * hidden * 4;
    std::memset(c, 0, bytes);
    run_time(ctx, d, nullptr, c, c + hidden);
  } else {
    auto* h = static_cast<float*>(ctx.state);
    std::memcpy(h, run_time(ctx, d, h, h + hidden, nullptr), bytes);
  }
}

}  // namespace

const Op kLstmOp = {"lstm", 1, infer, measure, prepare, run};

}  // namespace ligero
