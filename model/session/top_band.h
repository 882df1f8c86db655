// SPDX-License-Identifier: Apache-2.0
// What lies above the band that a network hears: kept, and made to follow the voice. Not: what the
// network does (recording.h, session.h), nor which sample belongs to which (signal.h).
#ifndef LIGERO_MODEL_SESSION_TOP_BAND_H_
#define LIGERO_MODEL_SESSION_TOP_BAND_H_

#include <algorithm>
#include <cstdint>
#include <span>

#include "model/session/resampler.h"
#include "runtime/base/array.h"
#include "runtime/base/status.h"

namespace ligero {

/// What comes out where the sound's rate is above the model's.
enum class Bandwidth : int32_t {
  kFull,    ///< all that the rate can hold
  kSpeech,  ///< what the network hears, and silence above
};

/// How much of the top is the voice's: by how much a network has lowered the highest octave that it
/// hears (4 to 8 kHz of 16 kHz), where two voices differ most. The share is <voice, heard> /
/// <heard, heard> of that octave, over some 10 ms: what a Wiener filter would take. Real-time safe.
class TopShare {
 public:
  /// 0 to 1, for the `n` samples that a network has heard and what it has made of them.
  float next(const float* heard, const float* voice, int32_t n, int32_t rate_hz) noexcept;
  void reset() noexcept {
    *this = TopShare();
  }

 private:
  /// Fourth-order high-pass (Linkwitz and Riley) at a quarter of the rate.
  class Octave {
   public:
    float next(float x) noexcept {
      return second_.next(first_.next(x));
    }

   private:
    struct Half {
      float next(float x) noexcept {
        constexpr float kFeedback =
            0.17157288f;                      // 3 - 2 sqrt(2), of Butterworth's at this frequency
        constexpr float kGain = 0.29289322f;  // 1 - sqrt(1/2)
        const float y = kGain * (x - 2.0f * x1 + x2) - kFeedback * y2;
        x2 = x1;
        x1 = x;
        y2 = y1;
        y1 = y;
        return y;
      }
      float x1 = 0.0f;
      float x2 = 0.0f;
      float y1 = 0.0f;
      float y2 = 0.0f;
    };
    Half first_;
    Half second_;
  };

  Octave heard_;
  Octave voice_;
  float both_ = 0.0f;
  float all_ = 0.0f;
};

/// From a network's rate back to the sound's, a stream:
///
///   output = up(voice - share * heard) + share * sound
///
/// where `sound` is the input at its own rate as late as the output. With a share of 1 and a
/// network that passes everything the output is the input, and with a share of 0 it is the voice
/// alone. At equal rates, at lower ones, and with Bandwidth::kSpeech there is no top: then nothing
/// but up(voice) happens. Real-time safe but for create().
class TopBand {
 public:
  /// Most samples at the network's rate that process() takes at a time.
  static constexpr int32_t kMostStep = 256;

  TopBand() = default;
  /// Errors as Resampler::create(). Load time.
  static Result<TopBand> create(int32_t model_hz, int32_t rate_hz, Bandwidth bandwidth);

  /// Floats of memory that set_memory() must give; 0: none.
  size_t memory_floats() const noexcept {
    return keeps() ? static_cast<size_t>(delay_ + kMostStep) : 0;
  }
  void set_memory(float* memory) noexcept {
    track_ = memory;
    reset();
  }
  /// Steps in which recordings are widened, whole and in pieces, at a network's rate: 10 ms.
  static int32_t recording_step(int32_t model_hz) noexcept {
    return std::min(model_hz / 100, kMostStep);
  }
  /// Whether there is a top. If not, process() reads no `heard` and writes no `share`.
  bool keeps() const noexcept {
    return Resampler::kConverts && keeps_;
  }
  /// As Resampler's.
  int32_t most_output(int32_t n) const noexcept {
    return up_.most_output(n);
  }
  double delay_s() const noexcept {
    return up_.delay_s();
  }
  void skip_delay() noexcept;
  void reset() noexcept;

  /// Takes `n` samples at the network's rate: `voice`, which is overwritten, and what the network
  /// heard to make it. Writes `low`, to which share[i] * sound[i] is to be added, and returns how
  /// many.
  int32_t process(const float* heard, float* voice, int32_t n, float* low, float* share) noexcept;

 private:
  void follow(const float* heard, float* voice, int32_t n) noexcept;

  Resampler up_;
  TopShare measure_;
  bool keeps_ = false;
  int32_t model_hz_ = 0;
  int32_t rate_hz_ = 0;
  int32_t delay_ = 0;  // of up_, in samples at the network's rate
  float* track_ =
      nullptr;            // the share at each sample: of `delay_` samples before, then of this step
  float last_ = 0.0f;     // where the track ends
  int64_t position_ = 0;  // of the next output in the track, in 1 / rate_hz_ of a sample
};

/// A whole recording's voice at the recording's rate. `sound`: the recording, mono; `heard` and
/// `voice`: at the model's rate, aligned as resample_recording() does it. `out` is as long as `sound`
/// and may be its memory. What is no number in `sound` and `heard` counts as zero. Errors as
/// TopBand::create(); `out` is then untouched. Load time.
Status widen_recording(std::span<const float> sound,
                       int32_t rate_hz,
                       std::span<const float> heard,
                       std::span<const float> voice,
                       int32_t model_hz,
                       Bandwidth bandwidth,
                       std::span<float> out);

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_TOP_BAND_H_
