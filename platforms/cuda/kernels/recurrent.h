// SPDX-License-Identifier: Apache-2.0
// One step of a recurrent layer, LSTM or GRU: the recurrent product and the cell in one kernel, for
// all sequences that go on together. Not: the input product (product.h), which is taken for all
// steps before the first.
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_RECURRENT_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_RECURRENT_H_

#include "platforms/cuda/kernels/product.h"

namespace ligero::cuda {

enum class Walk : int32_t { kTime, kTimeReversed, kBins, kBinsReversed };

/// The arguments. A sequence is a bin of a session (along time) or a frame of one (along bins).
/// `gates` is [rows + ahead][bins][gate][hidden], the input products with their bias; where
/// `apart_bias` is given the cell is a GRU.
struct Recurrent {
  Sessions sessions;
  Rows rows;
  View gates;
  View y;
  View state;   ///< forwards along time: [h, c], each [bins][hidden]
  View memory;  ///< c from step to step: along bins [rows][hidden], else [bins][hidden]
  View unseen;  ///< backwards along time: h of rows after the part, [rows + ahead][bins][hidden]
  const void* weights;  ///< panels [hidden][gate * hidden]
  const float* scale;   ///< int8 weights: [gate * hidden]; else null
  const float* apart_bias;
  int32_t bins;
  int32_t hidden;
  float cell_limit;  ///< LSTM: the most that a cell's magnitude is
  Walk walk;

  LIGERO_KERNEL bool along_bins() const {
    return walk == Walk::kBins || walk == Walk::kBinsReversed;
  }
  LIGERO_KERNEL int32_t per_session() const {
    return along_bins() ? rows.count() : bins;
  }
  LIGERO_KERNEL int32_t gate_count() const {
    return apart_bias != nullptr ? 3 : 4;
  }
  /// Steps of the walk: how often the kernel is launched.
  int32_t steps() const {
    return along_bins() ? bins : rows.count() + (walk == Walk::kTimeReversed ? rows.ahead : 0);
  }

  /// One sequence's step: where its vectors lie.
  struct Step {
    const float* z;  ///< null: nothing to compute
    const float* h;  ///< of the step before; null: zero
    const float* c;  ///< likewise
    float* c_out;
    float* c_kept;  ///< null: not kept
    float* out;     ///< null: no row of the output
    float* unseen;  ///< null: not needed
  };

  LIGERO_KERNEL Step at(int32_t sequence, int32_t step) const {
    Step s = {};
    const int32_t b = sequence / per_session();
    if (b >= sessions.count) {
      return s;
    }
    const Part part = rows.part(sessions, b);
    if (!part.runs) {
      return s;
    }
    const int32_t k = sequence % per_session();
    if (along_bins()) {
      bins_step(part, b, k - rows.revised, step, &s);
    } else if (walk == Walk::kTime) {
      forward_step(part, b, step - rows.revised, k, &s);
    } else {
      backward_step(part, b, rows.frames + rows.ahead - 1 - step, k, &s);
    }
    return s;
  }

 private:
  /// Along time: a bin's vector in row t of a view whose rows are [bins][hidden].
  LIGERO_KERNEL float* vector(const View& view, int32_t b, int32_t t, int32_t bin) const {
    return view.at(sessions, b, t) + static_cast<int64_t>(bin) * hidden;
  }
  LIGERO_KERNEL const float* gates_of(int32_t b, int32_t t, int32_t bin) const {
    return gates.at(sessions, b, t) + static_cast<int64_t>(bin) * gate_count() * hidden;
  }

  LIGERO_KERNEL void forward_step(
      const Part& part, int32_t b, int32_t t, int32_t bin, Step* s) const {
    s->out = vector(y, b, t, bin);
    if (!part.has(t)) {
      return;
    }
    float* kept_h = vector(state, b, 0, bin);
    float* kept_c = kept_h + static_cast<int64_t>(bins) * hidden;
    const bool first = t == part.begin;
    s->z = gates_of(b, t, bin);
    s->c_out = vector(memory, b, 0, bin);
    s->h = first ? kept_h : vector(y, b, t - 1, bin);
    s->c = first ? kept_c : s->c_out;
    // The next call begins where this one's rows become final, and so does its state.
    s->c_kept = t < rows.frames - rows.revised ? kept_c : nullptr;
  }

