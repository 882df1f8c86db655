// The matrix product of linear layers and convolutions of every form: rows gathered from frames,
// times weights in panels, plus an epilogue (ops/kernels/product/product.h is the specification).
// Not: recurrent products (recurrent.h).
//
// Two shapes of one product. ProductTile computes 64 rows by 64 outputs, each value read once from
// memory for 64 multiply-adds: many frames, or the hops of many sessions. ProductRow computes 8
// rows by 16 outputs, and its threads share out the inner dimension: a hop of a few sessions, where
// the weights are read once at the memory's speed.
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_PRODUCT_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_PRODUCT_H_

#include "platforms/cuda/kernels/elementwise.h"

namespace ligero::cuda {

inline constexpr int32_t kPanel = 16;

/// The arguments. Row r of the product is (session, row t, output bin f), f fastest; its inner
/// index is (time tap, bin tap, channel), channel fastest.
struct Product {
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  View add;  ///< bias map; its rows are the time taps
  const void* weights;
  int64_t panel_stride;  ///< elements from panel to panel
  int64_t group_stride;  ///< elements of the weights from group to group of channels
  int32_t inner;
  int32_t outputs;                   ///< of a group
  int32_t bins, channels, out_bins;  ///< channels: of a group
  int32_t x_bin;                     ///< floats from bin to bin
  int32_t y_bin, y_first;
  int32_t taps_t, dilation_t, past;
  int32_t taps_f, dilation_f, stride_f, pad_f;
  bool mirror;  ///< rows outside the part are mirrored at its ends
  bool mapped;  ///< `add` is there
  Function activation;
  const float* bias;
  const float* slopes;
  const float* post_scale;
  const float* post_shift;

  int64_t total_rows() const {
    return int64_t{sessions.count} * rows.count() * out_bins;
  }

  /// Where one row of the product comes from and goes to.
  struct Row {
    Part part;
    int32_t session;
    int32_t t;
    int32_t bin;
    bool writes;
  };

  LIGERO_KERNEL Row row(int32_t r) const {
    const int32_t per_session = rows.count() * out_bins;
    Row found = {};
    found.session = r / per_session;
    found.writes = found.session < sessions.count;
    if (found.writes) {
      const int32_t rest = r % per_session;
      found.t = rest / out_bins - rows.revised;
      found.bin = rest % out_bins;
      found.part = rows.part(sessions, found.session);
      found.writes = found.part.runs;
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
    if (!found.writes || !found.part.has(found.t)) {
      return {};
    }
    const int32_t head = x.ring >= 0 ? sessions.heads[found.session * sessions.rings + x.ring] : 0;
    return {x.data + found.session * x.stride + group * channels,
            x.first + x.step * found.t + head,
            found.t - found.part.begin,
            found.part.end - found.part.begin,
            found.bin * stride_f - pad_f};
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
    place = x.ring >= 0 && place >= x.capacity ? place - x.capacity : place;
    return from.x[place * x.row + bin * x_bin + tap.channel];
  }

  LIGERO_KERNEL static int32_t mirrored(int32_t t, int32_t frames) {
    t = t < 0 ? -t : t;
    t = t >= frames ? 2 * (frames - 1) - t : t;
    return t < 0 ? 0 : t >= frames ? frames - 1 : t;
  }

  /// The epilogue of output `o` of a group, and its way into memory.
  LIGERO_KERNEL void finish(const Row& r, int32_t group, int32_t o, float sum) const {
    if (!r.writes || o >= outputs) {
      return;
    }
    const int32_t channel = group * outputs + o;
    float value = 0.0f;
    if (r.part.has(r.t)) {
      value = sum + (bias != nullptr ? bias[channel] : 0.0f);
      for (int32_t m = 0; mapped && m < taps_t; ++m) {
        const int64_t frame = r.part.first + r.t + static_cast<int64_t>(m) * dilation_t - past;
        if (mirror || (frame >= 0 && frame < r.part.total)) {
          value += add.at(sessions, r.session, m)[r.bin * y_bin + channel];
        }
      }
      value = apply(activation, value, slopes != nullptr ? slopes[channel] : 0.0f);
      value = post_scale != nullptr ? value * post_scale[channel] : value;
      value = post_shift != nullptr ? value + post_shift[channel] : value;
    }
    y.at(sessions, r.session, r.t)[y_first + r.bin * y_bin + channel] = value;
  }
};

/// Grid (rows / 64, outputs / 64, groups).
template <typename W>
struct ProductTile : Product {
  static constexpr int kLanes = 256;
  static constexpr int32_t kTile = 64;
  static constexpr int32_t kSlab = 16;  ///< of the inner dimension at a time
  static constexpr int32_t kSpan = 4;   ///< rows and outputs of a thread's square
  static constexpr int32_t kSide = kTile / kSpan;
  static constexpr int32_t kPitch = kTile + kSpan;  ///< keeps threads off each other's banks
  static constexpr int32_t kSharedFloats = kTile * kSourceFloats + 2 * kSlab * kPitch;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    constexpr int32_t kSquares = kSide * kSide / kLanes_;  // 1 on the GPU
    float sum[kSquares][kSpan][kSpan] = {};
    auto* sources = reinterpret_cast<Source*>(block.shared);
    float* a = block.shared + kTile * kSourceFloats;  // [kSlab][kPitch]: inner, row
    float* w = a + kSlab * kPitch;                    // [kSlab][kPitch]: inner, output
    block.each(kTile, [&](int32_t r) { sources[r] = source(block.x * kTile + r, block.z); });
    for (int32_t k0 = 0; k0 < inner; k0 += kSlab) {
      block.sync();
      gather(block, sources, k0, a);
      fetch(block, k0, w);
      block.sync();
      for (int32_t q = 0; q < kSquares; ++q) {
        const int32_t square = q * kLanes_ + block.lane;
        multiply(a + square / kSide * kSpan, w + square % kSide * kSpan, sum[q]);
      }
    }
    for (int32_t q = 0; q < kSquares; ++q) {
      const int32_t square = q * kLanes_ + block.lane;
      for (int32_t i = 0; i < kSpan; ++i) {
        const Row r = row(block.x * kTile + square / kSide * kSpan + i);
        LIGERO_UNROLL
        for (int32_t j = 0; j < kSpan; ++j) {
          finish(r, block.z, block.y * kTile + square % kSide * kSpan + j, sum[q][i][j]);
        }
      }
    }
  }

