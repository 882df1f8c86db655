// `ligero score`: how near a file is to a reference. Not: the formula (measure.h).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "platforms/cli/commands/commands.h"
#include "platforms/cli/refusal.h"
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
};

Sound read_like(const std::string& path, const Sound& reference) {
  Sound sound = read_sound(path);
  if (sound.samples.size() != reference.samples.size()) {
    refuse("'",
           path,
           "' has ",
           sound.samples.size(),
           " samples; expected ",
           reference.samples.size(),
           " as in '",
           reference.path,
           "'");
  }
  return sound;
}

void score(const Options& options) {
  const Sound reference = read_sound(options.reference);
  if (std::all_of(reference.samples.begin(), reference.samples.end(), [&](float x) {
        return x == reference.samples[0];
      })) {
    refuse("'", options.reference, "' is silent; expected a reference with sound");
  }
  const Sound estimate = read_like(options.estimate, reference);
  const double estimate_db = si_snr_db(estimate.samples, reference.samples);
  nlohmann::ordered_json report = {{"si_snr_db", estimate_db}};
  if (!options.mixture.empty()) {
    const Sound mixture = read_like(options.mixture, reference);
    const double mixture_db = si_snr_db(mixture.samples, reference.samples);
    report["mixture_si_snr_db"] = mixture_db;
    report["si_snr_improvement_db"] = estimate_db - mixture_db;
  }
  if (options.json) {
    std::printf("%s\n", report.dump(2).c_str());
    return;
  }
  std::printf("SI-SNR              %8.3f dB\n", estimate_db);
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
  add_raw_option(command);
  command->callback([options] { score(*options); });
}

}  // namespace ligero::cli
