// SPDX-License-Identifier: Apache-2.0
// Sound as recorders, pipes and other programs leave it: headers that nobody finished, floats of
// integer size, channels that cancel. Not: rates and lengths (rates_test.cc).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/raw.h"
#include "platforms/cli/sound/sound.h"
#include "platforms/cli/sound/survey.h"
#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

template <typename T>
std::string number(T value) {
  std::string out(sizeof(value), '\0');
  std::memcpy(out.data(), &value, sizeof(value));
  return out;
}

std::string format_chunk(uint32_t rate_hz = 16000, uint16_t tag = 1, uint16_t bits = 16) {
  const auto bytes = static_cast<uint16_t>(bits / 8);
  return "fmt " + number<uint32_t>(16) + number(tag) + number<uint16_t>(1) + number(rate_hz) +
         number(rate_hz * bytes) + number(bytes) + number(bits);
}

std::string sixteen_bit(const std::vector<float>& samples) {
  std::string out;
  for (const float x : samples) {
    out += number(static_cast<int16_t>(std::lround(x * 32768.0f)));
  }
  return out;
}

// A header that was written first and never again, or one for a file too long for its numbers.
struct Header {
  const char* name;
  std::string bytes;
};

std::vector<Header> unfinished_headers() {
  const auto riff = [](const char* kind, uint32_t all, const std::string& chunks, uint32_t data) {
    return kind + number(all) + "WAVE" + chunks + "data" + number(data);
  };
  const std::string padding = "JUNK" + number<uint32_t>(4000) + std::string(4000, '\0');
  const std::string no_sizes = "ds64" + number<uint32_t>(28) + std::string(28, '\0');
  const std::string format = format_chunk();
  const uint32_t all = 0xFFFFFFFF;
  return {{"both lengths 0", riff("RIFF", 0, format, 0)},
          {"lengths of a header alone", riff("RIFF", 36, format, 0)},
          {"padding before the samples", riff("RIFF", 4044, padding + format, 0)},
          {"RIFF of all ones, samples 0", riff("RIFF", all, format, 0)},
          {"both of all ones", riff("RIFF", all, format, all)},
          {"more than there is", riff("RIFF", 1000000, format, 900000)},
          {"RF64 without its lengths", riff("RF64", all, format, all)},
          {"BW64 without its lengths", riff("BW64", all, format, all)},
          {"more than 4 KiB before the samples", riff("RIFF", 0, padding + padding + format, 0)},
          {"RF64 with lengths of 0", riff("RF64", all, no_sizes + format, all)},
          {"RF64 with lengths of 0 everywhere", riff("RF64", 0, no_sizes + format, 0)}};
}

std::string model_and_profile(const Workplace& at) {
  return "--model " + at / "tiny.lgm" + " --profile " + at / "who.profile ";
}

}  // namespace

TEST_CASE("odd sound: a header that nobody finished is read to the end, and one line says so") {
  const Workplace at;
  const std::vector<float> x = tone(16077, 330.0f);
  const std::string samples = sixteen_bit(x);
  const auto bytes = static_cast<uint32_t>(samples.size());
  write_file(
      at / "good.wav",
      "RIFF" + number(bytes + 36) + "WAVE" + format_chunk() + "data" + number(bytes) + samples);
  const std::vector<float> good = cli::read_sound(at / "good.wav").samples;
  for (const Header& header : unfinished_headers()) {
    CAPTURE(std::string(header.name));
    write_file(at / "odd.wav", header.bytes + samples);
    CHECK(cli::read_sound(at / "odd.wav").samples == good);
    const std::string line = "score --reference " + at / "good.wav ";
    const Outcome read = run_tool(line + at / "odd.wav");
    INFO(read.text);
    CHECK(read.code == 0);
    CHECK(read.says("odd.wav': its header "));
    CHECK(read.says("read to the end"));
    const Outcome piped =
        run_line("cat " + at / "odd.wav | " LIGERO_TOOL " " + line + "/dev/stdin");
    INFO(piped.text);
    CHECK(piped.code == 0);
  }
  CHECK_FALSE(run_tool("score --reference " + at / "good.wav " + at / "good.wav").says("header"));
}

