// SPDX-License-Identifier: Apache-2.0
// The matrix product of linear layers and convolutions of every form: rows gathered from frames,
// times weights in panels, plus an epilogue (ops/kernels/gemm/gemm.h is the specification).
// Not: recurrent products (recurrent.h).
//
// Two kernels for one product. ProductTile keeps a tile of rows and outputs in its threads'
// registers: many frames, or the hops of many sessions. ProductRow computes 8 rows by 16 outputs,
// and its threads share out the inner dimension: few rows, where the weights are read once at the
// memory's speed. ops/weighed.h chooses.
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_PRODUCT_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_PRODUCT_H_

#include <type_traits>

#include "platforms/cuda/kernels/elementwise.h"

namespace ligero::cuda {

inline constexpr int32_t kPanel = 16;

/// The arguments. Row r of the product is (session, row t, output bin f), f fastest; its inner
/// index is (time tap, bin tap, channel), channel fastest. Groups have weights and outputs of their
/// own: groups of channels, or bands of bins.
struct Product {
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  View add;       ///< bias map; its rows are the time taps
  View constant;  ///< a constant's bias, of every output of a row
  const void* weights;
  const float* scale;    ///< int8 weights: one for each output; else null
  int64_t panel_stride;  ///< elements from panel to panel
  int64_t group_stride;  ///< elements of the weights from group to group
  int32_t group_scales;  ///< scales from group to group
  int32_t group_bins;    ///< bins of the input from group to group
  int32_t group_floats;  ///< channels of the input from group to group
  int32_t inner;
  int32_t outputs;                   ///< of a group
  int32_t bins, channels, out_bins;  ///< channels: of a group
  int32_t x_bin;                     ///< floats from bin to bin
  int32_t y_bin, y_first;
  int32_t taps_t, dilation_t, past;
  int32_t taps_f, dilation_f, stride_f, pad_f;
  bool mirror;   ///< rows outside the part are mirrored at its ends
  bool mapped;   ///< `add` is there
  bool shifted;  ///< `constant` is there
  Function activation;
  const float* bias;
  const float* slopes;
  const float* post_scale;
  const float* post_shift;

  int64_t total_rows() const {
    return int64_t{sessions.count} * rows.count() * out_bins;
  }

  /// Which row of which session a row of the product is.
  struct Row {
    Part part;
    int32_t session;
    int32_t t;
    int32_t bin;
    bool runs;
  };

  LIGERO_KERNEL Row row(int32_t r) const {
    const int32_t per_session = rows.count() * out_bins;
    Row found = {};
    found.session = r / per_session;
    if (found.session < sessions.count) {
      const int32_t rest = r % per_session;
      found.t = rest / out_bins - rows.revised;
      found.bin = rest % out_bins;
      found.part = rows.part(sessions, found.session);
      found.runs = found.part.runs;
    }
    return found;
  }

  /// A row of the product as the inner loop reads it, worked out once.
  struct Source {
    const float* x;  ///< the session's rows, the group's first channel; null: zeros
    int32_t place;   ///< of row t, of which a ring's length is still to be taken
    int32_t since;   ///< row t counted from the part's first
    int32_t frames;  ///< of the part
    int32_t bin;     ///< of the first tap
  };
  static constexpr int32_t kSourceFloats = sizeof(Source) / sizeof(float);

  LIGERO_KERNEL Source source(int32_t r, int32_t group) const {
    const Row found = row(r);
    if (!found.runs || !found.part.has(found.t)) {
      return {};
    }
    const int32_t head = x.ring >= 0 ? sessions.heads[found.session * sessions.rings + x.ring] : 0;
    return {x.data + found.session * x.stride + group * group_floats,
            x.first + x.step * found.t + head,
            found.t - found.part.begin,
            found.part.end - found.part.begin,
            found.bin * stride_f - pad_f + group * group_bins};
  }

  /// Where inner index k lies.
  struct Tap {
    int32_t time;  ///< frames from the row's own
    int32_t bin;   ///< bins from the row's first
    int32_t channel;
  };

  LIGERO_KERNEL Tap tap(int32_t k) const {
    const int32_t at = k / channels;
    return {at / taps_f * dilation_t - past, at % taps_f * dilation_f, k % channels};
  }

