// libsndfile reads and writes the samples, a hop at a time.
#include "platforms/cli/live/live_raw.h"

#include <sndfile.h>
#include <unistd.h>

#include <algorithm>
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
  SessionConfig config;
  config.rate_hz = format.rate_hz;
  config.channels = format.channels;
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

  const auto channels = static_cast<size_t>(format.channels);
  const auto hop = std::max<size_t>(1,
                                    static_cast<size_t>(format.rate_hz) *
                                        static_cast<size_t>(model.model.hop_samples()) /
                                        static_cast<size_t>(model.model.rate_hz()));
  std::vector<float> interleaved(hop * channels);
  std::vector<std::vector<float>> planes(channels, std::vector<float>(hop));
  std::vector<float*> pointers;
  for (std::vector<float>& plane : planes) {
    pointers.push_back(plane.data());
  }
  const auto pass = [&](size_t n) {
    live.group.process(pointers.data(), pointers.data(), static_cast<int32_t>(n));
    if (sf_write_float(out.get(), pointers[0], static_cast<sf_count_t>(n)) !=
        static_cast<sf_count_t>(n)) {
      refuse("cannot write to stdout: ", sf_strerror(out.get()));
    }
  };
  sf_count_t got = 0;
  while ((got = sf_readf_float(in.get(), interleaved.data(), static_cast<sf_count_t>(hop))) > 0) {
    for (size_t t = 0; t < static_cast<size_t>(got); ++t) {
      for (size_t c = 0; c < channels; ++c) {
        planes[c][t] = interleaved[t * channels + c];
      }
    }
    pass(static_cast<size_t>(got));
  }
  live.session().finish();
  for (auto rest = static_cast<size_t>(latency_samples); rest > 0;) {
    const size_t n = std::min(rest, hop);
    for (std::vector<float>& plane : planes) {
      std::fill(plane.begin(), plane.end(), 0.0f);
    }
    pass(n);
    rest -= n;
  }
}

}  // namespace ligero::cli
