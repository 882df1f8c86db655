// SPDX-License-Identifier: Apache-2.0
// Kernels that look at many values for each result: norms, softmax, statistics over time. Not:
// products (product.h).
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_REDUCE_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_REDUCE_H_

#include "platforms/cuda/kernels/views.h"

namespace ligero::cuda {

/// The channels of one bin, of a launch over grid (rows * bins, sessions).
struct BinRows {
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  int32_t bins;
  int32_t channels;

  /// f(in, out), where the bin lies inside the signal; elsewhere its output becomes zero.
  template <int kLanes, typename F>
  LIGERO_KERNEL void each(const Block<kLanes>& block, const F& f) const {
    const Part part = rows.part(sessions, block.y);
    if (!part.runs) {
      return;
    }
    const int32_t t = block.x / bins - rows.revised;
    const int64_t at = static_cast<int64_t>(block.x % bins) * channels;
    float* out = y.at(sessions, block.y, t) + at;
    if (part.has(t)) {
      f(x.at(sessions, block.y, t) + at, out);
    } else {
      block.each(channels, [&](int32_t c) { out[c] = 0.0f; });
    }
  }
};

/// Each bin's channels to mean 0 and variance 1, then gamma, beta. Where all bins of a frame have
/// one mean, they are one bin of `at`. Grid (rows * bins, sessions). In place.
struct LayerNorm {
  static constexpr int kLanes = 128;
  BinRows at;
  View gamma;
  View beta;
  int32_t gamma_bin;  ///< floats from bin to bin
  int32_t beta_bin;
  int32_t gamma_floats;  ///< of the view, which repeat over the channels
  int32_t beta_floats;
  float epsilon;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    at.each(block, [&](const float* in, float* out) {
      double sum = 0.0;
      block.each(at.channels, [&](int32_t c) { sum += in[c]; });
      const auto mean = static_cast<float>(block.sum(sum) / at.channels);
      double squares = 0.0;
      block.each(at.channels, [&](int32_t c) { squares += (in[c] - mean) * (in[c] - mean); });
      const auto variance = static_cast<float>(block.sum(squares) / at.channels);
      const float scale = 1.0f / sqrtf(variance + epsilon);
      const int32_t bin = block.x % at.bins;
      const float* factors = gamma.at(at.sessions, block.y, 0) + bin * gamma_bin;
      const float* shifts = beta.at(at.sessions, block.y, 0) + bin * beta_bin;
      block.each(at.channels, [&](int32_t c) {
        out[c] = (in[c] - mean) * scale * factors[c % gamma_floats] + shifts[c % beta_floats];
      });
    });
  }
};

/// Softmax over the channels of each bin. Grid (rows * bins, sessions). In place.
struct ChannelSoftmax {
  static constexpr int kLanes = 128;
  BinRows at;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    at.each(block, [&](const float* in, float* out) {
      double largest = in[0];
      block.each(at.channels, [&](int32_t c) { largest = in[c] > largest ? in[c] : largest; });
      const auto top = static_cast<float>(block.largest(largest));
      double sum = 0.0;
      block.each(at.channels, [&](int32_t c) {
        out[c] = expf(in[c] - top);
        sum += out[c];
      });
      const auto scale = static_cast<float>(1.0 / block.sum(sum));
      block.each(at.channels, [&](int32_t c) { out[c] *= scale; });
    });
  }
};

/// Of all values so far; zero before the first.
struct Moments {
  double count;
  double mean;
  double squares;  ///< of the differences from the mean
};

/// Each frame to mean 0 and variance 1 of all that came so far. Grid (1, sessions). In place.
struct CumulativeNorm {
  static constexpr int kLanes = 256;
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  View state;  ///< Moments
  const float* gamma;
  const float* beta;
  int32_t channels;
  int32_t width;
  double epsilon;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    const int32_t b = block.y;
    const Part part = rows.part(sessions, b);
    if (!part.runs) {
      return;
    }
    auto* kept = reinterpret_cast<Moments*>(state.at(sessions, b, 0));
    Moments m = *kept;
    const int32_t last = rows.frames - rows.revised;
    for (int32_t t = -rows.revised; t < rows.frames; ++t) {
      float* out = y.at(sessions, b, t);
      if (!part.has(t)) {
        block.each(width, [&](int32_t e) { out[e] = 0.0f; });
        continue;
      }
      const float* in = x.at(sessions, b, t);
      join(block, in, &m);
      const auto mean = static_cast<float>(m.mean);
      const auto scale = static_cast<float>(1.0 / sqrt(m.squares / m.count + epsilon));
      block.each(width, [&](int32_t e) {
        out[e] = (in[e] - mean) * scale * gamma[e % channels] + beta[e % channels];
      });
      if (t < last && block.lane == 0) {
        *kept = m;  // all have read it: join() has met since
      }
    }
  }

  /// Sums of squares alone would lose the variance of a long signal with an offset.
  template <int kLanes_>
  LIGERO_KERNEL void join(const Block<kLanes_>& block, const float* in, Moments* m) const {
    double sum = 0.0;
    block.each(width, [&](int32_t e) { sum += in[e]; });
    const double mean = block.sum(sum) / width;
    double squares = 0.0;
    block.each(width, [&](int32_t e) { squares += (in[e] - mean) * (in[e] - mean); });
    const double total = m->count + width;
    const double step = mean - m->mean;
    m->squares += block.sum(squares) + step * step * m->count * width / total;
    m->mean += step * width / total;
    m->count = total;
  }
};