  LIGERO_KERNEL void backward_step(
      const Part& part, int32_t b, int32_t t, int32_t bin, Step* s) const {
    const int32_t limit = part.end + part.after;
    s->out = t < rows.frames ? vector(y, b, t, bin) : nullptr;
    if (t < part.begin || t >= limit) {
      return;
    }
    if (t >= part.end) {
      s->out = nullptr;
    }
    const bool first = t == limit - 1;
    s->z = gates_of(b, t, bin);
    s->c_out = vector(memory, b, 0, bin);
    s->h = first ? nullptr : vector(unseen, b, t + 1, bin);
    s->c = first ? nullptr : s->c_out;
    s->unseen = vector(unseen, b, t, bin);
  }

  LIGERO_KERNEL void bins_step(
      const Part& part, int32_t b, int32_t t, int32_t step, Step* s) const {
    const bool back = walk == Walk::kBinsReversed;
    const int32_t bin = back ? bins - 1 - step : step;
    s->out = vector(y, b, t, bin);
    if (!part.has(t)) {
      return;
    }
    s->z = gates_of(b, t, bin);
    s->c_out = memory.at(sessions, b, t);
    s->h = step == 0 ? nullptr : s->out + (back ? hidden : -hidden);
    s->c = step == 0 ? nullptr : s->c_out;
  }
};

/// Grid (sequences / kRows, hidden / 16); repeated, once for each step. Each block computes all
/// gates of 16 units.
template <typename W>
struct RecurrentStep : Recurrent {
  static constexpr int kLanes = 256;
  static constexpr int32_t kRows = 4;
  static constexpr int32_t kGates = 4;
  static constexpr int32_t kSums = kRows * kGates;
  static constexpr int32_t kSlab = 512;
  /// The slab; later the threads' sums.
  static constexpr int32_t kSharedFloats = Shares<kLanes>::kParts / 2 * kSums * kPanel;
  static_assert(kRows * kSlab <= kSharedFloats);
  static_assert(kSharedFloats * sizeof(float) <= kMostSharedBytes);

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    using Share = Shares<kLanes_>;
    float sum[Share::kOwn][kSums][kQuad] = {};
    for (int32_t k0 = 0; k0 < hidden; k0 += kSlab) {
      const int32_t slab = hidden - k0 < kSlab ? hidden - k0 : kSlab;
      block.sync();
      for (int32_t r = 0; r < kRows; ++r) {
        const Step s = at(block.x * kRows + r, block.step);
        const float* h = s.z != nullptr ? s.h : nullptr;
        block.each(slab, [&](int32_t k) {
          block.shared[k * kRows + r] = h != nullptr ? h[k0 + k] : 0.0f;
        });
      }
      block.sync();
      multiply<kLanes_>(block, k0, slab, sum);
    }
    Share::template join<kSums>(block, sum, block.shared);
    block.each(kRows * kPanel, [&](int32_t i) {
      const int32_t r = i / kPanel;
      const int32_t unit = block.y * kPanel + i % kPanel;
      if (unit < hidden) {
        float recurrent[kGates] = {};
        for (int32_t p = 0; p < Share::kMeetingParts; ++p) {
          LIGERO_UNROLL
          for (int32_t g = 0; g < kGates; ++g) {
            recurrent[g] += block.shared[(p * kSums + r * kGates + g) * kPanel + i % kPanel];
          }
        }
        LIGERO_UNROLL
        for (int32_t g = 0; g < kGates; ++g) {
          recurrent[g] *= scale != nullptr && g < gate_count() ? scale[g * hidden + unit] : 1.0f;
        }
        cell(at(block.x * kRows + r, block.step), unit, recurrent);
      }
    });
  }