  LIGERO_KERNEL float load(const Source& from, const Tap& tap) const {
    const int32_t bin = from.bin + tap.bin;
    if (from.x == nullptr || bin < 0 || bin >= bins) {
      return 0.0f;
    }
    int32_t ahead = tap.time;
    if (mirror) {
      ahead = mirrored(from.since + ahead, from.frames) - from.since;
    }
    int32_t place = from.place + ahead;
    place = x.ring >= 0 ? x.wrapped(place) : place;
    return read(from.x + place * x.row + bin * x_bin + tap.channel);
  }

  LIGERO_KERNEL static int32_t mirrored(int32_t t, int32_t frames) {
    t = t < 0 ? -t : t;
    t = t >= frames ? 2 * (frames - 1) - t : t;
    return t < 0 ? 0 : t >= frames ? frames - 1 : t;
  }

  /// Where a row of the product goes to, worked out once.
  struct Target {
    float* y;       ///< output 0 of group 0; null: nowhere
    int64_t frame;  ///< of the signal
    int64_t frames;
    int32_t session;
    int32_t bin;
    bool inside;  ///< the signal; else its outputs are zero
  };
  static constexpr int32_t kTargetFloats = sizeof(Target) / sizeof(float);

  LIGERO_KERNEL Target target(int32_t r) const {
    const Row found = row(r);
    if (!found.runs) {
      return {};
    }
    return {y.at(sessions, found.session, found.t) + y_first + found.bin * y_bin,
            found.part.first + found.t,
            found.part.total,
            found.session,
            found.bin,
            found.part.has(found.t)};
  }

  /// The epilogue of output `o` of a group, and its way into memory.
  LIGERO_KERNEL void finish(const Target& to, int32_t group, int32_t o, float sum) const {
    if (to.y == nullptr || o >= outputs) {
      return;
    }
    const int32_t channel = group * outputs + o;
    float value = 0.0f;
    if (to.inside) {
      value = scale != nullptr ? sum * scale[group * group_scales + o] : sum;
      value += bias != nullptr ? bias[channel] : 0.0f;
      value += shifted ? constant.at(sessions, to.session, 0)[channel] : 0.0f;
      for (int32_t m = 0; mapped && m < taps_t; ++m) {
        const int64_t frame = to.frame + static_cast<int64_t>(m) * dilation_t - past;
        if (mirror || (frame >= 0 && frame < to.frames)) {
          value += add.at(sessions, to.session, m)[to.bin * y_bin + channel];
        }
      }
      value = apply(activation, value, slopes != nullptr ? slopes[channel] : 0.0f);
      value = post_scale != nullptr ? value * post_scale[channel] : value;
      value = post_shift != nullptr ? value + post_shift[channel] : value;
    }
    to.y[channel] = value;
  }
};

/// A tile of rows by kOutputs outputs, of which each thread has kSpan rows by 4 outputs. The
/// next slab of the inner dimension is on its way from memory while this one is multiplied. Grid
/// (rows / kTileRows, outputs / kOutputs, groups).
template <typename W, int32_t kSpan, int32_t kOutputs>
struct ProductTile : Product {
  static constexpr int kLanes = 256;
  static constexpr int32_t kTileOutputs = kOutputs;
  static constexpr int32_t kQuads = kTileOutputs / kQuad;
  static constexpr int32_t kTileRows = kLanes / kQuads * kSpan;
  static constexpr int32_t kSlab = 16;  ///< of the inner dimension at a time
  // A quad more keeps threads that gather off each other's banks.
  static constexpr int32_t kRowPitch = kTileRows + kQuad;
  static constexpr int32_t kOutputPitch = kTileOutputs + kQuad;
  static constexpr int32_t kSlabFloats = kSlab * (kRowPitch + kOutputPitch);
  static constexpr int32_t kSharedFloats = kTileRows * kSourceFloats + 2 * kSlabFloats;
  static constexpr int32_t kHalf = kSpan / 2;
  static_assert(kTileRows * (kTargetFloats + kTileOutputs / 2) <= 2 * kSlabFloats);
  static_assert(kSlab * kTileOutputs % kLanes == 0);
  static_assert(kSharedFloats * sizeof(float) <= kMostSharedBytes);