/// Columns that one block goes down.
inline constexpr int32_t kColumnsPerBlock = 32;

/// f(column, part) for the columns of a launch over grid (columns / kColumnsPerBlock, sessions).
template <int kLanes, typename F>
LIGERO_KERNEL void each_column(
    const Block<kLanes>& block, const Sessions& s, const Rows& rows, int32_t width, const F& f) {
  const Part part = rows.part(s, block.y);
  if (!part.runs) {
    return;
  }
  const int32_t begin = block.x * kColumnsPerBlock;
  const int32_t left = width - begin;
  block.each(left < kColumnsPerBlock ? left : kColumnsPerBlock,
             [&](int32_t i) { f(begin + i, part); });
}

/// Softmax over time of each column. In place where no rows lie around the call's.
struct TimeSoftmax {
  static constexpr int kLanes = 32;
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  int32_t width;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    each_column(block, sessions, rows, width, [&](int32_t e, const Part& p) {
      const int32_t b = block.y;
      const int32_t begin = p.begin - p.before;
      const int32_t end = p.end + p.after;
      float top = -INFINITY;
      for (int32_t t = begin; t < end; ++t) {
        const float v = x.at(sessions, b, t)[e];
        top = v > top ? v : top;
      }
      double sum = 0.0;
      for (int32_t t = begin; t < end; ++t) {
        sum += expf(x.at(sessions, b, t)[e] - top);
      }
      const auto scale = static_cast<float>(1.0 / sum);
      for (int32_t t = -rows.revised; t < rows.frames; ++t) {
        const float v = p.has(t) ? expf(x.at(sessions, b, t)[e] - top) * scale : 0.0f;
        y.at(sessions, b, t)[e] = v;
      }
    });
  }
};

/// y = sum over time of weights * v, or its mean without weights, v = x, or, with `mean`, of
/// (x - mean)^2 and then the root, at least sqrt(epsilon).
struct TimeStatistics {
  static constexpr int kLanes = 32;
  Sessions sessions;
  Rows rows;
  View x;
  View weights;
  View mean;
  View y;
  int32_t width;
  bool weighted;
  bool spread;  ///< of the values, else their mean
  bool unbiased;
  double epsilon;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    each_column(block, sessions, rows, width, [&](int32_t e, const Part& p) {
      if (p.begin == p.end) {
        return;
      }
      const int32_t b = block.y;
      const int32_t begin = p.begin - p.before;
      const int32_t end = p.end + p.after;
      const double centre = spread ? mean.at(sessions, b, 0)[e] : 0.0;
      double sum = 0.0;
      for (int32_t t = begin; t < end; ++t) {
        const double d = x.at(sessions, b, t)[e] - centre;
        const double value = spread ? d * d : d;
        sum += weighted ? weights.at(sessions, b, t)[e] * value : value;
      }
      const double frames = end - begin;
      double result = weighted ? sum : sum / frames;
      if (spread) {
        result *= unbiased && frames > 1.0 ? frames / (frames - 1.0) : 1.0;
        result = sqrt(result > epsilon ? result : epsilon);
      }
      y.at(sessions, b, 0)[e] = static_cast<float>(result);
    });
  }
};

/// y = the largest value of all rows, minus `range`: one value. Grid (1, sessions).
struct Floor {
  static constexpr int kLanes = 256;
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  int32_t width;
  float range;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    const int32_t b = block.y;
    const Part part = rows.part(sessions, b);
    if (!part.runs) {
      return;
    }
    double top = -INFINITY;
    for (int32_t t = part.begin - part.before; t < part.end + part.after; ++t) {
      const float* in = x.at(sessions, b, t);
      block.each(width, [&](int32_t e) { top = in[e] > top ? in[e] : top; });
    }
    top = block.largest(top);
    if (block.lane == 0) {
      y.at(sessions, b, 0)[0] = static_cast<float>(top) - range;
    }
  }
};

/// heads[b][r]: where each ring of each session begins. Grid (1, sessions).
struct Heads {
  static constexpr int kLanes = 32;
  const Clock* clocks;
  const int32_t* capacity;
  int32_t* heads;
  int32_t rings;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    block.each(rings, [&](int32_t r) {
      heads[block.y * rings + r] = ring_head(clocks[block.y].frames_in, capacity[r]);
    });
  }
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_KERNELS_REDUCE_H_
