// SPDX-License-Identifier: Apache-2.0
// `ligero score`: how near a file is to a reference. Not: the formula (measure.h).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "platforms/cli/commands/commands.h"
#include "platforms/cli/files.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/align.h"
#include "platforms/cli/sound/measure.h"
#include "platforms/cli/sound/rate.h"
#include "platforms/cli/sound/raw.h"
#include "platforms/cli/sound/sound.h"

namespace ligero::cli {

namespace {

struct Options {
  std::string reference;
  std::string estimate;
  std::string mixture;
  bool json = false;
  bool align = false;
};

/// More is no latency: a device's, a network's and a codec's together.
constexpr double kMostLagSeconds = 1.0;
constexpr double kMsPerSecond = 1000.0;

constexpr double kHz = 1000.0;
constexpr int32_t kTopHz = 20000;  // what lies above nobody hears
constexpr double kNothing = 1e-9;  // -90 dB: nothing to compare with

/// How near a file is to the reference, and how late it is.
struct Score {
  double si_snr_db = 0.0;
  std::optional<double> speech_db;  ///< of 0 to 8 kHz, where the rate is above 16 kHz
  std::optional<double> top_db;     ///< of what lies above, where the reference has it
  int64_t lag_samples = 0;
};

Array<float> at_rate(std::span<const float> x, int32_t from_hz, int32_t to_hz) {
  Array<float> out;
  if (const Status made = resample_recording(x, 1, from_hz, to_hz, &out); !made.ok()) {
    refuse_status(text("cannot convert ", from_hz, " Hz to ", to_hz, " Hz"), made);
  }
  return out;
}

/// What lies above speech's band, up to kTopHz.
std::vector<float> top_of(std::span<const float> x, int32_t rate_hz) {
  const int32_t hz = std::min(rate_hz, 2 * kTopHz);
  const Array<float> whole = at_rate(x, rate_hz, hz);
  const Array<float> speech = at_rate(whole.span(), hz, kSampleRateHz);
  const Array<float> low = at_rate(speech.span(), kSampleRateHz, hz);
  std::vector<float> top(whole.size());
  std::transform(
      whole.data(), whole.data() + whole.size(), low.data(), top.begin(), std::minus<float>());
  return top;
}

double power_of(std::span<const float> x) {
  return std::inner_product(x.begin(), x.end(), x.begin(), 0.0) / static_cast<double>(x.size());
}

/// Of equally many samples.
Score compare(std::span<const float> x, std::span<const float> reference, int32_t rate_hz) {
  Score score;
  score.si_snr_db = si_snr_db(x, reference);
  if (rate_hz > kSampleRateHz) {
    score.speech_db = si_snr_db(at_rate(x, rate_hz, kSampleRateHz).span(),
                                at_rate(reference, rate_hz, kSampleRateHz).span());
    const std::vector<float> top = top_of(reference, rate_hz);
    if (power_of(top) > kNothing) {
      score.top_db = si_snr_db(top_of(x, rate_hz), top);
    }
  }
  return score;
}

Score score_aligned(const Sound& sound, const Sound& reference) {
  const auto most = static_cast<int64_t>(kMostLagSeconds * reference.rate_hz);
  const int64_t lag = find_lag(sound.samples, reference.samples, most);
  const std::span<const float> x = std::span(sound.samples)
                                       .subspan(static_cast<size_t>(std::clamp<int64_t>(
                                           lag, 0, static_cast<int64_t>(sound.samples.size()))));
  const std::span<const float> r =
      std::span(reference.samples)
          .subspan(static_cast<size_t>(
              std::clamp<int64_t>(-lag, 0, static_cast<int64_t>(reference.samples.size()))));
  const size_t common = std::min(x.size(), r.size());
  if (2 * common < reference.samples.size()) {
    refuse("'",
           sound.path,
           "' covers ",
           common,
           " of ",
           reference.samples.size(),
           " samples of '",
           reference.path,
           "'; expected at least half");
  }
  Score score = compare(x.first(common), r.first(common), reference.rate_hz);
  score.lag_samples = lag;
  return score;
}

Score score_of(const Sound& sound, const Sound& reference, bool align) {
  if (align) {
    return score_aligned(sound, reference);
  }
  if (sound.samples.size() != reference.samples.size()) {
    refuse("'",
           sound.path,
           "' has ",
           sound.samples.size(),
           " samples; expected ",
           reference.samples.size(),
           " as in '",
           reference.path,
           "' (--align compares what both have)");
  }
  return compare(sound.samples, reference.samples, reference.rate_hz);
}

/// All of several files, at the lowest of their rates, or speech's where that is higher.
std::vector<Sound> read_sounds(const std::vector<std::string>& paths) {
  std::vector<std::unique_ptr<SoundReader>> readers;
  int32_t rate_hz = kHighestFileHz;
  for (const std::string& path : paths) {
    readers.push_back(std::make_unique<SoundReader>(path));
    rate_hz = std::min(rate_hz, std::max(readers.back()->rate_hz(), kSampleRateHz));
  }
  std::vector<Sound> sounds;
  for (const auto& reader : readers) {
    sounds.push_back(read_sound(reader.get(), rate_hz));
    reader->report(rate_hz);
  }
  return sounds;
}

/// Adds a figure of `now`, and what it has gained over `before`, with its name in `report`.
void put(const char* name,
         std::optional<double> now,
         std::optional<double> before,
         nlohmann::ordered_json* report) {
  if (!now) {
    return;
  }
  const std::string key = name;
  (*report)[key + "si_snr_db"] = *now;
  if (before) {
    (*report)[key + "mixture_si_snr_db"] = *before;
    (*report)[key + "si_snr_improvement_db"] = *now - *before;
  }
}

void print(const nlohmann::ordered_json& report, const char* name, const std::string& means) {
  const std::string key = name;
  for (const auto& [field, label] : {std::pair{"si_snr_db", "SI-SNR"},
                                     std::pair{"mixture_si_snr_db", "SI-SNR of mixture"},
                                     std::pair{"si_snr_improvement_db", "SI-SNR improvement"}}) {
    if (report.contains(key + field)) {
      std::printf("%-18s  %8.3f dB%s\n", label, report[key + field].get<double>(), means.c_str());
    }
  }
}

void score(const Options& options) {
  check_outputs({}, {options.reference, options.estimate, options.mixture});
  std::vector<std::string> paths = {options.reference, options.estimate};
  if (!options.mixture.empty()) {
    paths.push_back(options.mixture);
  }
  const std::vector<Sound> sounds = read_sounds(paths);
  const Sound& reference = sounds[0];
  if (std::all_of(reference.samples.begin(), reference.samples.end(), [&](float x) {
        return x == reference.samples[0];
      })) {
    refuse("'", options.reference, "' is silent; expected a reference with sound");
  }
  const Score now = score_of(sounds[1], reference, options.align);
  std::optional<Score> before;
  if (!options.mixture.empty()) {
    before = score_of(sounds[2], reference, options.align);
  }
  nlohmann::ordered_json report;
  put("", now.si_snr_db, before ? std::optional(before->si_snr_db) : std::nullopt, &report);
  if (options.align) {
    report["lag_ms"] = kMsPerSecond * static_cast<double>(now.lag_samples) / reference.rate_hz;
  }
  put("speech_", now.speech_db, before ? before->speech_db : std::nullopt, &report);
  put("top_", now.top_db, before ? before->top_db : std::nullopt, &report);
  if (options.json) {
    std::printf("%s\n", report.dump(2).c_str());
    return;
  }
  print(report, "", "");
  if (options.align) {
    std::printf("late by             %8.3f ms\n", report["lag_ms"].get<double>());
  }
  const double speech_khz = 0.5 * kSampleRateHz / kHz;
  const double top_khz = std::min(kTopHz, reference.rate_hz / 2) / kHz;
  print(report, "speech_", text(", 0 to ", speech_khz, " kHz"));
  print(report, "top_", text(", ", speech_khz, " to ", top_khz, " kHz"));
}

}  // namespace

void add_score(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("score", "SI-SNR of a file against a reference");
  command->footer(
      "Example:\n"
      "  ligero score --reference ann_alone.wav ann.wav --mixture meeting.wav\n"
      "At the lowest of the files' rates, 16 kHz at least; above it also of 0 to 8 kHz, and of 8 "
      "to 20.");
  command->add_option("--reference", options->reference, "the wanted voice alone")->required();
  command->add_option("estimate", options->estimate, "the file to be judged")->required();
  command->add_option("--mixture", options->mixture, "print the improvement over this file too");
  command->add_flag("--json", options->json, "machine-readable output");
  command->add_flag(
      "--align",
      options->align,
      "compare after a shift of at most 1 s: for recordings that are late, or of another "
      "length");
  add_raw_option(command);
  command->callback([options] { score(*options); });
}

}  // namespace ligero::cli
