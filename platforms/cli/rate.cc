// Sample rates of recordings. Not: the filter (model/speech/resampler.cc).
#include "platforms/cli/rate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace {

constexpr size_t kBlockSamples = 4096;

}  // namespace

int64_t samples_at(int64_t samples, int32_t from_hz, int32_t to_hz) {
  return (samples * to_hz + from_hz - 1) / from_hz;
}

RateConverter::RateConverter(int32_t from_hz, int32_t to_hz) : converted_(kBlockSamples) {
  Result<Resampler> made = Resampler::create(from_hz, to_hz);
  if (!made.ok()) {
    refuse_status(text("cannot convert ", from_hz, " Hz to ", to_hz, " Hz"), made.status());
  }
  resampler_ = std::move(made.value());
  converted_.resize(
      static_cast<size_t>(resampler_.most_output(static_cast<int32_t>(kBlockSamples))));
  // The filter's delay is whole samples of the input. Zeros before the signal make it whole samples
  // of the output, too, which are then left out.
  const int64_t delay = std::llround(resampler_.delay_s() * from_hz);
  const int64_t period = from_hz / std::gcd(from_hz, to_hz);
  const int64_t lead = (period - delay % period) % period;
  skipped_ = (delay + lead) / period * (to_hz / std::gcd(from_hz, to_hz));
  std::vector<float> none;
  push(std::vector<float>(static_cast<size_t>(lead), 0.0f), &none);
}

void RateConverter::push(std::span<const float> samples, std::vector<float>* out) {
  while (!samples.empty()) {
    const std::span<const float> piece = samples.first(std::min(samples.size(), kBlockSamples));
    samples = samples.subspan(piece.size());
    const int64_t got =
        resampler_.process(piece.data(), static_cast<int32_t>(piece.size()), converted_.data());
    const int64_t left_out = std::min(skipped_, got);
    skipped_ -= left_out;
    given_ += got - left_out;
    out->insert(out->end(), converted_.begin() + left_out, converted_.begin() + got);
  }
}

void RateConverter::finish(int64_t count, std::vector<float>* out) {
  const std::vector<float> zeros(kBlockSamples, 0.0f);
  while (given_ < count) {
    push(zeros, out);
  }
  out->resize(out->size() - std::min(out->size(), static_cast<size_t>(given_ - count)));
}

std::vector<float> convert_rate(std::span<const float> samples,
                                int32_t from_hz,
                                int32_t to_hz,
                                int64_t count) {
  RateConverter converter(from_hz, to_hz);
  std::vector<float> out;
  converter.push(samples, &out);
  converter.finish(count, &out);
  return out;
}

}  // namespace ligero::cli
