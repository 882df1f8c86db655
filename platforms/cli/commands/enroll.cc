// SPDX-License-Identifier: Apache-2.0
// `ligero enroll`: recordings of one person to a profile. Not: the network (model/session).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "model/session/low_cut.h"
#include "model/session/verify.h"
#include "platforms/cli/commands/commands.h"
#include "platforms/cli/commands/enrolment.h"
#include "platforms/cli/default_model.h"
#include "platforms/cli/device_option.h"
#include "platforms/cli/files.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/progress.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/report/listen_page.h"
#include "platforms/cli/sound/raw.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;

/// Halves with less speech are not compared (kSamePerson holds from 2.5 s on).
constexpr double kLeastHalfSeconds = 2.5;

struct Options {
  std::string model;
  std::vector<std::string> anchors;
  std::string output;
  std::string report;
  int threads = 1;
  int channel = 0;  ///< from 1; 0: all
  bool strict = false;
  bool json = false;
  DeviceOption device;
};

// The profile of all anchors together, and where there are several, of each alone.
struct Voices {
  Profile together;
  std::vector<Profile> alone;
};

Voices enroll_all(const ModelFile& model,
                  std::span<const Sound> anchors,
                  const Processor& processor,
                  RecordingReport* report) {
  const size_t several = anchors.size() > 1 ? anchors.size() : 0;
  Progress progress("enrolling", 1.0 + static_cast<double>(several));
  progress.at(0.0);
  Voices voices = {enroll_sounds(model, anchors, processor, report), {}};
  for (size_t i = 0; i < several; ++i) {
    progress.at(1.0 + static_cast<double>(i));
    voices.alone.push_back(enroll_sounds(model, anchors.subspan(i, 1), processor, nullptr));
  }
  return voices;
}

// The frames that count as speech, neighbours joined.
std::vector<Stretch> find_speech(const Sound& sound, const AnchorQuality& q) {
  std::vector<float> heard(sound.samples.size());
  int64_t cleaned = 0;  // counted by measure_anchor()
  LowCut cut(sound.rate_hz);
  hear(sound.samples, &cut, heard.data(), &cleaned);
  const std::span<const float> samples = heard;
  const auto frame = static_cast<size_t>(anchor_frame_samples(sound.rate_hz));
  std::vector<Stretch> found;
  for (size_t at = 0; at + frame <= samples.size(); at += frame) {
    if (frame_level_db(samples.subspan(at, frame)) < q.threshold_db) {
      continue;
    }
    if (found.empty() || found.back().end != at) {
      found.push_back({at, at});
    }
    found.back().end += frame;
  }
  return found;
}

// How alike the voices of several anchors are: the least cosine of any two, which `report` gets.
// Returns whether they sound like one person.
bool print_agreement(std::span<const Sound> anchors, std::span<const Profile> alone, Json* report) {
  double least = 1.0;
  size_t first = 0;
  size_t second = 0;
  for (size_t i = 0; i < alone.size(); ++i) {
    for (size_t k = i + 1; k < alone.size(); ++k) {
      const Result<double> cosine = similarity(alone[i], alone[k]);
      if (!cosine.ok()) {
        return true;  // a model without a speaker network has nothing to compare
      }
      if (cosine.value() <= least) {
        least = cosine.value();
        first = i;
        second = k;
      }
    }
  }
  if (alone.empty()) {
    return true;
  }
  (*report)["agreement"] = least;
  std::printf("anchors agree by at least %.3f ('%s' and '%s')\n",
              least,
              anchors[first].path.c_str(),
              anchors[second].path.c_str());
  if (least < kSamePerson) {
    std::printf("advice: below %.2f they do not sound like one person; leave one out\n",
                kSamePerson);
  }
  return least >= kSamePerson;
}

// The sample before which half of the speech is; a whole number of frames.
size_t middle_of_speech(const Sound& anchor, const AnchorQuality& q) {
  const auto frame = static_cast<size_t>(anchor_frame_samples(anchor.rate_hz));
  auto left = static_cast<size_t>(0.5 * q.speech_seconds * anchor.rate_hz);
  for (const Stretch& s : find_speech(anchor, q)) {
    const size_t length = s.end - s.begin;
    if (left <= length) {
      return (s.begin + left) / frame * frame;
    }
    left -= length;
  }
  return anchor.samples.size();
}

