// SPDX-License-Identifier: Apache-2.0
// Pitch by normalised autocorrelation, hum by single lines of the spectrum.
#include "model/session/anchor_sound.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/array.h"

namespace ligero {
namespace {

constexpr int32_t kWindow = 640;      // 40 ms, from the frame's beginning
constexpr int32_t kShortestLag = 40;  // 400 Hz
constexpr int32_t kLongestLag = 266;  // 60 Hz
constexpr double kVoiced = 0.6;
/// Of long recordings every so many runs of frames are looked at.
constexpr size_t kMostFrames = 1500;
constexpr size_t kRunFrames = 8;

constexpr double kPi = 3.141592653589793238462643383280;
constexpr size_t kHumWindow = 16000;  // 1 s: hum is steadier than any voice
constexpr size_t kMostHumWindows = 30;
constexpr double kStandsOut = 30.0;  // times the power beside the line: 15 dB
constexpr double kFaintest = 1e-8;   // -80 dB
constexpr int kLines = 5;

float finite(float x) {
  return std::isfinite(x) ? x : 0.0f;
}

struct Pitch {
  double strength = 0.0;  ///< 1: the window repeats exactly after `lag`
  int32_t lag = 0;
};

/// Of kWindow samples.
Pitch pitch_of(const float* samples) {
  float x[kWindow];
  double energy[kWindow + 1] = {};  // of the samples before
  double mean = 0.0;
  for (int32_t i = 0; i < kWindow; ++i) {
    mean += samples[i] / static_cast<double>(kWindow);
  }
  for (int32_t i = 0; i < kWindow; ++i) {
    x[i] = samples[i] - static_cast<float>(mean);
    energy[i + 1] = energy[i] + static_cast<double>(x[i]) * x[i];
  }
  Pitch best;
  for (int32_t lag = kShortestLag; lag <= kLongestLag; ++lag) {
    const int32_t common = kWindow - lag;
    double sum = 0.0;
    for (int32_t i = 0; i < common; ++i) {
      sum += static_cast<double>(x[i]) * x[i + lag];
    }
    const double both = energy[common] * (energy[kWindow] - energy[lag]);
    const double strength = both > 0.0 ? sum / std::sqrt(both) : 0.0;
    if (strength > best.strength) {
      best = {strength, lag};
    }
  }
  return best;
}

/// Power of the sine of `hz` in a window: half its amplitude squared.
double line_power(const float* samples, double hz) {
  const double turn = 2.0 * kPi * hz / kSoundRateHz;
  const double twice = 2.0 * std::cos(turn);
  double before = 0.0;
  double last = 0.0;
  // Hann's window, whose cosine goes on by the same recursion.
  const double window_twice = 2.0 * std::cos(2.0 * kPi / kHumWindow);
  double cosine = 1.0;
  double cosine_before = 0.5 * window_twice;
  for (size_t i = 0; i < kHumWindow; ++i) {
    const double now = (0.5 - 0.5 * cosine) * finite(samples[i]) + twice * last - before;
    before = last;
    last = now;
    const double next = window_twice * cosine - cosine_before;
    cosine_before = cosine;
    cosine = next;
  }
  const double power = last * last + before * before - twice * last * before;
  return 8.0 * power / (static_cast<double>(kHumWindow) * kHumWindow);
}

/// The lower quartile: what is there in the pauses of speech as well.
double quartile(double* values, size_t count) {
  std::nth_element(values, values + count / 4, values + count);
  return values[count / 4];
}

/// Power of a line that stands out of what lies beside it in three of four seconds; else 0.
double standing(std::span<const float> samples,
                double hz,
                Array<double>* on,
                Array<double>* beside) {
  constexpr double kBeside[] = {-13.0, -7.0, 7.0, 13.0};
  const size_t windows = on->size();
  for (size_t w = 0; w < windows; ++w) {
    const float* window = samples.data() + w * kHumWindow;
    (*on)[w] = line_power(window, hz);
    (*beside)[w] = 0.0;
    for (const double by : kBeside) {
      (*beside)[w] += line_power(window, hz + by) / static_cast<double>(std::size(kBeside));
    }
  }
  const double line = quartile(on->data(), windows);
  return line > kFaintest && line > kStandsOut * quartile(beside->data(), windows) ? line : 0.0;
}

}  // namespace

void measure_sound(std::span<const float> samples,
                   std::span<const double> level,
                   AnchorQuality* q) {
  const auto active = [&](size_t f) { return level[f] >= q->threshold_db; };
  const auto speech = static_cast<size_t>(
      std::count_if(level.begin(), level.end(), [&](double db) { return db >= q->threshold_db; }));
  const size_t step = 1 + speech / kMostFrames;
  size_t changes = 0;
  size_t judged = 0;
  size_t voiced = 0;
  size_t pairs = 0;
  size_t steady = 0;
  int32_t last_lag = 0;  // of the frame before; 0: it is not voiced
  for (size_t f = 0; f < level.size(); ++f) {
    if (f > 0 && (active(f) || active(f - 1))) {
      q->level_change_db += std::fabs(level[f] - level[f - 1]);
      ++changes;
    }
    const size_t begin = f * static_cast<size_t>(anchor_frame_samples(kSoundRateHz));
    if (!active(f) || f / kRunFrames % step != 0 || begin + kWindow > samples.size()) {
      last_lag = 0;
      continue;
    }
    const Pitch pitch = pitch_of(samples.data() + begin);
    ++judged;
    if (pitch.strength < kVoiced) {
      last_lag = 0;
      continue;
    }
    ++voiced;
    pairs += last_lag != 0 ? 1 : 0;
    steady += last_lag == pitch.lag ? 1 : 0;
    last_lag = pitch.lag;
  }
  const auto share = [](size_t part, size_t of) {
    return of > 0 ? static_cast<double>(part) / static_cast<double>(of) : 0.0;
  };
  q->level_change_db = changes > 0 ? q->level_change_db / static_cast<double>(changes) : 0.0;
  q->voiced_share = share(voiced, judged);
  q->steady_share = share(steady, pairs);
}

// Mains hum has a line at the mains' frequency or, behind a rectifier, at twice that. A voice has
// no line there that stands for seconds.
Status measure_hum(std::span<const float> samples, AnchorQuality* q) {
  constexpr double kMainsHz[] = {50.0, 60.0};
  const size_t windows = std::min(samples.size() / kHumWindow, kMostHumWindows);
  if (windows < 2) {
    return {};
  }
  Array<double> on;
  Array<double> beside;
  if (!on.allocate(windows) || !beside.allocate(windows)) {
    return error(Code::kTooLittleMemory, "no memory to measure hum");
  }
  double loudest = 0.0;
  for (const double mains : kMainsHz) {
    double line[kLines + 1] = {};
    double all = 0.0;
    for (int k = 1; k <= kLines; ++k) {
      line[k] = standing(samples, k * mains, &on, &beside);
      all += line[k];
    }
    if ((line[1] > 0.0 || line[2] > 0.0) && all > loudest) {
      loudest = all;
      q->hum_hz = mains;
      q->hum_db = 10.0 * std::log10(all);
    }
  }
  return {};
}

}  // namespace ligero
