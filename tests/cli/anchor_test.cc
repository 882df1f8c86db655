// SPDX-License-Identifier: Apache-2.0
// What enrolment says of recordings that are not one person's voice. Not: the profile
// (commands_test.cc).
#include "model/session/anchor.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "model/session/verify.h"
#include "platforms/cli/sound/sound.h"
#include "tests/cli/tool.h"
#include "tests/support/random.h"

namespace ligero::testing {
namespace {

constexpr int kRateHz = 16000;
constexpr size_t kSamples = 6 * kRateHz;

// Said twice: more than 5 s of speech.
std::vector<float> voice() {
  std::vector<float> out =
      cli::read_sound(LIGERO_SOURCE_DIR "/platforms/demo/mixed_pair_anchor.flac").samples;
  const std::vector<float> once = out;
  out.insert(out.end(), once.begin(), once.end());
  return out;
}

std::vector<float> noise(float level) {
  return Random(3).floats(kSamples, -level, level);
}

double sine(double hz, size_t sample) {
  return std::sin(2.0 * std::numbers::pi * hz * static_cast<double>(sample) / kRateHz);
}

// Four notes a second, struck and dying away.
std::vector<float> music() {
  constexpr size_t kNote = kRateHz / 4;
  Random random(5);
  std::vector<float> out(kSamples);
  double hz = 0.0;
  for (size_t i = 0; i < out.size(); ++i) {
    if (i % kNote == 0) {
      hz = 220.0 * std::exp2(std::floor(random.floats(1, 0.0f, 12.0f)[0]) / 12.0);
    }
    const double age = static_cast<double>(i % kNote) / kRateHz;
    out[i] = static_cast<float>(0.1 * std::exp(-3.0 * age) *
                                (sine(hz, i) + 0.5 * sine(2.0 * hz, i) + 0.3 * sine(3.0 * hz, i)));
  }
  return out;
}

std::vector<float> plain_tone(double hz) {
  std::vector<float> out(kSamples);
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(0.2 * sine(hz, i));
  }
  return out;
}

AnchorQuality measured(const std::vector<float>& samples) {
  const Result<AnchorQuality> quality = measure_anchor(samples, kRateHz);
  REQUIRE(quality.ok());
  return quality.value();
}

// The tiny model with a speaker network: the root of the power of each of the 160 places of a hop.
ModelDraft voiced_model() {
  ModelDraft model = tiny_model();
  model.graphs[0].tensors[3].name = kVoiceTensor;
  return model;
}

}  // namespace

TEST_CASE("anchor: noise, music and a tone are heard for what they are, a voice is none of them") {
  CHECK(advice(measured(voice())) == AnchorAdvice::kNone);
  CHECK(advice(measured(noise(0.1f))) == AnchorAdvice::kNoVoice);
  for (const double hz : {120.0, 440.0, 1000.0}) {
    CAPTURE(hz);
    CHECK(advice(measured(plain_tone(hz))) == AnchorAdvice::kNoSpeech);
  }
  CHECK(advice(measured(music())) == AnchorAdvice::kNoSpeech);
}

TEST_CASE("anchor: an offset is measured and takes no part in levels") {
  const AnchorQuality clean = measured(voice());
  CHECK(clean.offset_db < kOffsetDb);
  for (const double offset_db : {-40.0, -20.0}) {
    std::vector<float> shifted = voice();
    for (float& x : shifted) {
      x += static_cast<float>(std::pow(10.0, offset_db / 20.0));
    }
    const AnchorQuality q = measured(shifted);
    CHECK(q.offset_db == doctest::Approx(offset_db).epsilon(0.02));
    CHECK(q.noise_db == doctest::Approx(clean.noise_db).epsilon(0.02));
    CHECK(q.speech_seconds == doctest::Approx(clean.speech_seconds).epsilon(0.02));
  }
}