// Whether both halves of a recording, by the speech in them, sound like one person; `report` gets
// how alike they are.
bool print_halves(const ModelFile& model,
                  const Sound& anchor,
                  const AnchorQuality& q,
                  const Processor& processor,
                  Json* report) {
  if (0.5 * q.speech_seconds < kLeastHalfSeconds) {
    return true;
  }
  const size_t middle = middle_of_speech(anchor, q);
  const std::span<const float> all(anchor.samples);
  const Result<Profile> first = enroll(model.model, all.first(middle), processor);
  const Result<Profile> second = enroll(model.model, all.subspan(middle), processor);
  if (!first.ok() || !second.ok()) {
    return true;
  }
  const Result<double> cosine = similarity(first.value(), second.value());
  if (!cosine.ok()) {
    return true;
  }
  (*report)["halves_agreement"] = cosine.value();
  std::printf("anchor '%s': its halves agree by %.3f\n", anchor.path.c_str(), cosine.value());
  if (cosine.value() < kSamePerson) {
    std::printf(
        "advice: below %.2f the halves do not sound like one person; record one person "
        "alone\n",
        kSamePerson);
  }
  return cosine.value() >= kSamePerson;
}

Panel panel_of(const Sound& anchor, const AnchorQuality& q) {
  char levels[96];
  std::snprintf(levels,
                sizeof(levels),
                ": %.1f s of speech at %.1f dB, SNR %.1f dB",
                q.speech_seconds,
                q.speech_db,
                q.speech_db - q.noise_db);
  const std::string name = std::filesystem::path(anchor.path).filename().string();
  return {name + levels, anchor.samples, find_speech(anchor, q), anchor.rate_hz};
}

Json json_of(const Sound& anchor, const AnchorQuality& q) {
  return {{"recording", anchor.path},
          {"seconds", q.seconds},
          {"speech_seconds", q.speech_seconds},
          {"speech_db", q.speech_db},
          {"noise_db", q.noise_db},
          {"clipped_share", q.clipped_share},
          {"voiced_share", q.voiced_share},
          {"offset_db", q.offset_db},
          {"hum_hz", q.hum_hz},
          {"advice", describe(advice(q))}};
}

void enroll_command(const Options& options) {
  share_stdout(options.json, {options.output, options.report});
  std::vector<std::string> used = options.anchors;
  used.push_back(options.model);
  check_outputs({options.output, options.report}, std::move(used));
  const Threads threads(options.threads);
  const ModelFile model = open_model(options.model);
  const Processor processor = threads.processor(options.device.find());
  RecordingReport report;
  const std::vector<Sound> anchors =
      read_anchors(options.anchors, model.model.rate_hz(), options.channel);
  const Voices voices = enroll_all(model, anchors, processor, &report);
  bool good = true;
  std::vector<Panel> panels;
  Json json = {{"model", options.model}, {"profile", options.output}};
  for (const Sound& anchor : anchors) {
    const AnchorQuality q = print_quality(anchor.path, anchor.samples, anchor.rate_hz);
    panels.push_back(panel_of(anchor, q));
    Json& entry = json["anchors"].emplace_back(json_of(anchor, q));
    good = print_halves(model, anchor, q, processor, &entry) && advice(q) == AnchorAdvice::kNone &&
           good;
  }
  good = print_agreement(anchors, voices.alone, &json) && good;
  if (options.strict && !good) {
    refuse("--strict: the recordings can be better (see the advice), so no profile is written");
  }
  const std::span<const std::byte> bytes = voices.together.bytes();
  write_output(options.output, bytes);
  std::printf("enrolled %.2f s of speech at %.1f dB: '%s', %zu bytes\n",
              static_cast<double>(report.samples) / model.model.rate_hz(),
              report.level_db,
              options.output.c_str(),
              bytes.size());
  if (!options.report.empty()) {
    const std::string page = listen_page("ligero enroll: green where speech was found", panels);
    write_output(options.report, std::as_bytes(std::span(page)));
    std::printf("report: '%s'\n", options.report.c_str());
  }
  if (options.json) {
    json["good"] = good;
    json["level_db"] = report.level_db;
    json["bytes"] = bytes.size();
    write_json(json);
  }
}

}  // namespace

