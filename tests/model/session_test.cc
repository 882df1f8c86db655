// SPDX-License-Identifier: Apache-2.0
// The live session: any block size, rate and channel count; latency to the sample; no click, no
// crash.
#include "model/session/session.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include "model/format/writer.h"
#include "ops/table.h"
#include "runtime/cpu_run.h"
#include "tests/support/without_low.h"

namespace ligero {
namespace {

using testing::without_low;

const std::string kFamily(64, 'a');

/// hops -> STFT -> times a gain per bin from the profile -> inverse STFT. `levelled`: brought to
/// the level of the whole recording in between, and back, which needs everything and changes
/// nothing.
ModelDraft gain_model(bool levelled = false) {
  GraphDraft g;
  g.name = "extract";
  const auto tensor = [&](const char* name, Kind kind, std::vector<int32_t> dims) {
    TensorDraft t;
    t.name = name;
    t.kind = kind;
    t.dims = std::move(dims);
    g.tensors.push_back(t);
    return static_cast<int>(g.tensors.size()) - 1;
  };
  const auto node = [&](const char* op, const char* name, std::vector<int> in, int out) {
    NodeDraft n;
    n.name = name;
    n.op = op;
    n.inputs = std::move(in);
    n.outputs = {out};
    g.nodes.push_back(n);
  };
  const int hops = tensor("mix_hops", Kind::kSequence, {1, 160});
  const int gain = tensor("profile.gain", Kind::kConstant, {161, 2});
  const int spectrum = tensor("mix.stft", Kind::kSequence, {161, 2});
  const int scaled = tensor("scaled", Kind::kSequence, {161, 2});
  const int out = tensor("out", Kind::kSequence, {1, 160});
  node("stft", "mix.stft", {hops}, spectrum);
  node("multiply", "scaled", {spectrum, gain}, scaled);
  int last = scaled;
  if (levelled) {
    const int level = tensor("level", Kind::kSequence, {1, 1});
    const int loud = tensor("loud", Kind::kSequence, {161, 2});
    last = tensor("back", Kind::kSequence, {161, 2});
    node("input_level", "level", {hops}, level);
    node("multiply", "loud", {scaled, level}, loud);
    node("divide", "back", {loud, level}, last);
  }
  node("istft", "out", {last}, out);
  g.inputs = {hops, gain};
  g.outputs = {out};
  ModelDraft m;
  m.graphs = {g};
  m.metadata = {{"name", "gain"}};
  m.family = kFamily;
  return m;
}

Profile profile_of(float gain) {
  std::vector<float> values(161 * 2, gain);
  Tensor t;
  t.name = "profile.gain";
  t.kind = Kind::kConstant;
  t.rank = 2;
  t.dim[0] = 161;
  t.dim[1] = 2;
  t.data = values.data();
  Result<Profile> p = Profile::create(kFamily, {&t, 1});
  REQUIRE(p.ok());
  return std::move(p.value());
}

struct Fixture {
  std::vector<std::byte> bytes;
  AlignedBlock file;
  Model model;
  explicit Fixture(bool levelled = false) : bytes(write_model(gain_model(levelled))) {
    REQUIRE(file.allocate(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), file.data());
    Result<Model> m = Model::open({file.data(), bytes.size()}, all_ops());
    REQUIRE(m.ok());
    model = std::move(m.value());
  }
};

struct Live {
  AlignedBlock block;
  SessionGroup group;
  Session& stream;
  Live(const Fixture& f, const SessionConfig& config) : Live(plan_sessions(f.model, config)) {}
  explicit Live(Result<SessionPlan> plan) : stream(start(std::move(plan))) {}
  void process(const float* const* in, float* const* out, int32_t frames) {
    group.process(in, out, frames);
  }

 private:
  Session& start(Result<SessionPlan> plan) {
    REQUIRE(plan.ok());
    REQUIRE(block.allocate(plan.value().bytes));
    REQUIRE(group.start(std::move(plan.value()), block.data(), block.size()).ok());
    return group[0];
  }

