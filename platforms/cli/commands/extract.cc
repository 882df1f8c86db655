// `ligero extract`: one enrolled person's voice out of a mixture. Not: the network (model/session).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platforms/capi/recording_blocks.h"
#include "platforms/cli/block_options.h"
#include "platforms/cli/commands/commands.h"
#include "platforms/cli/commands/enrolment.h"
#include "platforms/cli/device_option.h"
#include "platforms/cli/files.h"
#include "platforms/cli/live/live_file.h"
#include "platforms/cli/live/pieces.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/picture/plot.h"
#include "platforms/cli/progress.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/measure.h"
#include "platforms/cli/sound/rate.h"
#include "platforms/cli/sound/raw.h"
#include "platforms/cli/sound/sound.h"

namespace ligero::cli {

namespace {

constexpr int kMostStreamSamples = 1 << 20;

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
  int channel = 0;         ///< of the mixture, from 1; 0: all
  int stream_samples = 0;  ///< at a time, frame by frame; 0: not so
  BlockOptions block;
  DeviceOption device;
};

Encoding encoding_of(const Options& options, bool sixteen_bit) {
  if (options.samples == "auto") {
    return sixteen_bit ? Encoding::kPcm16 : Encoding::kFloat;
  }
  return options.samples == "pcm16" ? Encoding::kPcm16 : Encoding::kFloat;
}

std::string base_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

std::string decibels(double db) {
  char out[32];
  std::snprintf(out, sizeof(out), "%.2f dB", db);
  return out;
}

/// What has been done, for what is said and drawn at the end. All at the model's rate.
struct Done {
  int32_t rate_hz = 0;
  std::vector<float> mixture;  ///< in pieces only where a picture is wanted
  std::vector<float> voice;
  std::vector<float> reference;
  double seconds = 0.0;  ///< of sound
  double taken_s = 0.0;
  size_t block_bytes = 0;
  int64_t clipped = 0;
};

void draw(const Options& options, const Done& done) {
  std::vector<Panel> panels = {{text("mixture ", base_name(options.mixture)), done.mixture, {}, done.rate_hz},
                               {text("extracted ", base_name(options.output)), done.voice, {}, done.rate_hz}};
  std::string title = text("ligero, model ", base_name(options.model));
  if (!done.reference.empty()) {
    const double before_db = si_snr_db(done.mixture, done.reference);
    const double after_db = si_snr_db(done.voice, done.reference);
    title += text(": SI-SNR ", decibels(before_db), " to ", decibels(after_db));
    panels.push_back({text("reference ", base_name(options.reference)), done.reference, {}, done.rate_hz});
  }
  plot_spectrograms(title, panels).write_png(options.plot);
}

/// Nothing for a model that takes no profile.
std::optional<Profile> profile_for(const Options& options,
                                   const ModelFile& model,
                                   const Processor& processor) {
  const bool given = !options.anchors.empty() || !options.profile.empty();
  if (!given && ports_of(model).takes_profile()) {
    throw CLI::RequiredError("--profile,--enroll");  // wrong usage, known once the model is open
  }
  check_takes_profile(model, given, "--profile or --enroll");
  if (!options.anchors.empty()) {
    return enroll_files(model, options.anchors, processor, nullptr);
  }
  if (options.profile.empty()) {
    return std::nullopt;
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

std::vector<float> read_reference(const Options& options, size_t wanted, int32_t rate_hz) {
  if (options.reference.empty()) {
    return {};
  }
  Sound reference = read_sound(options.reference, rate_hz);
  if (reference.samples.size() != wanted) {
    refuse("'",
           options.reference,
           "' has ",
           reference.samples.size(),
           " samples; expected ",
           wanted,
           " as in '",
           options.mixture,
           "'");
  }
  return std::move(reference.samples);
}

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// The whole recording in one run.
Done extract_whole(const Options& options,
                   const ModelFile& model,
                   const Profile* profile,
                   const Processor& processor,
                   SoundReader* reader) {
  const int32_t rate_hz = model.model.rate_hz();
  Sound mixture = read_sound(reader, rate_hz);
  reader->report(rate_hz);
  Done done;
  done.rate_hz = rate_hz;
  done.reference = read_reference(options, mixture.samples.size(), rate_hz);
  done.voice.resize(mixture.samples.size());
  Progress progress("extracting", 1.0);
  progress.at(0.0);
  const Stopwatch watch;
  RecordingReport report;
  const Status status =
      extract(model.model, profile, mixture.samples, done.voice, processor, &report);
  progress.clear();
  if (!status.ok()) {
    refuse_status(text("cannot extract from '", options.mixture, "'"), status);
  }
  done.taken_s = watch.seconds();
  done.seconds = mixture.seconds();
  done.block_bytes = report.memory.bytes();
  RateConverter from_model(rate_hz, mixture.file_hz);
  std::vector<float> out;
  from_model.push(done.voice, &out);
  from_model.finish(mixture.file_samples, &out);
  done.clipped =
      write_sound(options.output, out, encoding_of(options, mixture.sixteen_bit), mixture.file_hz);
  done.mixture = std::move(mixture.samples);
  return done;
}

/// Frame by frame or block by block, as `config` says, reading and writing as it goes.
Done extract_in_pieces(const Options& options,
                       const ModelFile& model,
                       const Profile* profile,
                       const SessionConfig& config,
                       SoundReader* reader) {
  const bool keeps = !options.plot.empty();
  Done done;
  done.rate_hz = model.model.rate_hz();
  LiveFile live(model, config, profile);
  PieceByPiece pieces(
      &live, reader->rate_hz(), keeps ? &done.mixture : nullptr, keeps ? &done.voice : nullptr);
  SoundWriter writer(options.output,
                     encoding_of(options, reader->sixteen_bit()),
                     reader->rate_hz(),
                     reader->promised_samples());
  Progress progress("extracting", static_cast<double>(reader->promised_samples()));
  const Stopwatch watch;
  const size_t at_a_time =
      options.stream_samples > 0 ? static_cast<size_t>(options.stream_samples) : SIZE_MAX;
  for (std::span<const float> x = reader->read(); !x.empty(); x = reader->read()) {
    while (!x.empty()) {
      const std::span<const float> piece = x.first(std::min(x.size(), at_a_time));
      writer.write(pieces.push(piece));
      x = x.subspan(piece.size());
    }
    progress.at(static_cast<double>(reader->samples()));
  }
  writer.write(pieces.finish());
  progress.clear();
  done.taken_s = watch.seconds();
  live.report();
  reader->report(done.rate_hz);
  done.reference = read_reference(options, done.mixture.size(), done.rate_hz);  // a refusal leaves no output
  done.seconds = static_cast<double>(reader->samples()) / reader->rate_hz();
  done.block_bytes = live.block_bytes();
  done.clipped = writer.commit();
  return done;
}

/// How the recording is to be run; false: whole.
bool runs_in_pieces(const Options& options,
                    const Model& model,
                    SoundReader* reader,
                    SessionConfig* config) {
  if (options.stream_samples > 0) {
    return true;
  }
  if (options.block.asked_for()) {
    config->block = options.block.config(model);
    return true;
  }
  if (!reader->longer_than(kMostWholeSeconds)) {  // headers may promise anything
    return false;
  }
  config->block = blocks_of(model, kFileBlockSeconds, kFileAroundSeconds, kFileAroundSeconds);
  std::fprintf(stderr,
               "ligero: '%s' is longer than %.0f s and runs in %s\n",
               options.mixture.c_str(),
               kMostWholeSeconds,
               describe(model, config->block).c_str());
  return true;
}

void extract_command(const Options& options) {
  std::vector<std::string> used = options.anchors;
  used.insert(used.end(), {options.model, options.profile, options.mixture, options.reference});
  check_sound_name(options.output);
  check_outputs({options.output, options.plot}, std::move(used));
  const Threads threads(options.threads);
  const ModelFile model = open_model(options.model);
  SoundReader reader(options.mixture, options.channel);
  const Processor processor = threads.processor(options.device.find());
  const std::optional<Profile> profile = profile_for(options, model, processor);
  const Profile* who = profile ? &*profile : nullptr;
  SessionConfig config;
  config.rate_hz = model.model.rate_hz();
  config.processor = processor;
  const Done done = runs_in_pieces(options, model.model, &reader, &config)
                        ? extract_in_pieces(options, model, who, config, &reader)
                        : extract_whole(options, model, who, processor, &reader);
  if (done.clipped > 0) {
    std::fprintf(stderr,
                 "ligero: '%s': %lld samples were beyond full scale and clipped\n",
                 options.output.c_str(),
                 static_cast<long long>(done.clipped));
  }
  std::printf(
      "extracted %.2f s in %.3f s (real-time factor %.4f, %zu bytes of work memory): '%s'\n",
      done.seconds,
      done.taken_s,
      done.taken_s / done.seconds,
      done.block_bytes,
      options.output.c_str());
  if (!options.plot.empty()) {
    draw(options, done);
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
      "and length. Recordings of more than a minute run in blocks, in memory that does not grow "
      "with them.");
  command->add_option("--model", options->model, "model file (.lgm)")->required();
  CLI::Option_group* who = command->add_option_group("who", "whose voice");
  who->add_option("--profile", options->profile, "profile made by `ligero enroll`");
  who->add_option("--enroll", options->anchors, "recording of that person alone (may be repeated)")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  who->require_option(0, 1);
  command->add_option("mixture", options->mixture, "recording to extract from")->required();
  command
      ->add_option("-o,--output", options->output, "sound file to write (.wav, .flac, .ogg, .raw)")
      ->required();
  command
      ->add_option("--samples", options->samples, "auto: 16-bit where the mixture is, else float")
      ->check(CLI::IsMember({"auto", "pcm16", "float"}))
      ->capture_default_str();
  add_raw_option(command);
  add_channel_option(command, &options->channel, "channel of the mixture to take; else their mean");
  command->add_option("--threads", options->threads, "threads to compute with")
      ->capture_default_str();
  add_device_option(command, &options->device);
  add_block_options(command, &options->block);
  command
      ->add_option("--stream",
                   options->stream_samples,
                   "run as a live session, so many samples at a time; aligned by its latency")
      ->check(CLI::Range(1, kMostStreamSamples))
      ->excludes("--block");
  CLI::Option* plot =
      command->add_option("--plot",
                          options->plot,
                          "PNG of the spectrograms to write; keeps the whole recording in memory");
  command->add_option("--reference", options->reference, "the wanted voice alone, for the picture")
      ->needs(plot);
  command->callback([options] { extract_command(*options); });
}

}  // namespace ligero::cli
