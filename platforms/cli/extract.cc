// `ligero extract`: one enrolled person's voice out of a mixture. Not: the network (model/speech).
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "platforms/cli/commands.h"
#include "platforms/cli/enrolment.h"
#include "platforms/cli/live_file.h"
#include "platforms/cli/measure.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/output.h"
#include "platforms/cli/plot.h"
#include "platforms/cli/rate.h"
#include "platforms/cli/raw.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound.h"

namespace ligero::cli {

namespace {

struct Options {
  std::string model;
  std::string profile;
  std::vector<std::string> anchors;
  std::string mixture;
  std::string output;
  std::string samples = "auto";
  std::string plot;
  std::string reference;
  int threads = 1;
  int stream_block = 0;  ///< samples; 0: whole file
};

Encoding encoding_of(const Options& options, const Sound& mixture) {
  if (options.samples == "auto") {
    return mixture.sixteen_bit ? Encoding::kPcm16 : Encoding::kFloat;
  }
  return options.samples == "pcm16" ? Encoding::kPcm16 : Encoding::kFloat;
}

constexpr int kMostBlockSamples = 1 << 20;

std::string base_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

std::string decibels(double db) {
  char out[32];
  std::snprintf(out, sizeof(out), "%.2f dB", db);
  return out;
}

void draw(const Options& options,
          const Sound& mixture,
          const std::vector<float>& voice,
          const Sound& reference) {
  std::vector<Panel> panels = {{text("mixture ", base_name(options.mixture)), mixture.samples},
                               {text("extracted ", base_name(options.output)), voice}};
  std::string title = text("ligero, model ", base_name(options.model));
  if (!reference.samples.empty()) {
    const double before_db = si_snr_db(mixture.samples, reference.samples);
    const double after_db = si_snr_db(voice, reference.samples);
    title += text(": SI-SNR ", decibels(before_db), " to ", decibels(after_db));
    panels.push_back({text("reference ", base_name(options.reference)), reference.samples});
  }
  plot_spectrograms(title, panels).write_png(options.plot);
}

Profile profile_for(const Options& options, const ModelFile& model, const RunOptions& run) {
  if (!options.anchors.empty()) {
    return enroll_files(model, options.anchors, run, nullptr);
  }
  Profile profile = load_profile(options.profile);
  if (const Status status = profile.bind(model.model, graph_of(model, "extract")); !status.ok()) {
    refuse_status(text("profile '", options.profile, "' does not fit model '", model.path, "'"),
                  status,
                  text("family of the profile ",
                       profile.family().substr(0, 12),
                       "..., expected ",
                       model.model.family().substr(0, 12),
                       "..."));
  }
  return profile;
}

Sound read_reference(const Options& options, const Sound& mixture) {
  if (options.reference.empty()) {
    return {};
  }
  Sound reference = read_sound(options.reference);
  if (reference.samples.size() != mixture.samples.size()) {
    refuse("'",
           options.reference,
           "' has ",
           reference.samples.size(),
           " samples; expected ",
           mixture.samples.size(),
           " as in '",
           options.mixture,
           "'");
  }
  return reference;
}

// At the mixture's rate and length.
void write_voice(const Options& options, const Sound& mixture, const std::vector<float>& voice) {
  const bool same = mixture.file_hz == kSampleRateHz;
  const int64_t clipped = write_sound(
      options.output,
      same ? voice : convert_rate(voice, kSampleRateHz, mixture.file_hz, mixture.file_samples),
      encoding_of(options, mixture),
      mixture.file_hz);
  if (clipped > 0) {
    std::fprintf(stderr,
                 "ligero: '%s': %lld samples were beyond full scale and clipped\n",
                 options.output.c_str(),
                 static_cast<long long>(clipped));
  }
}

void extract_command(const Options& options) {
  check_sound_output(options.output);
  if (!options.plot.empty()) {
    check_output(options.plot);
  }
  const Threads threads(options.threads);
  const ModelFile model = open_model(options.model);
  const Sound mixture = read_sound(options.mixture);
  const Sound reference = read_reference(options, mixture);
  const Profile profile = profile_for(options, model, threads.options());

  std::vector<float> voice(mixture.samples.size());
  size_t block_bytes = 0;
  const auto start = std::chrono::steady_clock::now();
  if (options.stream_block > 0) {
    LiveFile live(model, profile, kSampleRateHz);
    voice = live.run(mixture.samples, options.stream_block);
    block_bytes = live.block_bytes();
  } else {
    SessionReport report;
    const Status status =
        extract(model.model, profile, mixture.samples, voice, threads.options(), &report);
    if (!status.ok()) {
      refuse_status(text("cannot extract from '", options.mixture, "'"), status);
    }
    block_bytes = report.block_bytes;
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  write_voice(options, mixture, voice);
  std::printf(
      "extracted %.2f s in %.3f s (real-time factor %.4f, %zu bytes of work memory): '%s'\n",
      mixture.seconds(),
      taken.count(),
      taken.count() / mixture.seconds(),
      block_bytes,
      options.output.c_str());
  if (!options.plot.empty()) {
    draw(options, mixture, voice, reference);
    std::printf("spectrograms: '%s'\n", options.plot.c_str());
  }
}

}  // namespace

void add_extract(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app->add_subcommand("extract", "one enrolled person's voice out of a mixture");
  command->footer(
      "Example:\n"
      "  ligero extract --model small.lgm --profile ann.profile meeting.wav -o ann.wav --plot "
      "ann.png\n"
      "Sound of 8 to 96 kHz and any number of channels comes in; out goes one channel of the same "
      "rate\n"
      "and length.");
  command->add_option("--model", options->model, "model file (.lgm)")->required();
  CLI::Option_group* who = command->add_option_group("who", "whose voice");
  who->add_option("--profile", options->profile, "profile made by `ligero enroll`");
  who->add_option("--enroll", options->anchors, "recording of that person alone (may be repeated)")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  who->require_option(1);
  command->add_option("mixture", options->mixture, "recording to extract from")->required();
  command
      ->add_option("-o,--output", options->output, "sound file to write (.wav, .flac, .ogg, .raw)")
      ->required();
  command
      ->add_option("--samples", options->samples, "auto: 16-bit where the mixture is, else float")
      ->check(CLI::IsMember({"auto", "pcm16", "float"}))
      ->capture_default_str();
  add_raw_option(command);
  command->add_option("--threads", options->threads, "threads to compute with")
      ->capture_default_str();
  command
      ->add_option("--stream",
                   options->stream_block,
                   "run as a live session, so many samples at a time; aligned by its latency")
      ->check(CLI::Range(1, kMostBlockSamples));
  CLI::Option* plot =
      command->add_option("--plot", options->plot, "PNG of the spectrograms to write");
  command->add_option("--reference", options->reference, "the wanted voice alone, for the picture")
      ->needs(plot);
  command->callback([options] { extract_command(*options); });
}

}  // namespace ligero::cli