 public:
  std::vector<float> run(const std::vector<float>& x, unsigned seed = 0) {
    std::vector<float> y(x.size());
    std::mt19937 random(seed);
    for (size_t at = 0; at < x.size();) {
      const size_t n = seed == 0 ? 160 : 1 + random() % 4096;
      const size_t m = std::min(n, x.size() - at);
      const float* in[1] = {x.data() + at};
      float* out[1] = {y.data() + at};
      group.process(in, out, static_cast<int32_t>(m));
      at += m;
    }
    return y;
  }
};

std::vector<float> noise(size_t n, unsigned seed, float level = 0.1f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, level);
  std::vector<float> x(n);
  for (float& v : x) {
    v = normal(random);
  }
  return x;
}

/// The mean of two channels; what is no sound is zero.
std::vector<float> mean_of(const std::vector<float>& a, const std::vector<float>& b) {
  const auto clean = [](float v) { return std::fabs(v) <= Signal::kLoudestSample ? v : 0.0f; };
  std::vector<float> mean(a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    mean[i] = 0.5f * (clean(a[i]) + clean(b[i]));
  }
  return mean;
}

TEST_CASE("session: the output is the input, later by exactly the stated latency") {
  Fixture f;
  const Profile one = profile_of(1.0f);
  for (int32_t rate : {16000, 8000, 24000, 32000, 44100, 48000, 96000}) {
    CAPTURE(rate);
    Live live(f, {.rate_hz = rate});
    REQUIRE(live.stream.set_target(one).ok());
    const int latency = live.stream.latency_samples();
    CHECK(latency * 1000.0 / rate <= (rate == 16000 ? 20.01 : rate == 8000 ? 40.0 : 35.0));
    // A band-limited pulse, after the fade-in.
    const size_t at = static_cast<size_t>(rate) / 2;
    std::vector<float> x(static_cast<size_t>(rate), 0.0f);
    const double width = rate / 2000.0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double d = (static_cast<double>(i) - static_cast<double>(at)) / width;
      x[i] = static_cast<float>(std::exp(-d * d));
    }
    const std::vector<float> y = live.run(x, 5);
    const std::vector<float> want = without_low(x, rate);
    double worst = 0;
    for (size_t i = static_cast<size_t>(latency); i < y.size(); ++i) {
      worst = std::max(
          worst, std::fabs(static_cast<double>(y[i]) - want[i - static_cast<size_t>(latency)]));
    }
    // Delays of the resamplers are fractions of a sample off where rates do not divide.
    CHECK(worst < (rate == 16000 ? 1e-6 : 0.05));
    CHECK(std::max_element(y.begin(), y.end()) - y.begin() ==
          std::max_element(want.begin(), want.end()) - want.begin() + latency);
  }
}

TEST_CASE("session: in blocks too the output is the input, later by exactly the stated latency") {
  Fixture f(true);
  const Profile one = profile_of(1.0f);
  CHECK(plan_sessions(f.model, {}).status().code == Code::kBadArgument);
  for (const BlockConfig& block : {BlockConfig{1, 0, 0}, BlockConfig{7, 3, 5}, {25, 100, 50}}) {
    CAPTURE(block.hops);
    Live live(f, {.block = block});
    REQUIRE(live.stream.set_target(one).ok());
    const int latency = live.stream.latency_samples();
    CHECK(latency == (block.hops + block.look_ahead_hops + 1) * 160);
    std::vector<float> x(32000, 0.0f);
    x[16001] = 1.0f;
    const std::vector<float> y = live.run(x, 5);
    const std::vector<float> want = without_low(x);
    const auto late = static_cast<size_t>(latency);
    for (size_t i = 0; i < y.size(); ++i) {
      REQUIRE(std::fabs(y[i] - (i >= late ? want[i - late] : 0.0f)) < 1e-5f);
    }
  }
}

TEST_CASE("session: any block sizes give identical samples, and reset equals fresh") {
  Fixture f;
  const Profile one = profile_of(0.7f);
  const std::vector<float> x = noise(40000, 1);
  for (int32_t rate : {16000, 48000, 44100}) {
    Live a(f, {.rate_hz = rate}), b(f, {.rate_hz = rate});
    REQUIRE(a.stream.set_target(one).ok());
    REQUIRE(b.stream.set_target(one).ok());
    const std::vector<float> plain = a.run(x);
    CHECK(plain == b.run(x, 7));
    b.stream.reset();
    const std::vector<float> again = b.run(x, 8);
    CHECK(std::equal(plain.begin() + 2000, plain.end(), again.begin() + 2000));
  }
}

TEST_CASE("session: two sessions of one model do not see each other") {
  Fixture f;
  const Profile p = profile_of(1.0f), q = profile_of(0.5f);
  const std::vector<float> x = noise(8000, 2), z = noise(8000, 3);
  Live a(f, {}), b(f, {}), alone(f, {});
  REQUIRE(a.stream.set_target(p).ok());
  REQUIRE(b.stream.set_target(q).ok());
  REQUIRE(alone.stream.set_target(p).ok());
  std::vector<float> y(x.size()), w(x.size());
  for (size_t at = 0; at < x.size(); at += 100) {
    const float* in1[1] = {x.data() + at};
    const float* in2[1] = {z.data() + at};
    float* out1[1] = {y.data() + at};
    float* out2[1] = {w.data() + at};
    a.process(in1, out1, 100);
    b.process(in2, out2, 100);
  }
  CHECK(y == alone.run(x));
}

