// SPDX-License-Identifier: Apache-2.0
// `ligero live`: from the microphone to a loudspeaker or virtual device, through PortAudio, or from
// program to program. Not: the session itself (model/session/session.h).
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "platforms/cli/commands/commands.h"
#include "platforms/cli/default_model.h"
#include "platforms/cli/live/live_options.h"
#include "platforms/cli/live/live_raw.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/raw.h"
#include "platforms/cli/sound/widener.h"

namespace ligero::cli {

#if !defined(LIGERO_WITH_PORTAUDIO)

void live_command(const LiveOptions&) {
  refuse(
      "this ligero was built without PortAudio (portaudio19-dev), so `ligero live` cannot reach "
      "a microphone; `ligero live --raw` takes its samples from another program");
}

#endif

void add_live(CLI::App* app) {
  constexpr int kMostDb = 200;
  auto options = std::make_shared<LiveOptions>();
  CLI::App* command = app->add_subcommand("live", "from the microphone, at once");
  command->footer(
      "Example:\n"
      "  ligero live --profile ann.profile\n"
      "  arecord -f S16_LE -r 48000 | ligero live --profile ann.profile --raw "
      "48000 | aplay -f S16_LE -r 48000\n"
      "  ligero live --model gtcrn.lgm --raw 16000:1:f32 <noisy.raw >clean.raw\n"
      "The output begins with the latency: a sample comes out so much later, and after the end of "
      "stdin\n"
      "the rest follows. A network that needs no speaker takes no profile.\n"
      "A model that needs what follows runs in blocks, at a latency that is said.");
  command->add_flag("--devices", options->list_devices, "list the audio devices and stop");
  command->add_option("--model", options->model, kModelHelp);
  command->add_option(
      "--profile", options->profile, "profile to pass; with --enroll: profile to write");
  command
      ->add_option(
          "--enroll", options->enroll_seconds, "first record so many seconds of the person to pass")
      ->check(CLI::Range(1.0, 600.0));
  command->add_option("--input", options->input, "number of the input device");
  command->add_option("--output", options->output, "number of the output device");
  add_channel_option(
      command, &options->channel, "channel to take; else a device's first, the mean of --raw's");
  command->add_option("--rate", options->rate_hz, "samples per second; 0: the device's own")
      ->check(CLI::Range(0, 192000))
      ->capture_default_str();
  command->add_option("--period", options->period, "samples that the device is asked for at a time")
      ->check(CLI::Range(1, 8192));
  command->add_option("--seconds", options->seconds, "stop by itself; 0: at Ctrl-C")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--limit", options->limit_db, "attenuate others by at most so many dB")
      ->check(CLI::Range(0, kMostDb));
  add_bandwidth_option(command, &options->bandwidth);
  add_device_option(command, &options->device);
  add_block_options(command, &options->block);
  add_raw_option(command,
                 "samples from stdin, the voice to stdout, little-endian: 48000:2:s16, say");
  command->callback([options] {
    if (!options->list_devices) {
      options->model = model_or_default(options->model);
    }
    if (raw_format()) {
      live_raw(*options, *raw_format());
    } else {
      live_command(*options);
    }
  });
}

}  // namespace ligero::cli
