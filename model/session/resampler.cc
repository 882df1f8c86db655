// SPDX-License-Identifier: Apache-2.0
// The adapter to libspeexdsp, the only file that includes it, or to what stands in for it (sinc.h).
#include "model/session/resampler.h"

#include <algorithm>
#include <new>

#include "runtime/base/arena.h"

#if defined(LIGERO_WITH_SPEEXDSP)
#include <speex/speex_resampler.h>
#elif defined(LIGERO_WITH_SINC)
#include "model/session/sinc.h"
#endif

namespace ligero {
namespace {

constexpr int32_t kLowestHz = 8000;
constexpr int32_t kHighestHz = 192000;

}  // namespace

#if defined(LIGERO_WITH_SPEEXDSP)

namespace {
/// 128 taps at the lower rate: 4 ms in each direction, and images below -90 dB.
constexpr int kQuality = 7;
}  // namespace

struct Resampler::Impl : Allocated {
  SpeexResamplerState* state = nullptr;
  int32_t from_hz = 0;
  int32_t to_hz = 0;
  ~Impl() {
    if (state != nullptr) {
      speex_resampler_destroy(state);
    }
  }
};

int32_t Resampler::process(const float* x, int32_t n, float* y) noexcept {
  if (!impl_) {
    std::copy(x, x + n, y);
    return n;
  }
  int32_t written = 0;
  while (n > 0) {
    spx_uint32_t in = static_cast<spx_uint32_t>(n);
    spx_uint32_t out = static_cast<spx_uint32_t>(most_output(n));
    speex_resampler_process_float(impl_->state, 0, x, &in, y + written, &out);
    x += in;
    n -= static_cast<int32_t>(in);
    written += static_cast<int32_t>(out);
    if (in == 0 && out == 0) {
      break;
    }
  }
  return written;
}

int32_t Resampler::most_output(int32_t n) const noexcept {
  if (!impl_) {
    return n;
  }
  return static_cast<int32_t>((static_cast<int64_t>(n) * impl_->to_hz) / impl_->from_hz) + 2;
}

double Resampler::delay_s() const noexcept {
  return impl_ ? static_cast<double>(speex_resampler_get_input_latency(impl_->state)) / impl_->from_hz
               : 0.0;
}

void Resampler::skip_delay() noexcept {
  if (impl_) {
    speex_resampler_skip_zeros(impl_->state);
  }
}

void Resampler::reset() noexcept {
  if (impl_) {
    speex_resampler_reset_mem(impl_->state);
  }
}

#elif defined(LIGERO_WITH_SINC)

struct Resampler::Impl : Allocated {
  Sinc sinc;
  int32_t from_hz = 0;
  int32_t to_hz = 0;
};
int32_t Resampler::process(const float* x, int32_t n, float* y) noexcept {
  if (!impl_) {
    std::copy(x, x + n, y);
    return n;
  }
  return impl_->sinc.process(x, n, y);
}
int32_t Resampler::most_output(int32_t n) const noexcept {
  return impl_ ? static_cast<int32_t>((int64_t{n} * impl_->to_hz) / impl_->from_hz) + 2 : n;
}
double Resampler::delay_s() const noexcept {
  return impl_ ? static_cast<double>(impl_->sinc.delay_samples()) / impl_->from_hz : 0.0;
}
void Resampler::skip_delay() noexcept {
  if (impl_) {
    impl_->sinc.skip_delay();
  }
}
void Resampler::reset() noexcept {
  if (impl_) {
    impl_->sinc.reset();
  }
}

#else

struct Resampler::Impl : Allocated {};
int32_t Resampler::process(const float* x, int32_t n, float* y) noexcept {
  std::copy(x, x + n, y);
  return n;
}
int32_t Resampler::most_output(int32_t n) const noexcept {
  return n;
}
double Resampler::delay_s() const noexcept {
  return 0.0;
}
void Resampler::skip_delay() noexcept {}
void Resampler::reset() noexcept {}

#endif

Resampler::Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;
Resampler::~Resampler() = default;

Result<Resampler> Resampler::create(int32_t from_hz, int32_t to_hz) {
  Resampler r;
  for (int32_t hz : {from_hz, to_hz}) {
    if (hz < kLowestHz || hz > kHighestHz) {
      return error(Code::kBadArgument, "a sample rate must be 8000 to 192000 Hz", -1, hz);
    }
  }
  if (from_hz == to_hz) {
    return r;
  }
#if defined(LIGERO_WITH_SPEEXDSP) || defined(LIGERO_WITH_SINC)
#if defined(LIGERO_WITH_SPEEXDSP)
  LIGERO_CHECK(!uses_arena(),
               Code::kUnsupportedModel,
               "libspeexdsp takes memory from the heap: in an arena only the model's own rate",
               -1,
               from_hz);
#endif
  r.impl_.reset(new (std::nothrow) Impl);
  if (!r.impl_) {
    return error(Code::kTooLittleMemory, "no memory for a resampler");
  }
  r.impl_->from_hz = from_hz;
  r.impl_->to_hz = to_hz;
#if defined(LIGERO_WITH_SPEEXDSP)
  int failure = RESAMPLER_ERR_SUCCESS;
  r.impl_->state = speex_resampler_init(1,
                                        static_cast<spx_uint32_t>(from_hz),
                                        static_cast<spx_uint32_t>(to_hz),
                                        kQuality,
                                        &failure);
  if (r.impl_->state == nullptr || failure != RESAMPLER_ERR_SUCCESS) {
    return error(Code::kTooLittleMemory, "no memory for a resampler");
  }
#else
  if (!r.impl_->sinc.create(from_hz, to_hz)) {
    return error(Code::kTooLittleMemory, "no memory for a resampler");
  }
#endif
  return r;
#else
  return error(Code::kUnsupportedModel,
               "this build has no resampler (libspeexdsp): only the model's own rate",
               -1,
               from_hz);
#endif
}

int64_t samples_at(int64_t samples, int32_t from_hz, int32_t to_hz) {
  return (samples * to_hz + from_hz - 1) / from_hz;
}

Status resample_recording(std::span<const float> samples,
                          int32_t channels,
                          int32_t from_hz,
                          int32_t to_hz,
                          Array<float>* out) {
  constexpr size_t kBlock = 4096;
  Result<Resampler> resampler = Resampler::create(from_hz, to_hz);
  LIGERO_RETURN_IF_ERROR(resampler.status());
  Resampler& r = resampler.value();
  r.skip_delay();
  const size_t width = static_cast<size_t>(channels);
  const size_t frames = samples.size() / width;
  const auto wanted =
      static_cast<size_t>(samples_at(static_cast<int64_t>(frames), from_hz, to_hz));
  Array<float> piece;
  LIGERO_CHECK(
      piece.allocate(static_cast<size_t>(r.most_output(kBlock))) && out->allocate(wanted),
      Code::kTooLittleMemory,
      "no memory for the recording");
  size_t made = 0;
  for (size_t at = 0; made < wanted; at += kBlock) {
    float block[kBlock] = {};
    for (size_t i = 0; i < kBlock && at + i < frames; ++i) {
      for (size_t c = 0; c < width; ++c) {
        block[i] += samples[(at + i) * width + c] / static_cast<float>(channels);
      }
    }
    const int32_t n = r.process(block, static_cast<int32_t>(kBlock), piece.data());
    const size_t kept = std::min(static_cast<size_t>(n), wanted - made);
    std::copy_n(piece.data(), kept, out->data() + made);
    made += kept;
  }
  return {};
}

}  // namespace ligero