AnchorQuality print_quality(const std::string& name,
                            std::span<const float> samples,
                            int32_t rate_hz) {
  const Result<AnchorQuality> measured = measure_anchor(samples, rate_hz);
  if (!measured.ok()) {
    refuse_status(text("anchor '", name, "'"), measured.status());
  }
  constexpr double kPercent = 100.0;
  const AnchorQuality& q = measured.value();
  std::printf(
      "anchor '%s': %.1f s of speech in %.1f s, at %.1f dB, noise %.1f dB, %.2f %% clipped, %.0f "
      "%% "
      "voiced\n",
      name.c_str(),
      q.speech_seconds,
      q.seconds,
      q.speech_db,
      q.noise_db,
      kPercent * q.clipped_share,
      kPercent * q.voiced_share);
  if (q.offset_db >= kOffsetDb) {
    std::printf("anchor '%s': a DC offset of %.1f dB, which is none of the voice\n",
                name.c_str(),
                q.offset_db);
  }
  if (q.hum_hz > 0.0) {
    std::printf("anchor '%s': mains hum of %.0f Hz at %.1f dB\n", name.c_str(), q.hum_hz, q.hum_db);
  }
  if (advice(q) != AnchorAdvice::kNone) {
    std::printf("advice: %s\n", describe(advice(q)));
  }
  return q;
}

std::vector<Sound> read_anchors(const std::vector<std::string>& paths,
                                int32_t rate_hz,
                                int channel) {
  std::vector<Sound> sounds;
  for (const std::string& path : paths) {
    SoundReader reader(path, channel);
    reader.stop_after(kMostAnchorSeconds / static_cast<double>(paths.size()));
    sounds.push_back(read_sound(&reader, rate_hz));
    reader.report(rate_hz);
  }
  return sounds;
}

Profile enroll_files(const ModelFile& model,
                     const std::vector<std::string>& paths,
                     const Processor& processor,
                     RecordingReport* report) {
  return enroll_sounds(model, read_anchors(paths, model.model.rate_hz()), processor, report);
}

Profile enroll_sounds(const ModelFile& model,
                      std::span<const Sound> sounds,
                      const Processor& processor,
                      RecordingReport* report) {
  std::vector<std::span<const float>> anchors;
  for (const Sound& sound : sounds) {
    anchors.emplace_back(sound.samples);
  }
  Result<Profile> profile = enroll(model.model, anchors, processor, report);
  if (profile.ok()) {
    return std::move(profile.value());
  }
  const Status& status = profile.status();
  const bool names_anchor = status.code == Code::kBadArgument && status.index >= 0 &&
                            static_cast<size_t>(status.index) < sounds.size();
  if (names_anchor) {
    const Sound& sound = sounds[static_cast<size_t>(status.index)];
    refuse_status(text("anchor '", sound.path, "'"),
                  status,
                  text(sound.samples.size(),
                       " samples, ",
                       sound.seconds(),
                       " s; expected at least ",
                       kMinAnchorSeconds,
                       " s of speech above ",
                       kMinAnchorDb,
                       " dB"));
  }
  refuse_status(text("cannot enrol with model '", model.path, "'"), status);
}

void add_enroll(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("enroll", "make a profile of one person's recordings");
  command->footer(
      "Example:\n"
      "  ligero enroll ann_1.wav ann_2.flac -o ann.profile --report ann.html\n"
      "Two minutes are used in all, as much of each recording.");
  command->add_option("--model", options->model, kModelHelp);
  command->add_option("anchors", options->anchors, "recordings of that person alone")->required();
  command->add_option("-o,--output", options->output, "profile to write")->required();
  command->add_flag("--strict", options->strict, "refuse recordings about which there is advice");
  command->add_flag("--json", options->json, "what was found, for machines, on stdout");
  command->add_option(
      "--report",
      options->report,
      "page to write (HTML): spectrograms, with the speech that was found, and the sound");
  command->add_option("--threads", options->threads, "threads to compute with")
      ->capture_default_str();
  add_device_option(command, &options->device);
  add_raw_option(command);
  add_channel_option(
      command, &options->channel, "channel of the recordings to take; else their mean");
  command->callback([options] {
    options->model = model_or_default(options->model);
    enroll_command(*options);
  });
}

}  // namespace ligero::cli
