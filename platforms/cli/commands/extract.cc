// SPDX-License-Identifier: Apache-2.0
// `ligero extract`: one enrolled person's voice out of a mixture. Not: the network (model/session).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/session/blocks.h"
#include "platforms/cli/block_options.h"
#include "platforms/cli/commands/commands.h"
#include "platforms/cli/commands/enrolment.h"
#include "platforms/cli/default_model.h"
#include "platforms/cli/device_option.h"
#include "platforms/cli/files.h"
#include "platforms/cli/live/live_file.h"
#include "platforms/cli/live/pieces.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/progress.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/report/listen_page.h"
#include "platforms/cli/sound/measure.h"
#include "platforms/cli/sound/raw.h"
#include "platforms/cli/sound/sound.h"
#include "platforms/cli/sound/widener.h"

namespace ligero::cli {

namespace fs = std::filesystem;

namespace {

constexpr int kMostStreamSamples = 1 << 20;

struct Options {
  std::string model;
  std::string profile;
  std::vector<std::string> anchors;
  std::vector<std::string> mixtures;
  std::string mixture;  ///< the one of `mixtures` that is run
  std::string output;   ///< its file; where several are run, first the folder
  std::string samples = "auto";
  std::string report;
  std::string reference;
  std::string activity;
  int threads = 1;
  Bandwidth bandwidth = Bandwidth::kFull;
  int channel = 0;         ///< of the mixture, from 1; 0: all
  int stream_samples = 0;  ///< at a time, frame by frame; 0: not so
  bool json = false;
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
  return fs::path(path).filename().string();
}

std::string decibels(double db) {
  char out[32];
  std::snprintf(out, sizeof(out), "%.2f dB", db);
  return out;
}

/// What has been done, for what is said and reported at the end. All at the model's rate.
struct Done {
  int32_t rate_hz = 0;
  std::vector<float> mixture;  ///< in pieces only where a report is wanted
  std::vector<float> voice;
  std::vector<float> reference;
  std::vector<float> activity;  ///< of each hop, where it is wanted
  double seconds = 0.0;         ///< of sound
  double taken_s = 0.0;
  size_t block_bytes = 0;
  int64_t clipped = 0;
};

void write_report(const Options& options, const Done& done) {
  std::vector<Panel> panels = {
      {text("mixture ", base_name(options.mixture)), done.mixture, {}, done.rate_hz},
      {text("extracted ", base_name(options.output)), done.voice, {}, done.rate_hz}};
  std::string title = text("ligero, model ", base_name(options.model));
  if (!done.reference.empty()) {
    const double before_db = si_snr_db(done.mixture, done.reference);
    const double after_db = si_snr_db(done.voice, done.reference);
    title += text(": SI-SNR ", decibels(before_db), " to ", decibels(after_db));
    panels.push_back(
        {text("reference ", base_name(options.reference)), done.reference, {}, done.rate_hz});
  }
  const std::string page = listen_page(title, panels);
  write_output(options.report, std::as_bytes(std::span(page)));
}

/// Its place among the model's side outputs; nothing where it is not wanted.
std::optional<size_t> activity_port(const Options& options, const ModelFile& model) {
  if (options.activity.empty()) {
    return std::nullopt;
  }
  const int32_t k = ports_of(model).find_side_output(kActivity);
  if (k < 0) {
    refuse("model '",
           model.path,
           "' does not tell whether the person speaks; --activity needs one that does");
  }
  return static_cast<size_t>(k);
}

void write_activity(const Options& options, const Done& done, double hop_s) {
  std::string lines = "seconds,activity\n";
  for (size_t hop = 0; hop < done.activity.size(); ++hop) {
    char line[64];
    std::snprintf(line,
                  sizeof(line),
                  "%.3f,%.4f\n",
                  static_cast<double>(hop) * hop_s,
                  static_cast<double>(done.activity[hop]));
    lines += line;
  }
  write_output(options.activity, std::as_bytes(std::span(lines)));
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
                   std::optional<size_t> activity,
                   const Processor& processor,
                   SoundReader* reader) {
  const int32_t rate_hz = model.model.rate_hz();
  std::vector<float> out;  // first the recording at its own rate
  Sound mixture = read_sound(reader, rate_hz, &out);
  reader->report(rate_hz);
  Done done;
  done.rate_hz = rate_hz;
  done.reference = read_reference(options, mixture.samples.size(), rate_hz);
  done.voice.resize(mixture.samples.size());
  Progress progress("extracting", 1.0);
  progress.at(0.0);
  const Stopwatch watch;
  RecordingReport report;
  SideSignals side;
  const Status status = extract(model.model,
                                profile,
                                mixture.samples,
                                done.voice,
                                processor,
                                &report,
                                activity ? &side : nullptr);
  progress.clear();
  if (!status.ok()) {
    refuse_status(text("cannot extract from '", options.mixture, "'"), status);
  }
  done.taken_s = watch.seconds();
  done.seconds = mixture.seconds();
  done.block_bytes = report.memory.bytes();
  if (activity) {
    const std::span<const float> values = side.of(*activity);
    done.activity.assign(values.begin(), values.end());
  }
  if (const Status widened = widen_recording(
          out, mixture.file_hz, mixture.samples, done.voice, rate_hz, options.bandwidth, out);
      !widened.ok()) {
    refuse_status(text("cannot convert ", rate_hz, " Hz to ", mixture.file_hz, " Hz"), widened);
  }
  done.clipped =
      write_sound(options.output, out, encoding_of(options, mixture.sixteen_bit), mixture.file_hz);
  done.mixture = std::move(mixture.samples);
  return done;
}

/// Frame by frame or block by block, as `config` says, reading and writing as it goes.
Done extract_in_pieces(const Options& options,
                       const ModelFile& model,
                       const Profile* profile,
                       std::optional<size_t> activity,
                       const SessionConfig& config,
                       SoundReader* reader) {
  const bool keeps = !options.report.empty();
  Done done;
  done.rate_hz = model.model.rate_hz();
  LiveFile live(model, config, profile);
  if (activity) {
    live.follow(*activity, &done.activity);
  }
  PieceByPiece pieces(&live,
                      reader->rate_hz(),
                      options.bandwidth,
                      keeps ? &done.mixture : nullptr,
                      keeps ? &done.voice : nullptr);
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
  done.reference =
      read_reference(options, done.mixture.size(), done.rate_hz);  // a refusal leaves no output
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
  config->block = file_blocks(model);
  std::fprintf(stderr,
               "ligero: '%s' is longer than %.0f s and runs %s\n",
               options.mixture.c_str(),
               kMostWholeSeconds,
               config->block.hops > 0 ? text("in ", describe(model, config->block)).c_str()
                                      : "frame by frame");
  return true;
}

/// One recording, from its file to the output's.
Done extract_one(const Options& options,
                 const ModelFile& model,
                 const Profile* who,
                 std::optional<size_t> activity,
                 const Processor& processor) {
  SoundReader reader(options.mixture, options.channel);
  SessionConfig config;
  config.rate_hz = model.model.rate_hz();
  config.processor = processor;
  const Done done = runs_in_pieces(options, model.model, &reader, &config)
                        ? extract_in_pieces(options, model, who, activity, config, &reader)
                        : extract_whole(options, model, who, activity, processor, &reader);
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
  if (!options.activity.empty()) {
    write_activity(
        options, done, static_cast<double>(model.model.hop_samples()) / model.model.rate_hz());
    std::printf("activity: '%s'\n", options.activity.c_str());
  }
  if (!options.report.empty()) {
    write_report(options, done);
    std::printf("report: '%s'\n", options.report.c_str());
  }
  return done;
}

/// The name in a folder of what is extracted from `mixture`: its own where that can be written.
std::string name_in_folder(const std::string& mixture) {
  if (mixture == "-") {
    return is_raw_name("-") ? "stdin.raw" : "stdin.wav";
  }
  const fs::path name = fs::path(mixture).filename();
  return is_sound_name(mixture) ? name.string() : name.stem().string() + ".wav";
}

/// Refuses a folder that is neither there nor can be made.
void check_folder(const fs::path& folder) {
  std::error_code ignored;
  if (fs::is_directory(folder, ignored)) {
    return;
  }
  if (fs::exists(folder, ignored)) {
    refuse("cannot write '",
           folder.string(),
           "': it is no folder; expected one for several recordings");
  }
  check_outputs({folder.string()}, {});
}

/// Each recording with its output, after all names have been checked. Makes the folder that
/// --output names where there are several recordings, or where it is there already.
std::vector<Options> jobs_of(const Options& options) {
  std::vector<std::string> used = options.anchors;
  used.insert(used.end(), {options.model, options.profile, options.reference});
  used.insert(used.end(), options.mixtures.begin(), options.mixtures.end());
  std::error_code ignored;
  const bool in_folder = options.mixtures.size() > 1 || fs::is_directory(options.output, ignored);
  for (const auto& [name, path] :
       {std::pair("--report", options.report), {"--activity", options.activity}}) {
    if (options.mixtures.size() > 1 && !path.empty()) {
      throw CLI::ValidationError(name, "takes one recording");
    }
  }
  const fs::path folder = fs::path(options.output) / "";  // "out" and "out/" are one folder
  const bool makes = in_folder && !fs::is_directory(folder, ignored);
  if (in_folder) {
    check_folder(folder.parent_path());
  }
  std::vector<Options> jobs;
  std::vector<std::string> outputs;
  for (const std::string& mixture : options.mixtures) {
    Options job = options;
    job.mixture = mixture;
    job.output = in_folder ? (folder / name_in_folder(mixture)).string() : options.output;
    check_sound_name(job.output);
    if (std::find(outputs.begin(), outputs.end(), job.output) != outputs.end()) {
      refuse("'", mixture, "' and a recording before it would both become '", job.output, "'");
    }
    outputs.push_back(job.output);
    jobs.push_back(std::move(job));
  }
  outputs.insert(outputs.end(), {options.report, options.activity});
  check_outputs(makes ? std::vector<std::string>{} : outputs, std::move(used));
  return jobs;
}

void make_folder_of(const Options& job) {
  std::error_code failure;
  const fs::path folder = fs::path(job.output).parent_path();
  if (job.output != "-" && !folder.empty() && !fs::exists(folder, failure) &&
      !fs::create_directory(folder, failure)) {
    refuse("cannot make folder '", folder.string(), "': ", failure.message());
  }
}

nlohmann::ordered_json json_of(const Options& job, const Done& done) {
  return {{"recording", job.mixture},
          {"output", job.output},
          {"seconds", done.seconds},
          {"taken_seconds", done.taken_s},
          {"real_time_factor", done.taken_s / done.seconds},
          {"work_memory_bytes", done.block_bytes},
          {"clipped_samples", done.clipped}};
}

void extract_command(const Options& options) {
  share_stdout(options.json, {options.output, options.report, options.activity});
  const std::vector<Options> jobs = jobs_of(options);
  const Threads threads(options.threads);
  const ModelFile model = open_model(options.model);
  const std::optional<size_t> activity = activity_port(options, model);
  for (const std::string& mixture : options.mixtures) {
    if (fs::is_regular_file(mixture)) {
      const SoundSource there(mixture);  // what cannot be read is refused before the first is run
    }
  }
  const Processor processor = threads.processor(options.device.find());
  const std::optional<Profile> profile = profile_for(options, model, processor);
  nlohmann::ordered_json report = {{"model", options.model}};
  make_folder_of(jobs.front());
  for (const Options& job : jobs) {
    const Done done = extract_one(job, model, profile ? &*profile : nullptr, activity, processor);
    report["recordings"].push_back(json_of(job, done));
  }
  if (options.json) {
    write_json(report);
  }
}

}  // namespace

void add_extract(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app->add_subcommand("extract", "one enrolled person's voice out of a mixture");
  command->footer(
      "Example:\n"
      "  ligero extract --enroll ann.wav meeting.wav -o ann_only.wav\n"
      "  ligero extract --profile ann.profile monday.wav tuesday.flac -o ann_only/\n"
      "  ffmpeg -i meeting.mp4 -f wav - | ligero extract --profile ann.profile - -o - | aplay\n"
      "Sound of 8 to 96 kHz and any number of channels comes in; out goes one channel of the same "
      "rate\n"
      "and length. Recordings of more than a minute run frame by frame or in blocks, in memory "
      "that "
      "does\n"
      "not grow with them.");
  command->add_option("--model", options->model, kModelHelp);
  CLI::Option_group* who = command->add_option_group("who", "whose voice");
  who->add_option("--profile", options->profile, "profile made by `ligero enroll`");
  who->add_option("--enroll", options->anchors, "recording of that person alone (may be repeated)")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  who->require_option(0, 1);
  command->add_option("mixture", options->mixtures, "recordings to extract from")->required();
  command
      ->add_option("-o,--output",
                   options->output,
                   "sound file to write (.wav, .flac, .ogg, .raw); of several recordings a folder")
      ->required();
  command
      ->add_option("--samples", options->samples, "auto: 16-bit where the mixture is, else float")
      ->check(CLI::IsMember({"auto", "pcm16", "float"}))
      ->capture_default_str();
  add_raw_option(command);
  add_channel_option(command, &options->channel, "channel of the mixture to take; else their mean");
  command->add_flag("--json", options->json, "what was done, for machines, on stdout");
  command->add_option("--threads", options->threads, "threads to compute with")
      ->capture_default_str();
  add_bandwidth_option(command, &options->bandwidth);
  add_device_option(command, &options->device);
  add_block_options(command, &options->block);
  command
      ->add_option("--stream",
                   options->stream_samples,
                   "run as a live session, so many samples at a time; aligned by its latency")
      ->check(CLI::Range(1, kMostStreamSamples))
      ->excludes("--block");
  CLI::Option* report = command->add_option(
      "--report",
      options->report,
      "page to write (HTML), with spectrograms and players; keeps the whole recording in memory");
  command->add_option("--reference", options->reference, "the wanted voice alone, for the report")
      ->needs(report);
  command->add_option("--activity",
                      options->activity,
                      "table to write (CSV): for every hop of the model its second, and how sure "
                      "the network is that "
                      "the person speaks, 0 to 1");
  command->callback([options] {
    options->model = model_or_default(options->model);
    extract_command(*options);
  });
}

}  // namespace ligero::cli
