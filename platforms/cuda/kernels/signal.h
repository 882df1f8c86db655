// SPDX-License-Identifier: Apache-2.0
// Kernels between samples and spectra: STFT, inverse STFT, filter bank, input level. Not: a fast
// transform; a frame of 320 points is a tenth of a million multiply-adds, taken directly.
//
// `table` is cos(2 pi i / n), sin(2 pi i / n), 0 <= i < n, interleaved.
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_SIGNAL_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_SIGNAL_H_

#include "platforms/cuda/kernels/views.h"

namespace ligero::cuda {

/// re and im of sum_j frame[j] exp(-2 pi i j k / n).
LIGERO_KERNEL void transform(
    const float* frame, const float* table, int32_t n, int32_t k, float* re, float* im) {
  float sum_re = 0.0f;
  float sum_im = 0.0f;
  for (int32_t j = 0, at = 0; j < n; ++j) {
    sum_re += frame[j] * table[2 * at];
    sum_im -= frame[j] * table[2 * at + 1];
    at += k;
    at = at >= n ? at - n : at;
  }
  *re = sum_re;
  *im = sum_im;
}

/// Spectrum of the last n samples up to the end of hop t. Grid (rows, sessions); shared: n floats.
struct Stft {
  static constexpr int kLanes = 128;
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  const float* window;  ///< [n]
  const float* table;
  int32_t n;
  int32_t hop;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    const Part part = rows.part(sessions, block.y);
    if (!part.runs) {
      return;
    }
    const int32_t t = block.x - rows.revised;
    const bool inside = part.has(t);
    block.each(n, [&](int32_t i) {
      const int32_t back = n - 1 - i;  // samples before the last of hop t
      const float* from = x.at(sessions, block.y, t - back / hop);
      block.shared[i] = inside ? window[i] * from[hop - 1 - back % hop] : 0.0f;
    });
    block.sync();
    float* out = y.at(sessions, block.y, t);
    block.each(n / 2 + 1, [&](int32_t k) {
      transform(block.shared, table, n, k, out + 2 * k, out + 2 * k + 1);
      if (k == 0 || k == n / 2) {
        out[2 * k + 1] = 0.0f;
      }
    });
  }
};

/// Hop t - (k - 1) from the k spectra up to t, the oldest first, where the synthesis window has k hops.
/// Grid (rows, sessions); shared: n + 2 floats.
struct Istft {
  static constexpr int kLanes = 128;
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  const float* window;  ///< of synthesis, [used]
  const float* table;
  int32_t n;
  int32_t hop;
  int32_t used;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    const Part part = rows.part(sessions, block.y);
    if (!part.runs) {
      return;
    }
    const int32_t t = block.x - rows.revised;
    float* out = y.at(sessions, block.y, t);
    for (int32_t first = used - hop; first >= 0; first -= hop) {  // of hop t - (k - 1) in the frame
      const float* from = x.at(sessions, block.y, t - first / hop);
      block.sync();
      block.each(n + 2, [&](int32_t i) { block.shared[i] = from[i]; });
      block.sync();
      block.each(hop, [&](int32_t i) {
        const float before = first == used - hop ? 0.0f : out[i];
        const float now = window[first + i] * sample(block.shared, n - used + first + i);
        out[i] = part.has(t) ? before + now : 0.0f;
      });
    }
  }

  /// Sample j of the inverse transform.
  LIGERO_KERNEL float sample(const float* spectrum, int32_t j) const {
    float sum = 0.0f;
    for (int32_t k = 1, at = j; k < n / 2; ++k) {
      sum += spectrum[2 * k] * table[2 * at] - spectrum[2 * k + 1] * table[2 * at + 1];
      at += j;
      at = at >= n ? at - n : at;
    }
    const float ends = spectrum[0] + (j % 2 == 0 ? spectrum[n] : -spectrum[n]);
    return (ends + 2.0f * sum) / static_cast<float>(n);
  }
};

