// SPDX-License-Identifier: Apache-2.0
// libsndfile reads and writes the samples, a hop at a time.
#include "platforms/cli/live/live_raw.h"

#include <sndfile.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "platforms/cli/live/live_file.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/sound.h"

namespace ligero::cli {

namespace {

SoundHandle open_raw(int fd, int mode, const RawFormat& format, int channels, const char* name) {
  SF_INFO info = {};
  info.samplerate = format.rate_hz;
  info.channels = channels;
  info.format = SF_FORMAT_RAW | SF_ENDIAN_LITTLE | format.coding;
  SoundHandle file(sf_open_fd(fd, mode, &info, SF_FALSE));
  if (!file) {
    refuse("cannot use ", name, " for raw samples: ", sf_strerror(nullptr));
  }
  return file;
}

/// Channels of interleaved frames, one after another: all, or one alone.
class Planes {
 public:
  Planes(int channels, int channel, size_t frames, int32_t rate_hz)
      : channels_(static_cast<size_t>(channels)),
        first_(channel > 0 ? static_cast<size_t>(channel - 1) : 0),
        plane_(channel > 0 ? 1 : channels_, std::vector<float>(frames)),
        levels_(plane_.size(), Level(rate_hz)),
        mix_(rate_hz) {
    if (channel > channels) {
      refuse("--raw says ", channels, " channels; expected --channel 1 to ", channels);
    }
    for (std::vector<float>& plane : plane_) {
      pointers_.push_back(plane.data());
    }
  }
  int32_t count() const {
    return static_cast<int32_t>(plane_.size());
  }
  float* const* pointers() const {
    return pointers_.data();
  }
  void take(const float* interleaved, size_t frames) {
    for (size_t t = 0; t < frames; ++t) {
      double mix = 0.0;
      for (size_t c = 0; c < plane_.size(); ++c) {
        const float x = interleaved[t * channels_ + first_ + c];
        plane_[c][t] = x;
        const bool sound = std::fabs(x) <= Signal::kLoudestSample;  // false for NaN as well
        const double heard = sound ? static_cast<double>(x) : 0.0;
        levels_[c].add(heard);
        mix += heard / static_cast<double>(plane_.size());
      }
      mix_.add(mix);
    }
  }
  void take_silence() {
    for (std::vector<float>& plane : plane_) {
      std::fill(plane.begin(), plane.end(), 0.0f);
    }
  }
  void report() const {
    report_mix("stdin", levels_, mix_);
    report_quiet("stdin", mix_.loudest());
  }

 private:
  size_t channels_;
  size_t first_;
  std::vector<std::vector<float>> plane_;
  std::vector<float*> pointers_;
  std::vector<Level> levels_;
  Level mix_;
};

}  // namespace

void live_raw(const LiveOptions& options, const RawFormat& format) {
  if (options.enroll_seconds > 0.0) {
    refuse("--raw takes the person to pass from a file; expected --profile, and no --enroll");
  }
  if (isatty(STDIN_FILENO) != 0 || isatty(STDOUT_FILENO) != 0) {
    refuse("--raw reads samples from stdin and writes them to stdout; expected no terminal there");
  }
  const ModelFile model = open_model(options.model);
  check_takes_profile(model, !options.profile.empty(), "--profile, and no --enroll");
  const Profile profile = options.profile.empty() ? Profile() : load_profile(options.profile);
  const auto hop = std::max<size_t>(1,
                                    static_cast<size_t>(format.rate_hz) *
                                        static_cast<size_t>(model.model.hop_samples()) /
                                        static_cast<size_t>(model.model.rate_hz()));
  Planes planes(format.channels, options.channel, hop, format.rate_hz);
  SessionConfig config;
  config.rate_hz = format.rate_hz;
  config.channels = planes.count();
  config.bandwidth = options.bandwidth;
  config.block = live_blocks(model, options.block);
  config.processor.accelerator = options.device.find();
  LiveSession live(model, config, options.profile.empty() ? nullptr : &profile);
  live.session().set_strength(1.0f, static_cast<float>(options.limit_db));
  const int32_t latency_samples = live.session().latency_samples();
  const SoundHandle in = open_raw(STDIN_FILENO, SFM_READ, format, format.channels, "stdin");
  const SoundHandle out = open_raw(STDOUT_FILENO, SFM_WRITE, format, 1, "stdout");
  std::fprintf(stderr,
               "live at %d Hz: %.1f ms of latency\n",
               format.rate_hz,
               1e3 * latency_samples / format.rate_hz);

  std::vector<float> interleaved(hop * static_cast<size_t>(format.channels));
  const auto pass = [&](size_t n) {
    live.group.process(planes.pointers(), planes.pointers(), static_cast<int32_t>(n));
    if (sf_write_float(out.get(), planes.pointers()[0], static_cast<sf_count_t>(n)) !=
        static_cast<sf_count_t>(n)) {
      refuse("cannot write to stdout: ", sf_strerror(out.get()));
    }
  };
  sf_count_t got = 0;
  while ((got = sf_readf_float(in.get(), interleaved.data(), static_cast<sf_count_t>(hop))) > 0) {
    planes.take(interleaved.data(), static_cast<size_t>(got));
    pass(static_cast<size_t>(got));
  }
  live.session().finish();
  for (auto rest = static_cast<size_t>(latency_samples); rest > 0;) {
    const size_t n = std::min(rest, hop);
    planes.take_silence();
    pass(n);
    rest -= n;
  }
  planes.report();
  live.report("stdin");
}

}  // namespace ligero::cli