  /// What a thread brings over of a slab.
  template <int kLanes_>
  struct Held {
    static constexpr int32_t kRows = kSlab * kTileRows / kLanes_;
    static constexpr int32_t kWeights = kSlab * kTileOutputs / kLanes_;
    float row[kRows];
    float weight[kWeights];
  };

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    constexpr int32_t kSquares = kLanes / kLanes_;  // 1 on the GPU
    float sum[kSquares][kSpan][kQuad] = {};
    auto* sources = reinterpret_cast<Source*>(block.shared);
    float* slabs = block.shared + kTileRows * kSourceFloats;
    block.each(kTileRows,
               [&](int32_t r) { sources[r] = source(block.x * kTileRows + r, block.z); });
    block.sync();
    Held<kLanes_> held;
    fetch(block, sources, 0, &held);
    put(block, held, slabs);
    for (int32_t k0 = 0, at = 0; k0 < inner; k0 += kSlab, at = kSlabFloats - at) {
      block.sync();  // the slab is whole, and all have done with the one before
      const bool more = k0 + kSlab < inner;
      if (more) {
        fetch(block, sources, k0 + kSlab, &held);
      }
      LIGERO_UNROLL
      for (int32_t q = 0; q < kSquares; ++q) {
        const int32_t square = q * kLanes_ + block.lane;
        const float* rows_at = slabs + at + square / kQuads * kSpan;
        multiply(rows_at, slabs + at + kSlab * kRowPitch + square % kQuads * kQuad, sum[q]);
      }
      if (more) {
        put(block, held, slabs + kSlabFloats - at);
      }
    }
    write<kLanes_>(block, slabs, sum);
  }

  /// Half of each thread's rows at a time through shared memory, so that neighbours write
  /// neighbours.
  template <int kLanes_>
  LIGERO_KERNEL void write(const Block<kLanes_>& block,
                           float* slabs,
                           const float (&sum)[kLanes / kLanes_][kSpan][kQuad]) const {
    auto* targets = reinterpret_cast<Target*>(slabs);
    float* half_tile = slabs + kTileRows * kTargetFloats;
    block.sync();
    block.each(kTileRows, [&](int32_t r) { targets[r] = target(block.x * kTileRows + r); });
    LIGERO_UNROLL
    for (int32_t first = 0; first < kSpan; first += kHalf) {
      LIGERO_UNROLL
      for (int32_t q = 0; q < kLanes / kLanes_; ++q) {
        const int32_t square = q * kLanes_ + block.lane;
        LIGERO_UNROLL
        for (int32_t i = 0; i < kHalf; ++i) {
          LIGERO_UNROLL
          for (int32_t j = 0; j < kQuad; ++j) {
            half_tile[(square / kQuads * kHalf + i) * kTileOutputs + square % kQuads * kQuad + j] =
                sum[q][first + i][j];
          }
        }
      }
      block.sync();
      block.each(kTileRows / 2 * kTileOutputs, [&](int32_t i) {
        const int32_t at = i / kTileOutputs;
        const Target& to = targets[at / kHalf * kSpan + first + at % kHalf];
        finish(to, block.z, block.y * kTileOutputs + i % kTileOutputs, half_tile[i]);
      });
      block.sync();
    }
  }

  /// Neighbouring threads read neighbouring channels, and neighbouring outputs.
  template <int kLanes_>
  LIGERO_KERNEL void fetch(const Block<kLanes_>& block,
                           const Source* sources,
                           int32_t k0,
                           Held<kLanes_>* held) const {
    const Tap mine = tap(k0 + block.lane % kSlab);  // of all values, with as many threads as a slab
    LIGERO_UNROLL
    for (int32_t n = 0; n < Held<kLanes_>::kRows; ++n) {
      const int32_t i = n * kLanes_ + block.lane;
      const int32_t k = k0 + i % kSlab;
      const Tap here = kLanes_ >= kSlab ? mine : tap(k);
      held->row[n] = k < inner ? load(sources[i / kSlab], here) : 0.0f;
    }
    const W* from = static_cast<const W*>(weights) + block.z * group_stride;
    LIGERO_UNROLL
    for (int32_t n = 0; n < Held<kLanes_>::kWeights; ++n) {
      const int32_t i = n * kLanes_ + block.lane;
      const int32_t k = k0 + i / kPanel % kSlab;
      const int32_t panel = block.y * (kTileOutputs / kPanel) + i / (kSlab * kPanel);
      const bool inside = k < inner && panel * kPanel < outputs;
      held->weight[n] =
          inside ? widen(from[panel * panel_stride + int64_t{k} * kPanel + i % kPanel]) : 0.0f;
    }
  }