/// Log mel energies by the recipes of ops/OPS.md. Grid (rows, sessions); shared: n_fft + n_fft/2
/// + 1.
struct Fbank {
  static constexpr int kLanes = 128;
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  const float* window;  ///< [length]
  const float* table;
  const float* mel;  ///< [n_fft / 2 + 1][mels]
  int32_t length;
  int32_t n_fft;
  int32_t hop;
  int32_t mels;
  int32_t lead;      ///< samples by which frame t begins before t * hop
  bool mirror;       ///< the signal goes on mirrored at its ends
  bool kaldi;        ///< mean off and pre-emphasis within the frame
  bool decibel;      ///< 10 log10, else the natural logarithm
  bool floor_added;  ///< to the energy, else it is the least
  float emphasis;
  float floor;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    const Part part = rows.part(sessions, block.y);
    if (!part.runs) {
      return;
    }
    const int32_t t = block.x - rows.revised;
    float* frame = block.shared;
    float* power = frame + n_fft;
    fill_frame(block, part, t, frame);
    block.sync();
    block.each(n_fft / 2 + 1, [&](int32_t k) {
      float re = 0.0f;
      float im = 0.0f;
      transform(frame, table, n_fft, k, &re, &im);
      power[k] = re * re + im * im;
    });
    block.sync();
    float* out = y.at(sessions, block.y, t);
    block.each(mels, [&](int32_t m) {
      float energy = 0.0f;
      for (int32_t k = 0; k <= n_fft / 2; ++k) {
        energy += power[k] * mel[k * mels + m];
      }
      energy = floor_added ? energy + floor : energy > floor ? energy : floor;
      const float level = decibel ? 10.0f * log10f(energy) : logf(energy);
      out[m] = part.has(t) ? level : 0.0f;
    });
  }

  /// Sample n of the signal, counted from row `begin`'s first; for mirrored signals.
  struct Signal {
    const Fbank& bank;
    int32_t b;
    int32_t begin;
    int64_t samples;

    LIGERO_KERNEL int64_t inside(int64_t n) const {
      const int64_t last = samples - 1;
      n = n < 0 ? -n : n;
      n = n > last ? 2 * last - n : n;
      return n < 0 ? 0 : n > last ? last : n;
    }
    LIGERO_KERNEL float at(int64_t n) const {
      n = inside(n);
      const auto row = static_cast<int32_t>(n / bank.hop);
      return bank.x.at(bank.sessions, b, begin + row)[n % bank.hop];
    }
  };

  template <int kLanes_>
  LIGERO_KERNEL void fill_frame(const Block<kLanes_>& block,
                                const Part& part,
                                int32_t t,
                                float* frame) const {
    if (!part.has(t)) {
      block.each(n_fft, [&](int32_t i) { frame[i] = 0.0f; });
      return;
    }
    if (!mirror) {
      block.each(n_fft, [&](int32_t i) {
        // Rounded down, also before the row's first sample.
        const int32_t n = i - lead;
        const int32_t row = n >= 0 ? n / hop : -((hop - 1 - n) / hop);
        frame[i] = i < length ? window[i] * x.at(sessions, block.y, t + row)[n - row * hop] : 0.0f;
      });
      return;
    }
    const int32_t held = part.end - part.begin;
    const Clock clock = sessions.clocks[block.y];
    const bool all = part.first + part.begin == 0 && held >= clock.total_frames;
    int64_t samples = static_cast<int64_t>(held) * hop;
    if (all && clock.total_samples > 0 && clock.total_samples < samples) {
      samples = clock.total_samples;
    }
    const Signal signal = {*this, block.y, part.begin, samples};
    const int64_t begin = static_cast<int64_t>(t - part.begin) * hop - lead;
    if (kaldi) {
      double sum = 0.0;
      block.each(length, [&](int32_t i) { sum += signal.at(begin + i); });
      const auto mean = static_cast<float>(block.sum(sum) / length);
      block.each(n_fft, [&](int32_t i) {
        const float now = i < length ? signal.at(begin + i) - mean : 0.0f;
        const float before = i < length ? signal.at(begin + (i > 0 ? i - 1 : 0)) - mean : 0.0f;
        frame[i] = i < length ? window[i] * (now - emphasis * before) : 0.0f;
      });
      return;
    }
    block.each(n_fft, [&](int32_t i) {
      const int64_t n = signal.inside(begin + i);
      frame[i] = i < length ? window[i] * (signal.at(n) - emphasis * signal.at(n - 1)) : 0.0f;
    });
  }
};