  template <int kLanes_>
  LIGERO_KERNEL void gather(const Block<kLanes_>& block,
                            const Source* sources,
                            int32_t k0,
                            float* a) const {
    const int32_t k = k0 + block.lane % kSlab;
    const Tap mine = tap(k);  // of all that this thread gathers, where there are as many threads
    block.each(kSlab * kTile, [&](int32_t i) {
      const int32_t at = k0 + i % kSlab;
      const Tap here = kLanes_ >= kSlab ? mine : tap(at);
      a[i % kSlab * kPitch + i / kSlab] = at < inner ? load(sources[i / kSlab], here) : 0.0f;
    });
  }

  template <int kLanes_>
  LIGERO_KERNEL void fetch(const Block<kLanes_>& block, int32_t k0, float* w) const {
    const W* from = static_cast<const W*>(weights) + block.z * group_stride;
    block.each(kSlab * kTile, [&](int32_t i) {
      const int32_t panel = i / (kSlab * kPanel);
      const int32_t k = i / kPanel % kSlab;
      const int32_t column = i % kPanel;
      const int32_t o = block.y * kTile + panel * kPanel;
      const bool inside = k0 + k < inner && o < outputs;
      w[k * kPitch + panel * kPanel + column] =
          inside ? widen(from[o / kPanel * panel_stride + (k0 + k) * kPanel + column]) : 0.0f;
    });
  }

  LIGERO_KERNEL static void multiply(const float* a, const float* w, float (&sum)[kSpan][kSpan]) {
    LIGERO_UNROLL
    for (int32_t k = 0; k < kSlab; ++k, a += kPitch, w += kPitch) {
      LIGERO_UNROLL
      for (int32_t i = 0; i < kSpan; ++i) {
        LIGERO_UNROLL
        for (int32_t j = 0; j < kSpan; ++j) {
          sum[i][j] += a[i] * w[j];
        }
      }
    }
  }
};

/// How threads share out 16 outputs and an inner dimension.
template <int kLanes>
struct Shares {
  static constexpr int32_t kParts = kLanes >= kPanel ? kLanes / kPanel : 1;    ///< of the inner one
  static constexpr int32_t kColumns = kLanes >= kPanel ? 1 : kPanel / kLanes;  ///< of a thread
};

/// Grid (rows / 8, panels, groups).
template <typename W>
struct ProductRow : Product {
  static constexpr int kLanes = 256;
  static constexpr int32_t kRows = 8;
  static constexpr int32_t kSlab = 512;  ///< of the rows in shared memory at a time
  /// The slab; later the threads' sums.
  static constexpr int32_t kSharedFloats = kRows * (kSourceFloats + kSlab);
  static_assert(Shares<kLanes>::kParts * kPanel <= kSlab);

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    using Share = Shares<kLanes_>;
    float sum[Share::kColumns][kRows] = {};
    const int32_t part = block.lane / kPanel;  // 0 where there are fewer threads than columns
    auto* sources = reinterpret_cast<Source*>(block.shared);
    float* slab_rows = block.shared + kRows * kSourceFloats;
    block.each(kRows, [&](int32_t r) { sources[r] = source(block.x * kRows + r, block.z); });
    const W* panel =
        static_cast<const W*>(weights) + block.z * group_stride + block.y * panel_stride;
    for (int32_t k0 = 0; k0 < inner; k0 += kSlab) {
      const int32_t slab = inner - k0 < kSlab ? inner - k0 : kSlab;
      block.sync();
      block.each(slab, [&](int32_t k) {
        const Tap here = tap(k0 + k);
        for (int32_t r = 0; r < kRows; ++r) {
          slab_rows[k * kRows + r] = load(sources[r], here);
        }
      });
      block.sync();
      for (int32_t k = part; k < slab; k += Share::kParts) {
        LIGERO_UNROLL
        for (int32_t c = 0; c < Share::kColumns; ++c) {
          const int32_t column = (c * kLanes_ + block.lane) % kPanel;
          const float w = widen(panel[static_cast<int64_t>(k0 + k) * kPanel + column]);
          LIGERO_UNROLL
          for (int32_t r = 0; r < kRows; ++r) {
            sum[c][r] += slab_rows[k * kRows + r] * w;
          }
        }
      }
    }
    block.sync();
    for (int32_t c = 0; c < Share::kColumns; ++c) {
      const int32_t column = (c * kLanes_ + block.lane) % kPanel;
      for (int32_t r = 0; r < kRows; ++r) {
        slab_rows[(part * kRows + r) * kPanel + column] = sum[c][r];
      }
    }
    block.sync();
    block.each(kRows * kPanel, [&](int32_t i) {
      float total = 0.0f;
      for (int32_t p = 0; p < Share::kParts; ++p) {
        total += slab_rows[p * kRows * kPanel + i];
      }
      finish(row(block.x * kRows + i / kPanel), block.z, block.y * kPanel + i % kPanel, total);
    });
  }
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_KERNELS_PRODUCT_H_