TEST_CASE("session: silence until a target is set, or the input by option; bypass; strength") {
  Fixture f;
  const std::vector<float> x = noise(8000, 4);
  const auto power = [](const std::vector<float>& v) {
    double sum = 0;
    for (size_t i = v.size() / 2; i < v.size(); ++i) {
      sum += static_cast<double>(v[i]) * v[i];
    }
    return sum;
  };
  Live silent(f, {});
  CHECK(power(silent.run(x)) == 0.0);
  Live passing(f, {.pass_without_target = true});
  CHECK(power(passing.run(x)) > 0.9 * power(x));
  silent.stream.set_bypass(true);
  CHECK(power(silent.run(x)) > 0.9 * power(x));

  Live limited(f, {});
  REQUIRE(limited.stream.set_target(profile_of(0.0f)).ok());
  CHECK(power(limited.run(x)) == 0.0);
  limited.stream.set_strength(1.0f, 20.0f);
  CHECK(power(limited.run(x)) == doctest::Approx(power(x) * 0.01).epsilon(0.05));
  limited.stream.set_strength(0.5f, 100.0f);
  CHECK(power(limited.run(x)) == doctest::Approx(power(x) * 0.25).epsilon(0.05));
}

TEST_CASE("session: a target that comes back meets nothing of what was heard before") {
  Fixture f;
  Live live(f, {});
  REQUIRE(live.stream.set_target(profile_of(1.0f)).ok());
  std::vector<float> low(16000 + 40);  // ends at a peak
  for (size_t i = 0; i < low.size(); ++i) {
    low[i] = std::sin(static_cast<float>(i) * 2 * std::numbers::pi_v<float> * 30 / 16000);
  }
  live.run(low);
  live.stream.clear_target();
  live.run(noise(16000, 5));
  REQUIRE(live.stream.set_target(profile_of(0.0f)).ok());
  for (const float y : live.run(noise(16000, 6))) {
    REQUIRE(y == 0.0f);
  }
}

/// The output for `x`, `change(at)` called before each hop.
template <typename Change>
std::vector<float> run_hops(Live& live, const std::vector<float>& x, Change change) {
  std::vector<float> y(x.size());
  for (size_t at = 0; at < x.size(); at += 160) {
    change(at);
    const float* in[1] = {x.data() + at};
    float* out[1] = {y.data() + at};
    live.process(in, out, 160);
  }
  return y;
}

/// 100 Hz, at its largest where hops begin, which is where changes take effect.
std::vector<float> sine() {
  std::vector<float> x(32000);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = std::cos(static_cast<float>(i) * 2 * std::numbers::pi_v<float> * 100 / 16000);
  }
  return x;
}

constexpr float kNoClick = 0.06f;  // the sine alone moves by 0.039 a sample
constexpr float kLowVoice =
    0.11f;  // of 100 Hz: it comes back 5.8 degrees early, at 1.017 of its size

float largest_step(const std::vector<float>& y) {
  float step = 0;
  for (size_t i = 1000; i < y.size(); ++i) {
    step = std::max(step, std::fabs(y[i] - y[i - 1]));
  }
  return step;
}

TEST_CASE("session: changing the target does not click") {
  Fixture f;
  Live live(f, {});
  REQUIRE(live.stream.set_target(profile_of(1.0f)).ok());
  const std::vector<float> x = sine();
  const std::vector<float> y = run_hops(live, x, [&](size_t at) {
    if (at == 16000) {
      REQUIRE(live.stream.set_target(profile_of(-1.0f)).ok());
    }
    if (at == 24000) {
      live.stream.clear_target();
    }
  });
  CHECK(largest_step(y) < kNoClick);
  CHECK(std::fabs(y[20000] + x[20000 - 320]) < kLowVoice);
  CHECK(y.back() == 0.0f);
}

TEST_CASE("session: bypass and strength do not click, from a voice that is the input upside down") {
  Fixture f;
  Live live(f, {});
  REQUIRE(live.stream.set_target(profile_of(-1.0f)).ok());
  const std::vector<float> x = sine();
  const std::vector<float> y = run_hops(live, x, [&](size_t at) {
    live.stream.set_bypass(at >= 8000 && at < 16000);
    live.stream.set_strength(at >= 24000 ? 0.0f : 1.0f, 100.0f);
  });
  CHECK(largest_step(y) < kNoClick);
  for (const size_t at : {6000u, 14000u, 22000u, 30000u}) {
    CAPTURE(at);
    const float gain = at == 14000u || at == 30000u ? 1.0f : -1.0f;
    CHECK(std::fabs(y[at] - gain * x[at - 320]) < (gain > 0.0f ? 1e-3f : kLowVoice));
  }
}