/// The root of the mean square of each bin. Grid (rows, sessions).
struct Rms {
  static constexpr int kLanes = 32;
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  int32_t bins;
  int32_t channels;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    const Part part = rows.part(sessions, block.y);
    if (!part.runs) {
      return;
    }
    const int32_t t = block.x - rows.revised;
    const float* from = x.at(sessions, block.y, t);
    for (int32_t f = 0; f < bins; ++f, from += channels) {
      double energy = 0.0;
      if (part.has(t)) {
        block.each(channels,
                   [&](int32_t i) { energy += static_cast<double>(from[i]) * from[i]; });
      }
      energy = block.sum(energy);
      if (block.lane == 0) {
        y.at(sessions, block.y, t)[f] = static_cast<float>(sqrt(energy / channels));
      }
    }
  }
};

/// The gain of each hop from the energy of the `window` hops up to it. Grid (rows, sessions).
struct WindowLevel {
  static constexpr int kLanes = 256;
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  int32_t hop;
  int32_t window;
  double floor;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    const Part part = rows.part(sessions, block.y);
    if (!part.runs) {
      return;
    }
    const int32_t t = block.x - rows.revised;
    double energy = 0.0;
    const int64_t samples = part.has(t) ? int64_t{window} * hop : 0;
    for (int64_t i = block.lane; i < samples; i += kLanes_) {
      const auto h = static_cast<int32_t>(i / hop);
      const float v = x.at(sessions, block.y, t - h)[i % hop];
      energy += static_cast<double>(v) * v;
    }
    energy = block.sum(energy);
    if (block.lane == 0) {
      const int64_t seen = part.first + t + 1;
      const double hops = static_cast<double>(seen < window ? seen : window);
      const double rms = sqrt(energy / (hops * hop));
      y.at(sessions, block.y, t)[0] =
          part.has(t) ? static_cast<float>(1.0 / (rms > floor ? rms : floor)) : 0.0f;
    }
  }
};

/// The gain from the energy of all hops, on every row. Grid (1, sessions).
struct FileLevel {
  static constexpr int kLanes = 256;
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  int32_t hop;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    constexpr double kEpsilon = 1e-7;
    const int32_t b = block.y;
    const Part part = rows.part(sessions, b);
    if (!part.runs) {
      return;
    }
    const int32_t begin = part.begin - part.before;
    const int32_t frames = part.end + part.after - begin;
    double energy = 0.0;
    for (int32_t t = 0; t < frames; ++t) {
      const float* from = x.at(sessions, b, begin + t);
      block.each(hop, [&](int32_t i) { energy += static_cast<double>(from[i]) * from[i]; });
    }
    int64_t samples = static_cast<int64_t>(frames) * hop;
    if (frames >= part.total) {
      const int64_t total = sessions.clocks[b].total_samples;
      samples = total < 1 ? 1 : total < samples ? total : samples;
    }
    const double mean = samples > 0 ? block.sum(energy) / static_cast<double>(samples) : 0.0;
    const auto gain = static_cast<float>(1.0 / (sqrt(mean) + kEpsilon));
    block.each(rows.count(), [&](int32_t i) {
      const int32_t t = i - rows.revised;
      y.at(sessions, b, t)[0] = part.has(t) ? gain : 0.0f;
    });
  }
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_KERNELS_SIGNAL_H_
