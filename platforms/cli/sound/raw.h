// SPDX-License-Identifier: Apache-2.0
// The options of commands that read sound: --raw, of files without a header, and --channel. Not:
// the reading (sound.cc).
#ifndef LIGERO_PLATFORMS_CLI_SOUND_RAW_H_
#define LIGERO_PLATFORMS_CLI_SOUND_RAW_H_

#include <cstdint>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace ligero::cli {

struct RawFormat {
  int32_t rate_hz = 0;
  int channels = 1;
  int coding = 0;  ///< a subtype of libsndfile, little-endian
};

/// Reads "RATE", "RATE:CHANNELS" or "RATE:CHANNELS:CODING"; nothing where it is anything else.
/// CODING is s16 (the default), s24 (in 3 bytes), s32, s8, u8, f32, f64, mulaw or alaw; ffmpeg's
/// names (s16le, f32le), arecord's (S16_LE, FLOAT_LE, MU_LAW) and PulseAudio's (float32le, ulaw)
/// are taken as well, in either case.
std::optional<RawFormat> parse_raw(const std::string& text);

/// Adds --raw to a command; it holds for every file without a header that this process reads.
/// `what` is its help.
void add_raw_option(
    CLI::App* command,
    const char* what = "what .raw and .pcm files hold, little-endian: 48000:2:s16, say");

/// Adds --channel, from 1, to a command; `what` is its help.
void add_channel_option(CLI::App* command, int* channel, const char* what);

/// What the name "-" opens for reading.
inline constexpr const char* kStdin = "/dev/stdin";

/// Whether `path` names sound without a header: by its ending, or with --raw stdin and stdout.
bool is_raw_name(const std::string& path);

/// What --raw said, if it did.
const std::optional<RawFormat>& raw_format();

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_RAW_H_
