// SPDX-License-Identifier: Apache-2.0
// The walk of a recurrent layer: one direction, along time (each bin carries its state) or along
// the bins of each frame. The input product is taken for many steps at once, the recurrent one step
// by step, all sequences in one product. Not: a cell (lstm.cc, gru.cc), nor the products
// (ops/kernels).
#ifndef LIGERO_OPS_RECURRENT_H_
#define LIGERO_OPS_RECURRENT_H_

#include <cstring>
#include <new>

#include "ops/check.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/product_op.h"
#include "runtime/op.h"

namespace ligero {

/// The op of a cell, a class made from CpuFeature bits and RecurrentOptions with
///   kGates: outputs of either product for each unit;
///   kBiases: 1, the bias of the input product, to whose result the recurrent product is added, or
///     2, the second one of the recurrent product, which the cell gets apart;
///   operator()(z, apart, hidden, c, h): one step of one sequence. z [kGates * hidden] may be
///     overwritten, apart [kGates * hidden] or null, c [hidden] the memory from step to step, zero
///     before the first, h [hidden] the output, which the next recurrent product reads.
template <typename Cell>
class Recurrent {
 public:
  static constexpr Op op(const char* name, Status (*parse)(const Node&, void*)) {
    return {name, 1, parse, infer, measure, prepare, run, false, true};
  }

 private:
  static constexpr int32_t kGates = Cell::kGates;
  static constexpr bool kApart = Cell::kBiases == 2;
  enum Input : size_t { kX = 0, kWih = 1, kWhh = 2, kBias = 3, kInputs = 3 + Cell::kBiases };

  /// Rows (steps, times the bins along time or the frames along bins) whose input products are held
  /// in scratch at once, where a frame has fewer.
  static constexpr int32_t kChunkRows = 256;
  /// Along time, one bin: steps at once.
  static constexpr int32_t kChunkSteps = 64;

  struct Data {
    ConvProblem input;      // x W_ih + bias
    ConvProblem recurrent;  // h W_hh, added in place to the above, or apart
    Cell cell;
    int32_t chunk;      // frames
    int32_t together;   // most sequences in step
    int64_t z_stride;   // floats from a sequence's gates to those of the next
    int64_t y_stride;   // the same of outputs
    size_t q8_scratch;  // where it begins in the scratch
  };

  static Status infer(const OpContext& ctx, Inference* out) {
    LIGERO_RETURN_IF_ERROR(check_arity(ctx, kInputs, kInputs));
    LIGERO_RETURN_IF_ERROR(check_signal(ctx, kX));
    const Tensor& x = ctx.input(kX);
    const auto& options = ctx.options<RecurrentOptions>();
    LIGERO_RETURN_IF_ERROR(check_panels(ctx, kWih, x.channels(), x.channels()));
    const int32_t gates = ctx.input(kWih).dim[1];
    LIGERO_CHECK(gates % kGates == 0,
                 Code::kBadModel,
                 "a recurrent layer's weight does not hold all its gates");
    const int32_t hidden = gates / kGates;
    LIGERO_RETURN_IF_ERROR(check_panels(ctx, kWhh, hidden, hidden));
    LIGERO_CHECK(ctx.input(kWhh).dim[1] == gates,
                 Code::kBadModel,
                 "a recurrent layer's two weights disagree");
    for (size_t k = kBias; k < kInputs; ++k) {
      LIGERO_RETURN_IF_ERROR(check_weight(ctx, k, 1, gates));
    }
    if (!options.along_bins()) {
      LIGERO_CHECK(x.kind == Kind::kSequence,
                   Code::kBadModel,
                   "a recurrent layer along time needs a sequence");
      out->time[kX].use = options.reverse != 0 ? TimeUse::kWhole : TimeUse::kRecurrent;
    }
    out->outputs[0].set(out->outputs[0].kind, x.bins(), hidden);
    LIGERO_RETURN_IF_ERROR(check_size(out->outputs[0].dim, 2));
    const int64_t per_bin =
        static_cast<int64_t>(gates) * (static_cast<int64_t>(x.channels()) + hidden);
    LIGERO_CHECK(checked_mul(per_bin, x.bins(), &out->macs),
                 Code::kBadModel,
                 "a recurrent layer is too large");
    out->recurrence.weight = kWhh;
    if (options.along_bins()) {
      out->recurrence = {kWhh, x.bins(), frames_in_step(x.bins())};
    }
    return {};
  }

  /// Whether the state goes on from call to call.
  static bool carried(const RecurrentOptions& options) {
    return !options.along_bins() && options.reverse == 0;
  }

  static int32_t hidden_of(const OpContext& ctx) {
    return ctx.input(kWhh).dim[0];
  }

  /// Frames of at most kChunkRows rows, at least one.
  static int32_t frames_in_step(int32_t bins) {
    return bins >= kChunkRows ? 1 : kChunkRows / bins;
  }

