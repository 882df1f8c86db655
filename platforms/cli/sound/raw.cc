// The option --raw. Not: the reading (sound.cc).
#include "platforms/cli/sound/raw.h"

#include <sndfile.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "platforms/cli/sound/rate.h"

namespace ligero::cli {

namespace {

struct Coding {
  const char* name;
  int format;
};
constexpr Coding kCodings[] = {{"s16", SF_FORMAT_PCM_16},
                               {"s24", SF_FORMAT_PCM_24},
                               {"s32", SF_FORMAT_PCM_32},
                               {"u8", SF_FORMAT_PCM_U8},
                               {"f32", SF_FORMAT_FLOAT},
                               {"f64", SF_FORMAT_DOUBLE}};
constexpr int kMaxChannels = 1024;  // of libsndfile

std::optional<RawFormat>& current() {
  static std::optional<RawFormat> format;
  return format;
}

}  // namespace

std::optional<RawFormat> parse_raw(const std::string& text) {
  RawFormat raw;
  char coding[8] = "s16";
  int used = 0;
  std::sscanf(text.c_str(),
              "%6d%n:%4d%n:%3[a-z0-9]%n",
              &raw.rate_hz,
              &used,
              &raw.channels,
              &used,
              coding,
              &used);
  const auto* found = std::find_if(std::begin(kCodings), std::end(kCodings), [&](const Coding& c) {
    return std::strcmp(c.name, coding) == 0;
  });
  if (used == 0 || static_cast<size_t>(used) != text.size() || found == std::end(kCodings) ||
      raw.rate_hz < kLowestFileHz || raw.rate_hz > kHighestFileHz || raw.channels < 1 ||
      raw.channels > kMaxChannels) {
    return std::nullopt;
  }
  raw.coding = found->format;
  return raw;
}

void add_raw_option(CLI::App* command, const char* what) {
  command
      ->add_option_function<std::string>(
          "--raw",
          [](const std::string& text) {
            current() = parse_raw(text);
            if (!current()) {
              throw CLI::ValidationError(
                  "--raw",
                  text +
                      ": expected RATE[:CHANNELS[:s16|s24|s32|u8|f32|f64]], 8000 to 96000 Hz and "
                      "1 to 1024 channels");
            }
          },
          what)
      ->type_name("RATE[:CHANNELS[:CODING]]");
}

const std::optional<RawFormat>& raw_format() {
  return current();
}

}  // namespace ligero::cli