TEST_CASE("odd sound: a header without samples is empty whatever follows") {
  const Workplace at;
  const std::string header =
      "RIFF" + number<uint32_t>(0) + "WAVE" + format_chunk() + "data" + number<uint32_t>(0);
  for (const std::string& rest : {std::string(), "LIST" + number<uint32_t>(8) + "INFOabcd"}) {
    write_file(at / "empty.wav", header + rest);
    CHECK_THROWS_WITH_AS(
        cli::read_sound(at / "empty.wav"), doctest::Contains("holds no samples"), cli::Refusal);
  }
}

TEST_CASE("odd sound: a short WAV of unknown length from a pipe runs whole, a long one in blocks") {
  const Workplace at;
  const std::string header = unfinished_headers()[4].bytes;
  const auto extract = [&](double seconds) {
    write_file(at / "in.wav",
               header + sixteen_bit(tone(static_cast<size_t>(seconds * 16000.0), 330.0f)));
    const Outcome done = run_line("cat " + at / "in.wav | " LIGERO_TOOL " extract " +
                                  model_and_profile(at) + "/dev/stdin -o " + at / "out.wav");
    INFO(done.text);
    CHECK(done.code == 0);
    CHECK(cli::read_sound(at / "out.wav").samples.size() == static_cast<size_t>(seconds * 16000.0));
    return done.says("is longer than 60 s");
  };
  CHECK_FALSE(extract(2.0));
  CHECK_FALSE(extract(60.0));
  CHECK(extract(60.5));
}

