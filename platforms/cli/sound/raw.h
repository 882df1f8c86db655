// The option --raw: how sound files without a header are to be read. Not: the reading (sound.cc).
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

/// Reads "RATE", "RATE:CHANNELS" or "RATE:CHANNELS:CODING", CODING one of s16 (the default), s24,
/// s32, u8, f32, f64; nothing where it is anything else.
std::optional<RawFormat> parse_raw(const std::string& text);

/// Adds --raw to a command; it holds for every file without a header that this process reads. `what`
/// is its help.
void add_raw_option(CLI::App* command,
                    const char* what = "what .raw and .pcm files hold, little-endian: 48000:2:s16, say");

/// What --raw said, if it did.
const std::optional<RawFormat>& raw_format();

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_RAW_H_