TEST_CASE("session: garbage at the input is counted and forgotten") {
  Fixture f;
  Live live(f, {.channels = 2});
  REQUIRE(live.stream.set_target(profile_of(1.0f)).ok());
  const std::vector<float> x = noise(16000, 6);
  std::vector<float> left = x, y(x.size()), z(x.size());
  left[3000] = std::numeric_limits<float>::quiet_NaN();
  left[3001] = std::numeric_limits<float>::infinity();
  left[3002] = 1e30f;
  const float* in[2] = {left.data(), x.data()};
  float* out[2] = {y.data(), z.data()};
  live.process(in, out, static_cast<int32_t>(x.size()));
  CHECK(live.stream.statistics().cleaned_samples == 3);
  CHECK(live.stream.statistics().samples == 16000);
  CHECK(y == z);
  const std::vector<float> want = without_low(mean_of(left, x));
  for (size_t i = 4000; i < y.size(); ++i) {
    REQUIRE(std::fabs(y[i] - want[i - 320]) < 1e-5f);
  }
}

TEST_CASE(
    "session: what lies below the voice does not reach the network; bypass is the plain input") {
  Fixture f;
  std::vector<float> x = noise(32000, 7), shifted = x;
  for (float& v : shifted) {
    v += 0.25f;
  }
  Live clean(f, {}), dirty(f, {});
  REQUIRE(clean.stream.set_target(profile_of(1.0f)).ok());
  REQUIRE(dirty.stream.set_target(profile_of(1.0f)).ok());
  const std::vector<float> y = clean.run(x), z = dirty.run(shifted, 9);
  for (size_t i = 8000; i < y.size(); ++i) {
    REQUIRE(std::fabs(y[i] - z[i]) < 1e-4f);
  }
  dirty.stream.reset();
  dirty.stream.set_bypass(true);
  const std::vector<float> plain = dirty.run(shifted, 9);
  for (size_t i = 8000; i < plain.size(); ++i) {
    REQUIRE(plain[i] == shifted[i - 320]);
  }
}

TEST_CASE("session: of the channels those of the mask are heard, and counted") {
  Fixture f;
  const std::vector<float> x = noise(16000, 8), other = noise(16000, 9);
  std::vector<float> bad = other;
  bad[100] = std::numeric_limits<float>::quiet_NaN();
  const auto run = [&](uint32_t mask) {
    Live live(f, {.channels = 3, .channel_mask = mask});
    REQUIRE(live.stream.set_target(profile_of(1.0f)).ok());
    std::vector<float> y(x.size()), copy(x.size()), third(x.size());
    const float* in[3] = {bad.data(), x.data(), other.data()};
    float* out[3] = {y.data(), copy.data(), third.data()};
    live.process(in, out, static_cast<int32_t>(x.size()));
    CHECK(y == copy);
    CHECK(y == third);
    CHECK(live.stream.statistics().cleaned_samples == ((mask & 1) != 0 || mask == 0 ? 1 : 0));
    return y;
  };
  const auto alone = [&](const std::vector<float>& sound) {
    Live live(f, {});
    REQUIRE(live.stream.set_target(profile_of(1.0f)).ok());
    return live.run(sound);
  };
  CHECK(run(2) == alone(x));
  CHECK(run(6) == alone(mean_of(x, other)));
  CHECK(run(7) == run(0));
  CHECK(plan_sessions(f.model, {.channels = 3, .channel_mask = 8}).status().code ==
        Code::kBadArgument);
  CHECK(plan_sessions(f.model, {.channels = 32, .channel_mask = 0x80000001u}).ok());
}

TEST_CASE("session: what cannot be created is refused with a reason") {
  Fixture f;
  const auto code = [&](const SessionConfig& c) { return plan_sessions(f.model, c).status().code; };
  CHECK(code({.rate_hz = 7999}) == Code::kBadArgument);
  CHECK(code({.rate_hz = 192001}) == Code::kBadArgument);
  CHECK(code({.channels = 0}) == Code::kBadArgument);
  CHECK(code({.channels = 33}) == Code::kBadArgument);
  const auto plan = [&] { return std::move(plan_sessions(f.model, {}).value()); };
  const size_t bytes = plan().bytes;
  AlignedBlock block;
  REQUIRE(block.allocate(bytes + kAlignment));
  SessionGroup group;
  CHECK(group.start(plan(), block.data() + 4, bytes).code == Code::kBadArgument);
  const Status status = group.start(plan(), block.data(), bytes - 1);
  CHECK(status.code == Code::kTooLittleMemory);
  CHECK(status.where == static_cast<int64_t>(bytes));
}

}  // namespace
}  // namespace ligero