  /// Frames worked on at once.
  static int32_t chunk_frames(const OpContext& ctx) {
    const int32_t bins = ctx.input(kX).bins();
    const bool one_row = !ctx.options<RecurrentOptions>().along_bins() && bins == 1;
    const int32_t chunk = one_row ? kChunkSteps : frames_in_step(bins);
    return chunk < ctx.max_frames ? chunk : ctx.max_frames;
  }

  /// Sequences that take a step together: the frames of a chunk, or the bins of a frame.
  static int32_t sequences(const OpContext& ctx) {
    return ctx.options<RecurrentOptions>().along_bins() ? chunk_frames(ctx) : ctx.input(kX).bins();
  }

  /// Bytes of float scratch: gates [chunk, bins, kGates hidden], then those of the recurrent
  /// product [sequences, kGates hidden] where it stays apart, then the memory [sequences, hidden]
  /// where it is no state, then, backwards along time, hidden vectors [sequences, hidden] of rows
  /// that are no output.
  static size_t float_bytes(const OpContext& ctx) {
    const auto& options = ctx.options<RecurrentOptions>();
    const auto hidden = static_cast<size_t>(hidden_of(ctx));
    const auto together = static_cast<size_t>(sequences(ctx));
    const size_t rows =
        static_cast<size_t>(chunk_frames(ctx)) * static_cast<size_t>(ctx.input(kX).bins());
    const size_t products = kGates * (rows + (kApart ? together : 0));
    const size_t memory = carried(options) ? 0 : (options.along_bins() ? 1 : 2) * together;
    return align_up((products + memory) * hidden * sizeof(float));
  }

  static ConvRows input_rows(const Tensor& x) {
    ConvRows rows;
    rows.frame_stride = x.elements();
    rows.bins = x.bins();
    rows.channels = x.channels();
    rows.out_bins = x.bins();
    return rows;
  }

  /// Along time the bins of one frame, along bins one bin of some frames.
  static ConvRows recurrent_rows(const OpContext& ctx) {
    ConvRows rows;
    rows.channels = hidden_of(ctx);
    rows.frame_stride = static_cast<int64_t>(rows.channels) * ctx.input(kX).bins();
    if (!ctx.options<RecurrentOptions>().along_bins()) {
      rows.bins = rows.out_bins = ctx.input(kX).bins();
    }
    return rows;
  }

  static Status measure(const OpContext& ctx, Needs* needs) {
    LIGERO_RETURN_IF_ERROR(check_rows(ctx, ctx.output(0).bins()));
    const auto& options = ctx.options<RecurrentOptions>();
    const int32_t chunk = chunk_frames(ctx);
    const size_t input = product_scratch_bytes(ctx, kWih, input_rows(ctx.input(kX)), chunk);
    const size_t recurrent =
        product_scratch_bytes(ctx, kWhh, recurrent_rows(ctx), options.along_bins() ? chunk : 1);
    needs->data_bytes = sizeof(Data);
    needs->state_bytes =
        carried(options) ? 2 * static_cast<size_t>(ctx.output(0).elements()) * sizeof(float) : 0;
    needs->scratch_bytes = float_bytes(ctx) + (input > recurrent ? input : recurrent);
    return {};
  }

  static Status prepare(const OpContext& ctx, void* data) {
    const Tensor& x = ctx.input(kX);
    const int64_t hidden = hidden_of(ctx);
    const int64_t gates = hidden * kGates;
    // Sequences in step lie a frame apart (along bins), or a bin.
    const int64_t apart = ctx.options<RecurrentOptions>().along_bins() ? x.bins() : 1;
    auto* d = new (data) Data{{},
                              {},
                              Cell(ctx.cpu, ctx.options<RecurrentOptions>()),
                              chunk_frames(ctx),
                              sequences(ctx),
                              gates * apart,
                              hidden * apart,
                              float_bytes(ctx)};
    ConvProblem& input = d->input;
    prepare_weights(ctx, kWih, &input);
    input.epilogue.bias = ctx.input(kBias).f32();
    input.rows = input_rows(x);
    input.output.bin_stride = gates;
    input.output.frame_stride = gates * x.bins();
    ConvProblem& recurrent = d->recurrent;
    prepare_weights(ctx, kWhh, &recurrent);
    recurrent.rows = recurrent_rows(ctx);
    recurrent.output.frame_stride = recurrent.output.bin_stride = kApart ? gates : d->z_stride;
    if constexpr (kApart) {
      recurrent.epilogue.bias = ctx.input(kBias + 1).f32();
    } else {
      recurrent.add.frame_stride = recurrent.add.bin_stride = d->z_stride;
    }
    return {};
  }

  static void* q8_scratch(const RunContext& ctx, const Data& d) {
    return static_cast<std::byte*>(ctx.scratch) + d.q8_scratch;
  }

  static float* apart(const RunContext& ctx, const Data& d) {
    return static_cast<float*>(ctx.scratch) +
           static_cast<int64_t>(d.chunk) * d.input.output.frame_stride;
  }

  static float* memory(const RunContext& ctx, const Data& d) {
    return apart(ctx, d) + (kApart ? d.together * d.recurrent.output.frame_stride : 0);
  }