  /// Into shared memory: [kSlab][kRowPitch] of rows, then [kSlab][kOutputPitch] of weights.
  template <int kLanes_>
  LIGERO_KERNEL void put(const Block<kLanes_>& block,
                         const Held<kLanes_>& held,
                         float* slab) const {
    LIGERO_UNROLL
    for (int32_t n = 0; n < Held<kLanes_>::kRows; ++n) {
      const int32_t i = n * kLanes_ + block.lane;
      slab[i % kSlab * kRowPitch + i / kSlab] = held.row[n];
    }
    float* w = slab + kSlab * kRowPitch;
    LIGERO_UNROLL
    for (int32_t n = 0; n < Held<kLanes_>::kWeights; ++n) {
      const int32_t i = n * kLanes_ + block.lane;
      w[i / kPanel % kSlab * kOutputPitch + i / (kSlab * kPanel) * kPanel + i % kPanel] =
          held.weight[n];
    }
  }

  LIGERO_KERNEL static void multiply(const float* a, const float* w, float (&sum)[kSpan][kQuad]) {
    LIGERO_UNROLL
    for (int32_t k = 0; k < kSlab; ++k, a += kRowPitch, w += kOutputPitch) {
      float row[kSpan];
      float output[kQuad];
      LIGERO_UNROLL
      for (int32_t i = 0; i < kSpan; i += kQuad) {
        load_quad(a + i, *reinterpret_cast<float(*)[kQuad]>(row + i));
      }
      load_quad(w, output);
      LIGERO_UNROLL
      for (int32_t i = 0; i < kSpan; ++i) {
        LIGERO_UNROLL
        for (int32_t j = 0; j < kQuad; ++j) {
          sum[i][j] += row[i] * output[j];
        }
      }
    }
  }
};

template <typename W>
using ProductWide = ProductTile<W, 8, 64>;  // 128 rows
template <typename W>
using ProductSquare = ProductTile<W, 4, 64>;  // 64 rows
template <typename W>
using ProductNarrow = ProductTile<W, 4, 32>;  // 128 rows

/// How threads share out the quads of a panel, and an inner dimension.
template <int kLanes>
struct Shares {
  static constexpr int32_t kQuads = kPanel / kQuad;
  static constexpr int32_t kParts = kLanes > kQuads ? kLanes / kQuads : 1;  ///< of the inner one
  static constexpr int32_t kOwn = kLanes > kQuads ? 1 : kQuads / kLanes;    ///< quads of a thread
  static constexpr int32_t kMeetingParts = kParts < 16 ? kParts : 16;       ///< that join() leaves

  /// work(n, k) for the thread's share of 0 <= k < count, n of them at a time: kAhead, or one. What
  /// work() loads for all of them is on its way at once.
  template <int32_t kAhead, typename F>
  LIGERO_KERNEL static void each(int32_t part, int32_t count, const F& work) {
    int32_t k = part;
    for (; k + (kAhead - 1) * kParts < count; k += kAhead * kParts) {
      work(std::integral_constant<int32_t, kAhead>(), k);
    }
    for (; k < count; k += kParts) {
      work(std::integral_constant<int32_t, 1>(), k);
    }
  }

