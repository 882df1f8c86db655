// SPDX-License-Identifier: Apache-2.0
// Sound of every rate, channel count and coding through the tool: the output has the input's rate
// and length, aligned to the sample. Not: the model's own rate (commands_test.cc).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "platforms/cli/sound/rate.h"
#include "platforms/cli/sound/raw.h"
#include "tests/cli/tool.h"
#include "tests/support/without_low.h"

namespace ligero::testing {
namespace {

/// What it extracts is the mixture: a deep filter of 5 x 3 taps of which only the middle one is 1.
ModelDraft identity_model() {
  constexpr int kTaps = 30;
  constexpr size_t kMiddle = 14;
  ModelDraft model = tiny_model();
  GraphDraft& g = model.graphs[1];
  const auto sequence = [&](const char* name, int bins, int channels) {
    g.tensors.push_back({.name = name, .dims = {bins, channels}, .values = {}});
    return static_cast<int>(g.tensors.size()) - 1;
  };
  const auto weight =
      [&](const char* name, Layout layout, std::vector<int32_t> dims, size_t count) {
        g.tensors.push_back({.name = name,
                             .kind = Kind::kWeight,
                             .layout = layout,
                             .dims = std::move(dims),
                             .values = std::vector<float>(count)});
        return static_cast<int>(g.tensors.size()) - 1;
      };
  g = GraphDraft{.name = "extract", .tensors = {}, .nodes = {}, .inputs = {}, .outputs = {}};
  const int hops = sequence("hops", 1, 160);
  g.tensors.push_back({.name = "speaker", .kind = Kind::kConstant, .dims = {1, 160}, .values = {}});
  const int spectrum = sequence("spectrum", 161, 2);
  const int zeros = weight("zeros", Layout::kPanels, {2, kTaps}, 2 * kTaps);
  const int one = weight("one", Layout::kPlain, {kTaps}, kTaps);
  g.tensors.back().values[kMiddle] = 1.0f;
  const int taps = sequence("taps", 161, kTaps);
  const int filtered = sequence("filtered", 161, 2);
  const int voice = sequence("voice", 1, 160);
  g.nodes = {{"spectrum", "stft", {hops}, {spectrum}, {}, {}},
             {"taps", "linear", {spectrum, zeros, one}, {taps}, {}, {}},
             {"filtered",
              "deep_filter",
              {taps, spectrum},
              {filtered},
              {{"kernel_t", {5}}, {"kernel_f", {3}}, {"past", {2}}, {"future", {2}}},
              {}},
             {"voice", "istft", {filtered}, {voice}, {}, {}}};
  g.inputs = {hops, 1};
  g.outputs = {voice};
  return model;
}

struct IdentityPlace : Workplace {
  IdentityPlace() {
    write_model_file(*this / "tiny.lgm", identity_model());
  }
  Outcome extract(const std::string& from, const std::string& to, const std::string& more = "") {
    return run_tool("extract --model " + *this / "tiny.lgm" + " --profile " +
                    *this / "who.profile" + " " + *this / from + " -o " + *this / to + " " + more);
  }
};

struct Read {
  int rate_hz = 0;
  int channels = 0;
  std::vector<float> samples;
};

Read read_file_of(const std::string& path) {
  SF_INFO info = {};
  SNDFILE* file = sf_open(path.c_str(), SFM_READ, &info);
  REQUIRE(file);
  Read out{info.samplerate, info.channels, {}};
  out.samples.resize(static_cast<size_t>(info.frames * info.channels));
  sf_read_float(file, out.samples.data(), static_cast<sf_count_t>(out.samples.size()));
  sf_close(file);
  return out;
}

/// A smooth pulse of about 600 Hz width at sample `centre`, which need not be whole, and a weak
/// tone.
std::vector<float> pulse(size_t samples, int rate_hz, double centre) {
  std::vector<float> out(samples);
  for (size_t i = 0; i < samples; ++i) {
    const double s = (static_cast<double>(i) - centre) / rate_hz;
    const double t = static_cast<double>(i) / rate_hz;
    out[i] = static_cast<float>(0.8 * std::exp(-0.5 * std::pow(s / 0.0004, 2)) +
                                0.02 * std::sin(2.0 * std::numbers::pi * 440.0 * t));
  }
  return out;
}

/// 10 log10 of power over power of the difference, the first and last `margin` samples left out.
double snr_db(const std::vector<float>& got, const std::vector<float>& want, size_t margin) {
  double signal = 0.0;
  double noise = 0.0;
  for (size_t i = margin; i + margin < want.size(); ++i) {
    signal += want[i] * want[i];
    noise += (got[i] - want[i]) * (got[i] - want[i]);
  }
  return 10.0 * std::log10(signal / noise);
}

}  // namespace

TEST_CASE("extract: at any rate the output has rate, length and place of the input") {
  IdentityPlace at;
  for (const int rate_hz : {8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000}) {
    CAPTURE(rate_hz);
    const size_t samples = static_cast<size_t>(rate_hz) + 77;
    const size_t centre = samples / 3 + 1;
    const std::vector<float> in = pulse(samples, rate_hz, static_cast<double>(centre));
    write_wav(at / "in.wav", in, {.rate_hz = rate_hz, .coding = SF_FORMAT_FLOAT});
    const Outcome done = at.extract("in.wav", "out.wav");
    INFO(done.text);
    REQUIRE(done.code == 0);
    CHECK(done.says(std::to_string(rate_hz) + " Hz converted") == (rate_hz != 16000));
    const Read out = read_file_of(at / "out.wav");
    CHECK(out.rate_hz == rate_hz);
    REQUIRE(out.samples.size() == samples);
    const std::vector<float> want = without_low(in, rate_hz);
    const auto peak = std::max_element(out.samples.begin(), out.samples.end());
    CHECK(peak - out.samples.begin() == std::max_element(want.begin(), want.end()) - want.begin());
    CHECK(snr_db(out.samples, want, samples / 50) > 60.0);
  }
}

TEST_CASE("extract: an impulse stays at its sample") {
  IdentityPlace at;
  for (const int rate_hz : {8000, 16000, 44100, 48000}) {
    CAPTURE(rate_hz);
    std::vector<float> in(static_cast<size_t>(rate_hz));
    in[5001] = 0.9f;
    write_wav(at / "in.wav", in, {.rate_hz = rate_hz, .coding = SF_FORMAT_FLOAT});
    REQUIRE(at.extract("in.wav", "out.wav").code == 0);
    const Read out = read_file_of(at / "out.wav");
    const auto peak = std::max_element(out.samples.begin(), out.samples.end());
    CHECK(peak - out.samples.begin() == 5001);
    // What the lower rate carries of an impulse is symmetric about it, but for the tail of LowCut
    // and LowRestore, which begins with 0.9 * 0.009 at 8 kHz. Half a sample would be 0.3.
    constexpr float kTail = 0.01f;
    for (size_t i = 1; i < 40; ++i) {
      CHECK(std::abs(out.samples[5001 - i] - out.samples[5001 + i]) < kTail);
    }
  }
}

TEST_CASE("extract: channels that carry sound are averaged, and said") {
  IdentityPlace at;
  const std::vector<float> left = tone(16000, 330.0f);
  std::vector<float> both;
  for (const float x : left) {
    both.insert(both.end(), {x, -0.5f * x, 0.0f});
  }
  write_wav(at / "in.wav", both, {.channels = 3, .coding = SF_FORMAT_FLOAT});
  const Outcome done = at.extract("in.wav", "out.wav");
  INFO(done.text);
  REQUIRE(done.code == 0);
  CHECK(done.says("3 channels mixed to one"));
  const Read out = read_file_of(at / "out.wav");
  CHECK(out.channels == 1);
  REQUIRE(out.samples.size() == left.size());
  CHECK(out.samples[8000] == doctest::Approx(without_low(left)[8000] / 4.0f).epsilon(0.001));
}

TEST_CASE("extract: RAW in, RAW out") {
  IdentityPlace at;
  std::string raw;
  const std::vector<float> in = tone(16000, 330.0f);
  for (const float x : in) {
    const auto word = static_cast<int16_t>(std::lround(x * 32768.0f));
    raw += std::string(reinterpret_cast<const char*>(&word), 2) + std::string(2, '\0');
  }
  write_file(at / "in.raw", raw);
  CHECK(at.extract("in.raw", "out.wav").says("expected the option --raw"));
  const Outcome done = at.extract("in.raw", "out.raw", "--raw 16000:2:s16");
  INFO(done.text);
  REQUIRE(done.code == 0);
  const std::string out = read_file(at / "out.raw");
  REQUIRE(out.size() == raw.size() / 2);
  int16_t word = 0;
  std::copy_n(out.data() + 2 * 8000, 2, reinterpret_cast<char*>(&word));
  // Of the two channels one carries sound.
  CHECK(word == doctest::Approx(without_low(in)[8000] * 32768.0f).epsilon(0.01));
  CHECK(at.extract("in.raw", "out.raw", "--raw 16000:2:s17").code == 2);
}

TEST_CASE("parse_raw: what it takes and what not") {
  CHECK(cli::parse_raw("48000")->rate_hz == 48000);
  CHECK(cli::parse_raw("48000:2")->channels == 2);
  CHECK(cli::parse_raw("8000:6:f32")->coding == SF_FORMAT_FLOAT);
  for (const char* bad : {"",
                          "x",
                          "48000:",
                          "48000:0",
                          "48000:2:",
                          "48000:2:s9",
                          "48000:2:s16x",
                          "7999",
                          "96001",
                          "48000:1025",
                          "-48000",
                          "48000:2:s16:1"}) {
    CAPTURE(bad);
    CHECK_FALSE(cli::parse_raw(bad));
  }
}

TEST_CASE("rates: a recording keeps its place in time, converted at once or in whatever pieces") {
  for (const auto& [from_hz, to_hz] : {std::pair{8000, 16000},
                                       {11025, 16000},
                                       {16000, 16000},
                                       {44100, 16000},
                                       {44101, 16000},
                                       {16000, 48000},
                                       {96000, 16000}}) {
    CAPTURE(from_hz);
    CAPTURE(to_hz);
    const std::vector<float> x = pulse(static_cast<size_t>(from_hz) / 2 + 77, from_hz, 3001);
    Array<float> whole;
    REQUIRE(resample_recording(x, 1, from_hz, to_hz, &whole).ok());
    cli::RateConverter converter(from_hz, to_hz);
    std::vector<float> pieces;
    for (size_t at = 0, size = 1; at < x.size(); at += size, size = size * 7 % 5003) {
      converter.push(std::span<const float>(x).subspan(at, std::min(size, x.size() - at)), &pieces);
    }
    converter.finish(samples_at(static_cast<int64_t>(x.size()), from_hz, to_hz), &pieces);
    CHECK(pieces == std::vector<float>(whole.begin(), whole.end()));
    const std::vector<float> wanted = pulse(pieces.size(), to_hz, 3001.0 * to_hz / from_hz);
    CHECK(snr_db(pieces, wanted, pieces.size() / 50) > 60.0);
  }
}

TEST_CASE("rates: counts, nothing at all, channels and equal rates") {
  CHECK(samples_at(44100, 44100, 16000) == 16000);
  CHECK(samples_at(44101, 44100, 16000) == 16001);
  std::vector<float> out;
  cli::RateConverter(44100, 16000).finish(10, &out);
  CHECK(out == std::vector<float>(10, 0.0f));
  Array<float> mono;
  REQUIRE(resample_recording({}, 1, 44100, 16000, &mono).ok());
  CHECK(mono.size() == 0);
  const std::vector<float> pairs = {1.0f, 0.5f, -1.0f, 0.0f};
  REQUIRE(resample_recording(pairs, 2, 16000, 16000, &mono).ok());
  CHECK(std::vector<float>(mono.begin(), mono.end()) == std::vector<float>{0.75f, -0.5f});
}

}  // namespace ligero::testing