TEST_CASE("odd sound: refusals are sentences with a cause") {
  const Workplace at;
  const std::string samples = sixteen_bit(tone(16000, 330.0f));
  const auto riff = [&](const std::string& chunks) {
    return "RIFF" + number(static_cast<uint32_t>(chunks.size() + 4)) + "WAVE" + chunks;
  };
  const std::string data = "data" + number(static_cast<uint32_t>(samples.size())) + samples;
  const auto refusal = [&](const std::string& content) -> std::string {
    write_file(at / "x.wav", content);
    try {
      cli::read_sound(at / "x.wav");
    } catch (const cli::Refusal& refused) {
      return refused.what();
    }
    return "";
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {riff(format_chunk(0) + data), "has 0 Hz; expected 8000 to 96000"},
      {riff(data), "its samples come before their format"},
      {riff(format_chunk()), "it ends before its samples"},
      {riff(format_chunk(16000, 0x55, 16) + data), "its samples are MP3"},
      {"<!DOCTYPE html><html>sign in</html>", "it is an HTML page"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0", "it is a Git LFS pointer"},
      {"fLaC" + samples, "read: it"},
      {"nonsense and more of it", "its format is not known; expected WAV"}};
  for (const auto& [content, expected] : cases) {
    const std::string message = refusal(content);
    CAPTURE(message);
    CHECK(message.find(expected) != std::string::npos);
    CHECK(message.find("nternal error") == std::string::npos);
  }
  write_file(at / "two.wav", riff(format_chunk() + data + data));
  const Outcome two = run_tool("score --reference " + at / "two.wav " + at / "two.wav");
  INFO(two.text);
  CHECK(two.code == 0);
  CHECK(two.says("more than one chunk of samples; only the first is read"));
}

TEST_CASE("odd sound: floats of integer size are scaled, whatever the length, and that is said") {
  const Workplace at;
  for (const double seconds : {1.0, 61.0}) {
    CAPTURE(seconds);
    std::vector<float> x = tone(static_cast<size_t>(seconds * 16000.0), 330.0f);
    for (const int bits : {16, 24, 32}) {
      CAPTURE(bits);
      std::vector<float> large = x;
      for (float& v : large) {
        v = std::ldexp(v, bits - 1);
      }
      write_wav(at / "large.wav", large, {.coding = SF_FORMAT_FLOAT});
      CHECK(cli::read_sound(at / "large.wav").samples == x);
    }
    const Outcome done =
        run_tool("extract " + model_and_profile(at) + at / "large.wav" + " -o " + at / "out.wav");
    INFO(done.text);
    CHECK(done.code == 0);
    CHECK(done.says("have the size of 32-bit integers; scaled to full scale 1"));
    float loudest = 0.0f;
    for (const float v : cli::read_sound(at / "out.wav").samples) {
      loudest = std::max(loudest, std::abs(v));
    }
    CHECK(loudest > 0.01f);
  }
  write_wav(at / "loud.wav", tone(16000, 330.0f, 3.0f), {.coding = SF_FORMAT_FLOAT});
  CHECK(cli::read_sound(at / "loud.wav").samples == tone(16000, 330.0f, 3.0f));
  write_wav(at / "mad.wav", tone(16000, 330.0f, 1e20f), {.coding = SF_FORMAT_FLOAT});
  CHECK_THROWS_WITH_AS(
      cli::read_sound(at / "mad.wav"), doctest::Contains("expected full scale 1"), cli::Refusal);
}

TEST_CASE("odd sound: single samples far beyond full scale count as zero, and are counted") {
  const Workplace at;
  std::vector<float> x = tone(16000, 330.0f);
  x[100] = 1e10f;
  x[7000] = -9.0f;
  write_wav(at / "glitch.wav", x, {.coding = SF_FORMAT_FLOAT});
  x[100] = x[7000] = 0.0f;
  CHECK(cli::read_sound(at / "glitch.wav").samples == x);
  CHECK(run_tool("score --reference " + at / "mix.wav " + at / "glitch.wav")
            .says("2 samples were beyond 8 times full scale"));
}

TEST_CASE("odd sound: the mean is of channels that carry sound, and a mix that cancels is said") {
  const Workplace at;
  const std::vector<float> x = tone(16000, 330.0f);
  const auto write = [&](std::vector<float> gains) {
    std::vector<float> frames;
    for (const float v : x) {
      for (const float gain : gains) {
        frames.push_back(gain * v);
      }
    }
    write_wav(at / "in.wav",
              frames,
              {.channels = static_cast<int>(gains.size()), .coding = SF_FORMAT_FLOAT});
  };
  const auto said = [&](const std::string& more = "") {
    const Outcome done = run_tool("extract " + model_and_profile(at) + at / "in.wav" + " -o " +
                                  at / "out.wav" + more);
    CHECK(done.code == 0);
    return done;
  };
  write({1.0f, 0.0f});
  CHECK(cli::read_sound(at / "in.wav").samples == x);
  CHECK(said().says("silent ones left out: the mean of 1\n"));
  write({1e-4f, 1.0f, 0.5f});
  CHECK(cli::read_sound(at / "in.wav").samples[777] == doctest::Approx(0.75f * x[777]));
  CHECK_FALSE(said().says("below its loudest channel"));
  write({1.0f, -1.0f});
  CHECK(said().says("the mix is 60 dB below its loudest channel"));
  CHECK(said(" --channel 2").says("channel 2 of 2 is used"));
  cli::SoundReader second(at / "in.wav", 2);
  CHECK(cli::read_sound(&second).samples[777] == -x[777]);
  write({1.0f, -0.1f});  // half of 0.9: 6.9 dB
  CHECK(said().says("the mix is 7 dB below its loudest channel"));
  write({1.0f, 0.1f});
  CHECK_FALSE(said().says("below its loudest channel"));
  write({1.0f, 0.0f});
  CHECK(said(" --channel 2").says("channel 2 of 2 is used, which is silent"));
}

TEST_CASE("odd sound: an offset or a bad sample in one channel changes nothing of another") {
  const Workplace at;
  const std::vector<float> x = tone(16000, 330.0f);
  const auto write = [&](const auto& other) {
    std::vector<float> frames;
    for (size_t i = 0; i < x.size(); ++i) {
      frames.insert(frames.end(), {x[i], other(i)});
    }
    write_wav(at / "in.wav", frames, {.channels = 2, .coding = SF_FORMAT_FLOAT});
    return run_tool("score --reference " + at / "mix.wav " + at / "in.wav");
  };
  CHECK(write([](size_t) { return 0.1f; }).says("silent ones left out: the mean of 1\n"));
  CHECK(cli::read_sound(at / "in.wav").samples == x);
  for (const float bad : {10.0f, 1e30f, -3e38f, std::nanf("")}) {
    CAPTURE(bad);
    const Outcome done = write([&](size_t i) { return i == 777 ? bad : x[i]; });
    CHECK_FALSE(done.says("silent ones left out"));
    CHECK_FALSE(done.says("below its loudest channel"));
    CHECK(done.says(": 1 samples were "));
    std::vector<float> want = x;
    want[777] = 0.5f * x[777];
    CHECK(cli::read_sound(at / "in.wav").samples == want);
  }
  CHECK(write([&](size_t i) { return 0.3f - x[i]; }).says("is 60 dB below its loudest channel"));
}

TEST_CASE("odd sound: --channel looks at that channel alone") {
  const Workplace at;
  std::vector<float> frames;
  for (const float v : tone(16000, 330.0f)) {
    frames.insert(frames.end(), {1e12f, std::ldexp(v, 15)});
  }
  write_wav(at / "in.wav", frames, {.channels = 2, .coding = SF_FORMAT_FLOAT});
  cli::SoundReader second(at / "in.wav", 2);
  CHECK(cli::read_sound(&second).samples == tone(16000, 330.0f));
}

TEST_CASE("odd sound: a channel of a pipe that begins late is heard") {
  const Workplace at;
  std::vector<float> frames;
  for (const float v : tone(15 * 16000, 330.0f)) {
    const size_t t = frames.size() / 2;
    frames.insert(frames.end(), {t < 16000 ? v : 0.0f, t < 12 * 16000 ? 0.0f : v});
  }
  write_wav(at / "in.wav", frames, {.channels = 2});
  const Outcome done = run_line("cat " + at / "in.wav | " LIGERO_TOOL " extract " +
                                model_and_profile(at) + "/dev/stdin -o " + at / "out.wav");
  CHECK(done.code == 0);
  const std::vector<float> out = cli::read_sound(at / "out.wav").samples;
  CHECK(std::abs(*std::max_element(out.end() - 16000, out.end())) > 0.01f);
}

TEST_CASE("odd sound: less than a header promises is said, of a pipe and of FLAC too") {
  const Workplace at;
  const std::string score = "score --reference " + at / "mix.wav ";
  write_wav(at / "whole.wav", tone(16000, 330.0f));
  const std::string wav = read_file(at / "whole.wav");
  write_file(at / "part.wav", wav.substr(0, wav.size() / 2));
  const auto pipe = [&](const std::string& name) {
    return run_line("cat " + at / name + " | " LIGERO_TOOL " " + score + "/dev/stdin");
  };
  CHECK(pipe("part.wav").says("of the 16000 samples that its header promises"));
  CHECK_FALSE(pipe("whole.wav").says("promises"));
  write_wav(at / "whole.flac", tone(16000, 330.0f), {.container = SF_FORMAT_FLAC});
  const std::string flac = read_file(at / "whole.flac");
  write_file(at / "part.flac", flac.substr(0, flac.size() / 2));
  CHECK_FALSE(run_tool(score + at / "whole.flac").says("promises"));
  CHECK(run_tool(score + at / "part.flac").says("of the 16000 samples that its header promises"));
  CHECK(pipe("whole.flac").says("cannot be read from a pipe"));
  write_file(at / "mp3.wav",
             "RIFF" + number<uint32_t>(100) + "WAVE" + format_chunk(16000, 0x55, 16));
  CHECK(pipe("mp3.wav").says("its samples are MP3"));
}

TEST_CASE("odd sound: --channel of a recording that has no such channel, or of no number") {
  const Workplace at;
  const std::string line = "extract " + model_and_profile(at) + at / "mix.wav -o " + at / "out.wav";
  const Outcome refused = run_tool(line + " --channel 2");
  CHECK(refused.code == 1);
  CHECK(refused.says("mix.wav' has 1 channels; --channel asks for number 2"));
  CHECK(run_tool(line + " --channel 0").code == 2);
  const Outcome enrolled = run_tool("enroll --model " + at / "tiny.lgm " + at / "anchor.wav" +
                                    " -o " + at / "new.profile --channel 1");
  INFO(enrolled.text);
  CHECK(enrolled.code == 0);
  write_wav(at / "two.wav", tone(32000, 330.0f), {.channels = 2});
  const Outcome second = run_tool("enroll --model " + at / "tiny.lgm " + at / "two.wav" + " -o " +
                                  at / "new.profile --channel 2");
  CHECK(second.says("channel 2 of 2 is used"));
}

TEST_CASE("odd sound: a whisper is said to be too quiet, on any offset; a voice and silence not") {
  const Workplace at;
  const auto said = [&](float level, float offset) {
    std::vector<float> x = tone(16000, 330.0f, level);
    for (float& v : x) {
      v += offset;
    }
    write_wav(at / "in.wav", x, {.coding = SF_FORMAT_FLOAT});
    return run_tool("extract " + model_and_profile(at) + at / "in.wav" + " -o " + at / "out.wav")
        .says("in.wav' is very quiet");
  };
  CHECK(said(0.002f, 0.0f));
  CHECK(said(0.002f, 0.1f));
  CHECK_FALSE(said(0.1f, 0.0f));
  CHECK_FALSE(said(0.0f, 0.1f));
}

TEST_CASE("odd sound: --raw takes the names that ffmpeg, arecord and PulseAudio have for codings") {
  const std::vector<std::pair<int, std::vector<const char*>>> names = {
      {SF_FORMAT_PCM_16, {"s16", "s16le", "S16_LE", "pcm_s16le"}},
      {SF_FORMAT_PCM_24, {"s24", "s24le", "S24_3LE"}},
      {SF_FORMAT_PCM_32, {"s32", "s32le", "S32_LE"}},
      {SF_FORMAT_PCM_S8, {"s8", "S8"}},
      {SF_FORMAT_PCM_U8, {"u8", "U8"}},
      {SF_FORMAT_FLOAT, {"f32", "f32le", "FLOAT_LE", "float32le"}},
      {SF_FORMAT_DOUBLE, {"f64", "f64le", "FLOAT64_LE"}},
      {SF_FORMAT_ULAW, {"mulaw", "MU_LAW", "ulaw"}},
      {SF_FORMAT_ALAW, {"alaw", "A_LAW", "pcm_alaw"}}};
  for (const auto& [format, texts] : names) {
    for (const char* text : texts) {
      CAPTURE(text);
      const auto raw = cli::parse_raw(std::string("16000:1:") + text);
      REQUIRE(raw);
      CHECK(raw->coding == format);
    }
  }
  for (const char* text :
       {"S16_BE", "s16be", "S24_LE", "le", "s16le s16", "float_le_", "pcm_", "pcm_pcm_s16"}) {
    CAPTURE(text);
    CHECK_FALSE(cli::parse_raw(std::string("16000:1:") + text));
  }
}

}  // namespace ligero::testing
