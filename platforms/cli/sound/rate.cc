// SPDX-License-Identifier: Apache-2.0
// Sample rates of recordings. Not: the filter (model/session/resampler.cc).
#include "platforms/cli/sound/rate.h"

#include <algorithm>
#include <utility>

#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace {

constexpr size_t kBlockSamples = 4096;

}  // namespace

RateConverter::RateConverter(int32_t from_hz, int32_t to_hz) {
  Result<Resampler> made = Resampler::create(from_hz, to_hz);
  if (!made.ok()) {
    refuse_status(text("cannot convert ", from_hz, " Hz to ", to_hz, " Hz"), made.status());
  }
  resampler_ = std::move(made.value());
  resampler_.skip_delay();
  converted_.resize(
      static_cast<size_t>(resampler_.most_output(static_cast<int32_t>(kBlockSamples))));
}

void RateConverter::push(std::span<const float> samples, std::vector<float>* out) {
  while (!samples.empty()) {
    const std::span<const float> piece = samples.first(std::min(samples.size(), kBlockSamples));
    samples = samples.subspan(piece.size());
    const int32_t got =
        resampler_.process(piece.data(), static_cast<int32_t>(piece.size()), converted_.data());
    given_ += got;
    out->insert(out->end(), converted_.begin(), converted_.begin() + got);
  }
}

void RateConverter::finish(int64_t count, std::vector<float>* out) {
  const std::vector<float> zeros(kBlockSamples, 0.0f);
  while (given_ < count) {
    push(zeros, out);
  }
  out->resize(out->size() - std::min(out->size(), static_cast<size_t>(given_ - count)));
}

}  // namespace ligero::cli