TEST_CASE(
    "anchor: mains hum is found in a voice, of 50 and of 60 Hz, and none where there is none") {
  CHECK(measured(voice()).hum_hz == 0.0);
  CHECK(measured(music()).hum_hz == 0.0);
  CHECK(measured(tone(kSamples, 150.0f)).hum_hz == 0.0);  // a low voice that does not move
  for (const double mains : {50.0, 60.0}) {
    CAPTURE(mains);
    std::vector<float> hummed = voice();
    std::vector<float> rectified = noise(0.001f);  // twice and three times the frequency
    for (size_t i = 0; i < hummed.size(); ++i) {
      hummed[i] += static_cast<float>(0.01 * sine(mains, i));
    }
    for (size_t i = 0; i < rectified.size(); ++i) {
      rectified[i] += static_cast<float>(0.01 * (sine(2.0 * mains, i) + sine(3.0 * mains, i)));
    }
    std::vector<float> doubled = noise(0.001f);  // twice the frequency alone
    for (size_t i = 0; i < doubled.size(); ++i) {
      doubled[i] += static_cast<float>(0.01 * sine(2.0 * mains, i));
    }
    CHECK(measured(doubled).hum_hz == mains);
    const AnchorQuality with_voice = measured(hummed);
    CHECK(with_voice.hum_hz == mains);
    CHECK(with_voice.hum_db == doctest::Approx(-43.0).epsilon(0.05));
    const AnchorQuality alone = measured(rectified);
    CHECK(alone.hum_hz == mains);
    CHECK(alone.hum_db == doctest::Approx(-40.0).epsilon(0.02));
  }
}

TEST_CASE("enroll: --strict refuses what is no voice, writes nothing, and takes a voice") {
  const Workplace at;
  write_wav(at / "voice.wav", voice());
  write_wav(at / "music.wav", music());
  const std::string line =
      "enroll --model " + at / "tiny.lgm" + " -o " + at / "new.profile" + " --strict ";
  const Outcome refused = run_tool(line + at / "music.wav");
  INFO(refused.text);
  CHECK(refused.code == 1);
  CHECK(refused.says("sounds like music or a tone"));
  CHECK(refused.says("no profile is written"));
  CHECK(at.folder.names().count("new.profile") == 0);
  const Outcome taken = run_tool(line + at / "voice.wav");
  INFO(taken.text);
  CHECK(taken.code == 0);
  CHECK(taken.says("% voiced"));
  CHECK(at.folder.names().count("new.profile") == 1);
}

TEST_CASE("enroll: an offset and hum are named") {
  const Workplace at;
  std::vector<float> samples = voice();
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i] += 0.02f + static_cast<float>(0.01 * sine(50.0, i));
  }
  write_wav(at / "bad.wav", samples);
  const Outcome done =
      run_tool("enroll --model " + at / "tiny.lgm " + at / "bad.wav" + " -o " + at / "new.profile");
  INFO(done.text);
  CHECK(done.says("a DC offset of -34.0 dB"));
  CHECK(done.says("mains hum of 50 Hz at -4"));
}

TEST_CASE("enroll: two talkers one after the other in one file do not agree") {
  const Workplace at;
  write_model_file(at / "voiced.lgm", voiced_model());
  std::vector<float> one = voice();
  std::vector<float> two = one;
  for (size_t i = 0; i < one.size(); ++i) {
    const bool second = i >= one.size() / 2;
    const bool early = i % 160 < 80;
    one[i] = early ? one[i] : 0.0f;
    two[i] = early == second ? 0.0f : two[i];
  }
  write_wav(at / "one.wav", one);
  write_wav(at / "two.wav", two);
  const std::string line = "enroll --model " + at / "voiced.lgm" + " -o " + at / "new.profile ";
  const Outcome alone = run_tool(line + at / "one.wav");
  INFO(alone.text);
  CHECK(alone.says("its halves agree by 0.9"));
  CHECK_FALSE(alone.says("do not sound like one person"));
  const Outcome both = run_tool(line + "--strict " + at / "two.wav");
  INFO(both.text);
  CHECK(both.code == 1);
  CHECK(both.says("the halves do not sound like one person"));
}

}  // namespace ligero::testing