  /// Adds a slab's products with the weights of all gates of four units.
  template <int kLanes_>
  LIGERO_KERNEL void multiply(const Block<kLanes_>& block,
                              int32_t k0,
                              int32_t slab,
                              float (&sum)[Shares<kLanes_>::kOwn][kSums][kQuad]) const {
    using Share = Shares<kLanes_>;
    const int32_t all = gate_count();
    LIGERO_UNROLL
    for (int32_t own = 0; own < Share::kOwn; ++own) {
      const int32_t unit = block.y * kPanel + (own * kLanes_ + block.lane) % Share::kQuads * kQuad;
      if (unit >= hidden) {
        continue;
      }
      const int32_t part = block.lane / Share::kQuads;
      for (int32_t k = part; k < slab; k += Share::kParts) {
        float w[kGates][kQuad] = {};
        LIGERO_UNROLL
        for (int32_t g = 0; g < kGates; ++g) {
          if (g < all) {
            load_units(g * hidden + unit, hidden - unit, k0 + k, w[g]);
          }
        }
        float h[kRows];
        load_quad(block.shared + k * kRows, h);
        LIGERO_UNROLL
        for (int32_t i = 0; i < kSums; ++i) {
          LIGERO_UNROLL
          for (int32_t j = 0; j < kQuad; ++j) {
            sum[own][i][j] += h[i / kGates] * w[i % kGates][j];
          }
        }
      }
    }
  }

  /// The weights of four outputs from `o` on with inner index k; of `left` units those there are.
  LIGERO_KERNEL void load_units(int32_t o, int32_t left, int32_t k, float (&w)[kQuad]) const {
    if (hidden % kQuad == 0) {
      load_quad(weight(o, k), w);
      return;
    }
    for (int32_t j = 0; j < kQuad && j < left; ++j) {
      w[j] = widen(*weight(o + j, k));
    }
  }
  LIGERO_KERNEL const W* weight(int32_t o, int32_t k) const {
    return static_cast<const W*>(weights) +
           (static_cast<int64_t>(o / kPanel) * hidden + k) * kPanel + o % kPanel;
  }

  /// c within +-cell_limit; what is no number stays so.
  LIGERO_KERNEL float clamped(float c) const {
    return c > cell_limit ? cell_limit : c < -cell_limit ? -cell_limit : c;
  }
  LIGERO_KERNEL void cell(const Step& s, int32_t u, const float (&recurrent)[kGates]) const {
    if (s.z == nullptr) {
      if (s.out != nullptr) {
        s.out[u] = 0.0f;
      }
      return;
    }
    const float before = s.c != nullptr ? s.c[u] : 0.0f;
    float h = 0.0f;
    float c = 0.0f;
    if (apart_bias == nullptr) {
      const float i = sigmoid(s.z[u] + recurrent[0]);
      const float f = sigmoid(s.z[hidden + u] + recurrent[1]);
      const float g = tanhf(s.z[2 * hidden + u] + recurrent[2]);
      const float o = sigmoid(s.z[3 * hidden + u] + recurrent[3]);
      c = clamped(f * before + i * g);
      h = o * tanhf(c);
    } else {
      const float r = sigmoid(s.z[u] + recurrent[0] + apart_bias[u]);
      const float z = sigmoid(s.z[hidden + u] + recurrent[1] + apart_bias[hidden + u]);
      const float n = tanhf(s.z[2 * hidden + u] + r * (recurrent[2] + apart_bias[2 * hidden + u]));
      c = n + z * (before - n);
      h = c;
    }
    s.c_out[u] = c;
    if (s.c_kept != nullptr) {
      s.c_kept[u] = c;
    }
    if (s.out != nullptr) {
      s.out[u] = h;
    }
    if (s.unseen != nullptr) {
      s.unseen[u] = h;
    }
  }
};

/// Forwards along time, after the last step: the hidden vectors of the last final row are kept.
/// Grid (1, sessions).
struct KeepHidden {
  static constexpr int kLanes = 256;
  Sessions sessions;
  Rows rows;
  View y;
  View state;
  int32_t width;  ///< floats of a row: bins * hidden

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    const Part part = rows.part(sessions, block.y);
    const int32_t final_rows = rows.frames - rows.revised;
    const int32_t last = (final_rows < part.end ? final_rows : part.end) - 1;
    if (!part.runs || last < part.begin) {
      return;
    }
    const float* h = y.at(sessions, block.y, last);
    block.each(width, [&](int32_t u) { state.at(sessions, block.y, 0)[u] = h[u]; });
  }
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_KERNELS_RECURRENT_H_
