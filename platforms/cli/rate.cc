// Sample rates of whole recordings. Not: the filter (model/speech/resampler.cc).
#include "platforms/cli/rate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/speech/resampler.h"
#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace {

constexpr size_t kBlockSamples = 4096;

}  // namespace

int64_t samples_at(int64_t samples, int32_t from_hz, int32_t to_hz) {
  return (samples * to_hz + from_hz - 1) / from_hz;
}

std::vector<float> convert_rate(std::span<const float> samples,
                                int32_t from_hz,
                                int32_t to_hz,
                                int64_t count) {
  Result<Resampler> made = Resampler::create(from_hz, to_hz);
  if (!made.ok()) {
    refuse_status(text("cannot convert ", from_hz, " Hz to ", to_hz, " Hz"), made.status());
  }
  Resampler& resampler = made.value();
  // The filter's delay is whole samples of the input. Zeros before the signal make it whole samples
  // of the output, too, which are then left out.
  const int64_t delay = std::llround(resampler.delay_s() * from_hz);
  const int64_t period = from_hz / std::gcd(from_hz, to_hz);
  const int64_t lead = (period - delay % period) % period;
  const int64_t skipped = (delay + lead) / period * (to_hz / std::gcd(from_hz, to_hz));
  const auto wanted = static_cast<size_t>(skipped + count);
  std::vector<float> out;
  std::vector<float> block(kBlockSamples);
  std::vector<float> converted(
      static_cast<size_t>(resampler.most_output(static_cast<int32_t>(kBlockSamples))));
  for (int64_t at = -lead; out.size() < wanted;) {
    for (float& x : block) {
      const bool inside = at >= 0 && at < static_cast<int64_t>(samples.size());
      x = inside ? samples[static_cast<size_t>(at)] : 0.0f;
      ++at;
    }
    const int32_t got =
        resampler.process(block.data(), static_cast<int32_t>(block.size()), converted.data());
    out.insert(out.end(), converted.begin(), converted.begin() + got);
  }
  out.resize(wanted);
  out.erase(out.begin(), out.begin() + skipped);
  return out;
}

}  // namespace ligero::cli
