// SPDX-License-Identifier: Apache-2.0
// `ligero score`: how near a file is to a reference. Not: the formula (measure.h).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "platforms/cli/commands/commands.h"
#include "platforms/cli/files.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/align.h"
#include "platforms/cli/sound/measure.h"
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

/// How near a file is to the reference, and how late it is.
struct Score {
  double si_snr_db = 0.0;
  int64_t lag_samples = 0;
};

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
  return {si_snr_db(x.first(common), r.first(common)), lag};
}

Score score_of(const std::string& path, const Sound& reference, bool align) {
  const Sound sound = read_sound(path);
  if (align) {
    return score_aligned(sound, reference);
  }
  if (sound.samples.size() != reference.samples.size()) {
    refuse("'",
           path,
           "' has ",
           sound.samples.size(),
           " samples; expected ",
           reference.samples.size(),
           " as in '",
           reference.path,
           "' (--align compares what both have)");
  }
  return {si_snr_db(sound.samples, reference.samples), 0};
}

void score(const Options& options) {
  check_outputs({}, {options.reference, options.estimate, options.mixture});
  const Sound reference = read_sound(options.reference);
  if (std::all_of(reference.samples.begin(), reference.samples.end(), [&](float x) {
        return x == reference.samples[0];
      })) {
    refuse("'", options.reference, "' is silent; expected a reference with sound");
  }
  const Score estimate = score_of(options.estimate, reference, options.align);
  nlohmann::ordered_json report = {{"si_snr_db", estimate.si_snr_db}};
  if (options.align) {
    report["lag_ms"] = kMsPerSecond * static_cast<double>(estimate.lag_samples) / reference.rate_hz;
  }
  if (!options.mixture.empty()) {
    const Score mixture = score_of(options.mixture, reference, options.align);
    report["mixture_si_snr_db"] = mixture.si_snr_db;
    report["si_snr_improvement_db"] = estimate.si_snr_db - mixture.si_snr_db;
  }
  if (options.json) {
    std::printf("%s\n", report.dump(2).c_str());
    return;
  }
  std::printf("SI-SNR              %8.3f dB\n", estimate.si_snr_db);
  if (options.align) {
    std::printf("late by             %8.3f ms\n", report["lag_ms"].get<double>());
  }
  if (!options.mixture.empty()) {
    std::printf("SI-SNR of mixture   %8.3f dB\n", report["mixture_si_snr_db"].get<double>());
    std::printf("SI-SNR improvement  %8.3f dB\n", report["si_snr_improvement_db"].get<double>());
  }
}

}  // namespace

void add_score(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("score", "SI-SNR of a file against a reference");
  command->footer(
      "Example:\n"
      "  ligero score --reference ann_alone.wav ann.wav --mixture meeting.wav");
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
