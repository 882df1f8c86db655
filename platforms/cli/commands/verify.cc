// SPDX-License-Identifier: Apache-2.0
// `ligero verify`: whether a recording is of the person of a profile. Not: the threshold's making
// (model/session/verify.h).
#include "model/session/verify.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "platforms/cli/commands/commands.h"
#include "platforms/cli/commands/enrolment.h"
#include "platforms/cli/default_model.h"
#include "platforms/cli/files.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/raw.h"

namespace ligero::cli {

namespace {

struct Options {
  std::string model;
  std::string profile;
  std::string recording;
  int threads = 1;
  bool json = false;
};

/// How a comparison ends that was made and says "another person".
constexpr int kAnotherPerson = 3;

void verify_command(const Options& options) {
  check_outputs({}, {options.profile, options.recording});
  const Threads threads(options.threads);
  const ModelFile model = open_model(options.model);
  const Profile known = load_profile(options.profile);
  const Profile heard = enroll_files(model, {options.recording}, threads.processor(), nullptr);
  const Result<double> cosine = similarity(known, heard);
  if (!cosine.ok()) {
    refuse_status(text("cannot compare '", options.profile, "' and '", options.recording, "'"),
                  cosine.status());
  }
  const bool same = cosine.value() >= kSamePerson;
  if (options.json) {
    const nlohmann::ordered_json report = {
        {"same_person", same}, {"similarity", cosine.value()}, {"threshold", kSamePerson}};
    std::printf("%s\n", report.dump(2).c_str());
  } else {
    std::printf("%s: similarity %.3f, same person from %.2f on\n",
                same ? "same person" : "another person",
                cosine.value(),
                kSamePerson);
  }
  if (!same) {
    throw CLI::RuntimeError(kAnotherPerson);
  }
}

}  // namespace

void add_verify(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("verify", "whether a recording is of a profile's person");
  command->footer(
      "Example:\n"
      "  ligero verify ann.profile who_is_this.wav && echo welcome\n"
      "Exit codes: 0 the same person, 3 another person, 1 input refused, 2 wrong usage.");
  command->add_option("--model", options->model, kModelHelp);
  command->add_option("profile", options->profile, "profile made by `ligero enroll`")->required();
  command->add_option("recording", options->recording, "recording of one person alone")->required();
  command->add_option("--threads", options->threads, "threads to compute with")
      ->capture_default_str();
  command->add_flag("--json", options->json, "machine-readable output");
  add_raw_option(command);
  command->callback([options] {
    options->model = model_or_default(options->model);
    verify_command(*options);
  });
}

}  // namespace ligero::cli
