// SPDX-License-Identifier: Apache-2.0
// The options --raw and --channel. Not: the reading (sound.cc).
#include "platforms/cli/sound/raw.h"

#include <sndfile.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "platforms/cli/sound/rate.h"

namespace ligero::cli {

namespace {

struct Coding {
  const char* names;  // in lower case, between spaces; the first is ours
  int format;
};
constexpr Coding kCodings[] = {
    {" s16 s16le s16_le ", SF_FORMAT_PCM_16},
    {" s24 s24le s24_3le ", SF_FORMAT_PCM_24},
    {" s32 s32le s32_le ", SF_FORMAT_PCM_32},
    {" s8 ", SF_FORMAT_PCM_S8},
    {" u8 ", SF_FORMAT_PCM_U8},
    {" f32 f32le float float_le float32 float32le float32_le ", SF_FORMAT_FLOAT},
    {" f64 f64le double float64 float64le float64_le ", SF_FORMAT_DOUBLE},
    {" mulaw mu_law mu-law ulaw pcmu ", SF_FORMAT_ULAW},
    {" alaw a_law a-law pcma ", SF_FORMAT_ALAW}};
constexpr int kMaxChannels = 1024;  // of libsndfile

std::optional<RawFormat>& current() {
  static std::optional<RawFormat> format;
  return format;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return text;
}

}  // namespace

bool is_raw_name(const std::string& path) {
  if (path == "-" || path == kStdin) {
    return raw_format().has_value();
  }
  const std::string ending = lower(std::filesystem::path(path).extension().string());
  return ending == ".raw" || ending == ".pcm";
}

std::optional<RawFormat> parse_raw(const std::string& text) {
  RawFormat raw;
  char coding[16] = "s16";
  int used = 0;
  std::sscanf(text.c_str(),
              "%6d%n:%4d%n:%15[A-Za-z0-9_-]%n",
              &raw.rate_hz,
              &used,
              &raw.channels,
              &used,
              coding,
              &used);
  std::string name = lower(coding);
  if (name.starts_with("pcm_")) {
    name.erase(0, 4);  // ffmpeg's codecs, as opposed to its formats
  }
  const std::string wanted = " " + name + " ";
  const auto* found = std::find_if(std::begin(kCodings), std::end(kCodings), [&](const Coding& c) {
    return std::strstr(c.names, wanted.c_str()) != nullptr;
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
                      ": expected RATE[:CHANNELS[:CODING]], 8000 to 96000 Hz, 1 to 1024 channels, "
                      "CODING one of s16 s24 (in 3 bytes) s32 s8 u8 f32 f64 mulaw alaw, or "
                      "ffmpeg's or arecord's name of one of these (s16le, S16_LE), little-endian");
            }
          },
          what)
      ->type_name("RATE[:CHANNELS[:CODING]]");
}

void add_channel_option(CLI::App* command, int* channel, const char* what) {
  command->add_option("--channel", *channel, what)->check(CLI::Range(1, kMaxChannels));
}

const std::optional<RawFormat>& raw_format() {
  return current();
}

}  // namespace ligero::cli