  /// The input products of `frames` frames from `first` on, to the start of the scratch.
  static float* input_product(const RunContext& ctx, const Data& d, int32_t first, int32_t frames) {
    ConvProblem input = d.input;
    input.scratch = q8_scratch(ctx, d);
    input.rows.x = ctx.x(kX) + first * input.rows.frame_stride;
    input.output.y = static_cast<float*>(ctx.scratch);
    convolve(input, frames, ctx.pool);
    return input.output.y;
  }

  /// What a step of some sequences reads and writes, each from its first sequence on.
  struct Step {
    const float* h;  // the hidden vectors before it, or null: zero
    float* z;        // the gates' input products
    float* c;
    float* y;
  };

  /// Step number `i` of `count` sequences: the recurrent products and the cells.
  static void take_step(
      const RunContext& ctx, const Data& d, int64_t i, int32_t count, const Step& s) {
    ConvProblem p = d.recurrent;
    p.last_panels_first = i % 2 != 0;
    p.scratch = q8_scratch(ctx, d);
    p.output.y = kApart ? apart(ctx, d) : s.z;
    const int64_t gates = p.weights.outputs;
    if (s.h != nullptr) {
      p.rows.x = s.h;
      p.add.data = kApart ? nullptr : s.z;
      convolve(p, count / p.rows.bins, ctx.pool);
    } else if (kApart) {
      for (int32_t k = 0; k < count; ++k) {
        std::memcpy(
            p.output.y + k * gates, p.epilogue.bias, static_cast<size_t>(gates) * sizeof(float));
      }
    }
    const int64_t hidden = gates / kGates;
    for (int64_t k = 0; k < count; ++k) {
      d.cell(s.z + k * d.z_stride,
             apart(ctx, d) + k * gates,
             static_cast<int32_t>(hidden),
             s.c + k * hidden,
             s.y + k * d.y_stride);
    }
  }

  /// Along time, forwards or backwards, the bins of a frame in step. `h` are the hidden vectors
  /// before the first step, or nullptr for zero; backwards, the rows after the last frame come
  /// first, and their hidden vectors lie in `unseen`. Returns the last ones.
  static const float* run_time(
      const RunContext& ctx, const Data& d, const float* h, float* c, float* unseen) noexcept {
    const int64_t row = ctx.output(0).elements();
    const bool reverse = ctx.options<RecurrentOptions>().reverse != 0;
    const int32_t rows = reverse ? ctx.frames + ctx.after : ctx.frames;
    for (int32_t done = 0; done < rows; done += d.chunk) {
      const int32_t frames = rows - done < d.chunk ? rows - done : d.chunk;
      const int32_t first = reverse ? rows - done - frames : done;
      float* gates = input_product(ctx, d, first, frames);
      for (int32_t i = 0; i < frames; ++i) {
        const int32_t t = reverse ? frames - 1 - i : i;
        float* y = first + t < ctx.frames ? ctx.out[0] + (first + t) * row : unseen;
        take_step(ctx, d, i, d.together, {h, gates + t * row * kGates, c, y});
        h = y;
      }
    }
    return h;
  }

  /// Along the bins of each frame, a chunk of frames in step.
  static void run_bins(const RunContext& ctx, const Data& d) noexcept {
    const int64_t hidden = ctx.output(0).channels();
    const int64_t bins = ctx.input(kX).bins();
    const bool reverse = ctx.options<RecurrentOptions>().reverse != 0;
    float* c = memory(ctx, d);
    for (int32_t first = 0; first < ctx.frames; first += d.chunk) {
      const int32_t frames = ctx.frames - first < d.chunk ? ctx.frames - first : d.chunk;
      float* out = ctx.out[0] + first * bins * hidden;
      float* gates = input_product(ctx, d, first, frames);
      std::memset(c, 0, static_cast<size_t>(frames * hidden) * sizeof(float));
      for (int64_t i = 0; i < bins; ++i) {
        const int64_t b = reverse ? bins - 1 - i : i;
        const float* h = i == 0 ? nullptr : out + (reverse ? b + 1 : b - 1) * hidden;
        take_step(ctx, d, i, frames, {h, gates + b * hidden * kGates, c, out + b * hidden});
      }
    }
  }

  static void run(const RunContext& ctx) noexcept {
    const Data& d = *static_cast<const Data*>(ctx.data);
    const auto& options = ctx.options<RecurrentOptions>();
    const int64_t row = ctx.output(0).elements();
    const size_t bytes = static_cast<size_t>(row) * sizeof(float);
    if (options.along_bins()) {
      run_bins(ctx, d);
    } else if (options.reverse != 0) {
      float* c = memory(ctx, d);
      std::memset(c, 0, bytes);
      run_time(ctx, d, nullptr, c, c + row);
    } else {
      auto* h = static_cast<float*>(ctx.state);
      std::memcpy(h, run_time(ctx, d, h, h + row, nullptr), bytes);
    }
  }
};

}  // namespace ligero

#endif  // LIGERO_OPS_RECURRENT_H_