  /// Joins the parts' sums, each of `kSums` quads, and leaves kMeetingParts of them in `meeting`
  /// [part][sum][kPanel], which has room for half of all parts.
  template <int32_t kSums>
  LIGERO_KERNEL static void join(const Block<kLanes>& block,
                                 float (&sum)[kOwn][kSums][kQuad],
                                 float* meeting) {
    const int32_t part = block.lane / kQuads;  // 0 where there are fewer threads than quads
    const auto each_sum = [&](int32_t slot, const auto& f) {
      LIGERO_UNROLL
      for (int32_t own = 0; own < kOwn; ++own) {
        const int32_t quad = (own * kLanes + block.lane) % kQuads;
        LIGERO_UNROLL
        for (int32_t i = 0; i < kSums; ++i) {
          LIGERO_UNROLL
          for (int32_t j = 0; j < kQuad; ++j) {
            f(meeting[(slot * kSums + i) * kPanel + quad * kQuad + j], sum[own][i][j]);
          }
        }
      }
    };
    LIGERO_UNROLL
    for (int32_t half = kParts / 2; half >= kMeetingParts; half /= 2) {
      block.sync();
      if (part >= half && part < 2 * half) {
        each_sum(part - half, [](float& there, float mine) { there = mine; });
      }
      block.sync();
      if (part < half) {
        each_sum(part, [](float there, float& mine) { mine += there; });
      }
    }
    block.sync();
    if (part < kMeetingParts) {
      each_sum(part, [](float& there, float mine) { there = mine; });
    }
    block.sync();
  }
};

/// Grid (rows / 8, panels, groups).
template <typename W>
struct ProductRow : Product {
  static constexpr int kLanes = 256;
  static constexpr int32_t kRows = 8;
  static constexpr int32_t kSlab = 512;  ///< of the rows in shared memory at a time
  /// The slab; later the threads' sums.
  static constexpr int32_t kSharedFloats = kRows * (kSourceFloats + kSlab);
  static_assert(Shares<kLanes>::kParts / 2 * kPanel <= kSlab);

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    using Share = Shares<kLanes_>;
    float sum[Share::kOwn][kRows][kQuad] = {};
    auto* sources = reinterpret_cast<Source*>(block.shared);
    float* slab_rows = block.shared + kRows * kSourceFloats;  // [kSlab][kRows]
    block.each(kRows, [&](int32_t r) { sources[r] = source(block.x * kRows + r, block.z); });
    const W* panel =
        static_cast<const W*>(weights) + block.z * group_stride + block.y * panel_stride;
    for (int32_t k0 = 0; k0 < inner; k0 += kSlab) {
      const int32_t slab = inner - k0 < kSlab ? inner - k0 : kSlab;
      block.sync();
      block.each(slab, [&](int32_t k) {
        const Tap here = tap(k0 + k);
        LIGERO_UNROLL
        for (int32_t r = 0; r < kRows; ++r) {
          slab_rows[k * kRows + r] = load(sources[r], here);
        }
      });
      block.sync();
      multiply<kLanes_>(block.lane, panel + int64_t{k0} * kPanel, slab, slab_rows, sum);
    }
    Share::template join<kRows>(block, sum, slab_rows);
    block.each(kRows * kPanel, [&](int32_t i) {
      float total = 0.0f;
      for (int32_t p = 0; p < Share::kMeetingParts; ++p) {
        total += slab_rows[p * kRows * kPanel + i];
      }
      const Target to = target(block.x * kRows + i / kPanel);
      finish(to, block.z, block.y * kPanel + i % kPanel, total);
    });
  }

  template <int kLanes_>
  LIGERO_KERNEL static void multiply(int32_t lane,
                                     const W* panel,
                                     int32_t slab,
                                     const float* slab_rows,
                                     float (&sum)[Shares<kLanes_>::kOwn][kRows][kQuad]) {
    using Share = Shares<kLanes_>;
    LIGERO_UNROLL
    for (int32_t own = 0; own < Share::kOwn; ++own) {
      const W* from = panel + (own * kLanes_ + lane) % Share::kQuads * kQuad;
      Share::template each<4>(lane / Share::kQuads, slab, [&](auto ahead, int32_t k) {
        constexpr int32_t kAhead = decltype(ahead)::value;
        float w[kAhead][kQuad];
        LIGERO_UNROLL
        for (int32_t n = 0; n < kAhead; ++n) {
          load_quad(from + (k + n * Share::kParts) * kPanel, w[n]);
        }
        LIGERO_UNROLL
        for (int32_t n = 0; n < kAhead; ++n) {
          const float* a = slab_rows + (k + n * Share::kParts) * kRows;
          LIGERO_UNROLL
          for (int32_t r = 0; r < kRows; ++r) {
            LIGERO_UNROLL
            for (int32_t j = 0; j < kQuad; ++j) {
              sum[own][r][j] += a[r] * w[n][j];
            }
          }
        }
      });
    }
  }
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_KERNELS_PRODUCT_H_
