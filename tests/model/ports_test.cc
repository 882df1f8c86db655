// SPDX-License-Identifier: Apache-2.0
// Networks of another rate and hop, without a speaker, with side outputs: what a model declares is
// what sessions and recordings do.
#include "model/session/ports.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "model/session/recording.h"
#include "model/session/session.h"
#include "ops/table.h"
#include "tests/model/toy_model.h"
#include "tests/support/denoiser.h"
#include "tests/support/without_low.h"

namespace ligero {
namespace {

using testing::denoiser;
using toy_model::Image;

/// A draft in memory, opened with the real ops.
struct Opened {
  explicit Opened(const ModelDraft& draft) : file(write_model(draft)) {
    auto m = Model::open(file.bytes(), all_ops());
    REQUIRE(std::string(m.status().message) == "ok");
    model = std::move(m.value());
  }
  Image file;
  Model model;
};

std::string refusal(const std::function<void(ModelDraft&)>& change) {
  ModelDraft draft = denoiser();
  change(draft);
  const Image file(write_model(draft));
  const auto model = Model::open(file.bytes(), all_ops());
  if (!model.ok()) {
    return model.status().message;
  }
  const auto ports = extract_ports(model.value());
  CHECK((ports.ok() || ports.status().code == Code::kBadModel ||
         ports.status().code == Code::kUnsupportedModel));
  return ports.status().message;
}

bool has(const std::string& text, const char* part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

struct Live {
  AlignedBlock block;
  SessionGroup group;
  explicit Live(const Opened& o, const SessionConfig& config) {
    auto plan = plan_sessions(o.model, config);
    REQUIRE(std::string(plan.status().message) == "ok");
    REQUIRE(block.allocate(plan.value().bytes));
    REQUIRE(group.start(std::move(plan.value()), block.data(), block.size()).ok());
  }
  void process(const float* in, float* out, size_t n) {
    group.process(&in, &out, static_cast<int32_t>(n));
  }
};

TEST_CASE("ports: rate, hop, side inputs and side outputs are those of the model file") {
  const Opened o(denoiser());
  const auto ports = extract_ports(o.model);
  REQUIRE(ports.ok());
  CHECK(ports.value().rate_hz == 24000);
  CHECK(ports.value().hop_samples == 240);
  CHECK_FALSE(ports.value().takes_profile());
  REQUIRE(ports.value().num_side_outputs == 1);
  CHECK(ports.value().side_outputs[0].name == "level");
  CHECK(ports.value().side_outputs[0].ahead_hops == 1);
  CHECK(ports.value().find_side_output("level") == 0);
  CHECK(ports.value().find_side_output("leve") == -1);
  CHECK(enroll_ports(o.model).status().code == Code::kBadArgument);
}

TEST_CASE("ports: a model file that states neither has 16 kHz and hops of 160 samples") {
  const Image file = toy_model::image(toy_model::model());
  const auto model = file.open();
  REQUIRE(model.ok());
  CHECK(model.value().rate_hz() == 16000);
  CHECK(model.value().hop_samples() == 160);
  CHECK(model.value().version_major() == 1);
  CHECK(Opened(denoiser()).model.version_major() == 2);  // older readers refuse it
}

TEST_CASE("ports: rates and hops out of range are refused with what was expected") {
  const auto rate = [](int32_t hz, int32_t hop) {
    return refusal([=](ModelDraft& m) {
      m.rate_hz = hz;
      m.hop_samples = hop;
    });
  };
  CHECK(has(rate(7999, 240), "8000 to 96000"));
  CHECK(has(rate(96001, 240), "8000 to 96000"));
  CHECK(has(rate(-1, 240), "8000 to 96000"));
  CHECK(has(rate(24000, 15), "16 to 4096"));
  CHECK(has(rate(96000, 4097), "16 to 4096"));
  CHECK(has(rate(24000, 2401), "tenth of a second"));
  CHECK(has(rate(24000, 160), "one sequence of hops"));  // the graph takes 240
}

TEST_CASE("ports: graphs of other inputs and outputs are refused") {
  const auto graph = [](const std::function<void(GraphDraft&)>& change) {
    return refusal([&](ModelDraft& m) { change(m.graphs[0]); });
  };
  CHECK(has(graph([](GraphDraft& g) { g.name = "other"; }), "no graph \"extract\""));
  CHECK(has(graph([](GraphDraft& g) {
              g.inputs.push_back(toy_model::add_tensor(&g, "second", Kind::kSequence, {1, 240}));
            }),
            "one sequence of hops"));
  CHECK(has(graph([](GraphDraft& g) { std::swap(g.outputs[0], g.outputs[1]); }),
            "one sequence of hops"));
  const int spectrum = 2;
  CHECK(has(graph([&](GraphDraft& g) { g.outputs[1] = spectrum; }), "one float a hop"));
  CHECK(has(graph([](GraphDraft& g) {
              for (const char* name : {"a", "b", "c", "d"}) {
                const int t = toy_model::add_tensor(&g, name, Kind::kSequence, {1, 1});
                g.nodes.push_back(toy_model::node("rms", name, {g.inputs[0]}, t));
                g.outputs.push_back(t);
              }
            }),
            "more side outputs than 4"));
}

double rms(std::span<const float> x) {
  double squares = 0.0;
  for (const float v : x) {
    squares += static_cast<double>(v) * static_cast<double>(v);
  }
  return std::sqrt(squares / static_cast<double>(x.size()));
}

TEST_CASE("session: a network that needs no speaker is always on, at any rate") {
  const Opened o(denoiser(24000, 240, 0.5f));
  for (const int32_t rate : {24000, 16000, 48000}) {
    CAPTURE(rate);
    Live live(o, {.rate_hz = rate});
    const auto latency = static_cast<size_t>(live.group[0].latency_samples());
    CHECK(latency >= static_cast<size_t>(rate) / 50);
    CHECK(latency < static_cast<size_t>(rate) / 25);
    std::vector<float> x(static_cast<size_t>(rate));
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = std::sin(0.1f * static_cast<float>(i) * 16000.0f / static_cast<float>(rate));
    }
    std::vector<float> y(x.size());
    for (size_t at = 0; at < x.size(); at += 100) {
      live.process(x.data() + at, y.data() + at, std::min<size_t>(100, x.size() - at));
    }
    const std::vector<float> want = testing::without_low(x, rate);
    double worst = 0.0;
    for (size_t i = x.size() / 2; i < x.size(); ++i) {
      worst = std::fmax(worst, std::fabs(y[i] - 0.5f * want[i - latency]));
    }
    CHECK(worst < (rate == 24000 ? 1e-5 : 0.02));
  }
}

TEST_CASE("session: latency is the synthesis window and the declared look-ahead, to the sample") {
  struct Case {
    int32_t hop;
    int32_t late;  // samples, of the windows alone
    testing::DenoiserWindows windows;
  };
  const Case cases[] = {
      {160, 320, {.window = 320}},
      {256, 512, {.window = 512, .analysis = 1, .synthesis = 1}},
      {160, 320, {.window = 512, .synthesis_samples = 320, .analysis = 2, .synthesis = 2}},
      {480, 960, {.window = 960, .analysis = 1, .synthesis = 1}},
      {256, 1024, {.window = 1024}},
      {100, 300, {.window = 2048, .synthesis_samples = 300, .analysis = 2, .synthesis = 2}},
  };
  for (const Case& c : cases) {
    for (const int32_t ahead : {0, 2}) {
      CAPTURE(c.windows.window);
      CAPTURE(c.hop);
      CAPTURE(ahead);
      testing::DenoiserWindows windows = c.windows;
      windows.look_ahead = ahead;
      const Opened o(denoiser(16000, c.hop, 1.0f, windows));
      Live live(o, {.rate_hz = 16000});
      const int32_t latency = live.group[0].latency_samples();
      CHECK(latency == c.late + ahead * c.hop);
      std::vector<float> x(16000);
      for (size_t i = 0; i < x.size(); ++i) {
        x[i] = std::sin(1e-4f * static_cast<float>(i * i % 62831));
      }
      std::vector<float> y(x.size());
      live.process(x.data(), y.data(), x.size());
      std::vector<float> whole(x.size());
      REQUIRE(extract(o.model, nullptr, x, whole).ok());
      const std::vector<float> want = testing::without_low(x);
      double worst = 0.0;
      double worst_whole = 0.0;
      for (size_t i = 0; i < x.size(); ++i) {
        const auto late = static_cast<size_t>(latency);
        worst_whole = std::fmax(worst_whole, std::fabs(whole[i] - want[i]));
        if (i >= late + 160) {  // the voice fades in over 10 ms
          worst = std::fmax(worst, std::fabs(y[i] - want[i - late]));
        }
      }
      CHECK(worst < 1e-5);
      CHECK(worst_whole < 1e-5);
    }
  }
}

TEST_CASE("session: a profile for a network that takes none is refused, and nothing changes") {
  const Opened o(denoiser());
  Live live(o, {.rate_hz = 24000});
  const Profile none;
  const Status status = live.group[0].set_target(none);
  CHECK(status.code == Code::kBadArgument);
  CHECK(has(status.message, "takes no profile"));
  live.group[0].clear_target();
  std::vector<float> x(4800);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = i % 2 == 0 ? 0.25f : -0.25f;
  }
  live.process(x.data(), x.data(), x.size());
  CHECK(std::fabs(x.back()) > 0.1f);
}

TEST_CASE("session: a side output belongs to the hop whose voice has last gone out") {
  const Opened o(denoiser());
  Live live(o, {.rate_hz = 24000});
  CHECK(live.group[0].side_output(0) == 0.0f);
  std::vector<float> x(40 * 240);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = (i % 2 == 0 ? 0.01f : -0.01f) * static_cast<float>(i / 240 + 1);
  }
  const std::vector<float> heard = testing::heard(x, 24000);
  for (size_t hop = 0; hop < 40; ++hop) {
    live.process(x.data() + hop * 240, x.data() + hop * 240, 240);
    // The voice of hop h goes out with hop h + 1: the inverse STFT's lag.
    const double want = hop == 0 ? 0.0 : rms({heard.data() + (hop - 1) * 240, 240});
    CHECK(live.group[0].side_output(0) == doctest::Approx(want).epsilon(1e-5));
  }
  live.group[0].reset();
  CHECK(live.group[0].side_output(0) == 0.0f);
}

TEST_CASE("extract: without a profile where none is taken, with the side outputs of every hop") {
  const Opened o(denoiser());
  std::vector<float> x(24077);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = std::sin(0.07f * static_cast<float>(i)) * static_cast<float>(i / 240 % 7);
  }
  std::vector<float> y(x.size());
  SideSignals side;
  REQUIRE(extract(o.model, nullptr, x, y, {}, nullptr, &side).ok());
  const std::vector<float> want = testing::without_low(x, 24000);
  const std::vector<float> heard = testing::heard(x, 24000);
  for (size_t i = 0; i < x.size(); ++i) {
    REQUIRE(y[i] == doctest::Approx(0.5 * want[i]).epsilon(1e-4).scale(1.0));
  }
  REQUIRE(side.hops == (24077 + 239) / 240);
  for (int64_t hop = 0; hop + 1 < side.hops; ++hop) {
    const auto h = static_cast<size_t>(hop);
    CHECK(side.of(0)[h] == doctest::Approx(rms({heard.data() + h * 240, 240})).epsilon(1e-4));
  }
  const Profile none;
  CHECK(extract(o.model, &none, x, y).code == Code::kBadArgument);
}

TEST_CASE(
    "sessions of one group: a second one costs less than the first, and hears nothing of the "
    "first") {
  const Opened o(denoiser());
  const auto bytes = [&](int32_t n) {
    return plan_sessions(o.model, {.rate_hz = 24000}, n).value().bytes;
  };
  CHECK(bytes(16) - bytes(15) == bytes(3) - bytes(2));
  CHECK(bytes(16) < 16 * bytes(1));
  auto plan = plan_sessions(o.model, {.rate_hz = 24000}, 2);
  REQUIRE(plan.ok());
  AlignedBlock block;
  REQUIRE(block.allocate(plan.value().bytes));
  SessionGroup group;
  REQUIRE(group.start(std::move(plan.value()), block.data(), block.size()).ok());
  Live alone(o, {.rate_hz = 24000});
  std::vector<float> x(9600), y(9600), z(9600, 0.3f), w(9600);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = std::sin(0.05f * static_cast<float>(i));
  }
  for (size_t at = 0; at < x.size(); at += 160) {
    const bool rests = at / 160 % 5 == 3;  // the second one stands still
    const float* in[2] = {x.data() + at, rests ? nullptr : z.data() + at};
    float* out[2] = {y.data() + at, w.data() + at};
    group.process(in, out, 160);
  }
  std::vector<float> want(x.size());
  alone.process(x.data(), want.data(), x.size());
  CHECK(y == want);
  CHECK(group[0].statistics().samples == 9600);
  CHECK(group[1].statistics().samples == 9600 - 160 * 12);
  CHECK(plan_sessions(o.model, {}, 0).status().code == Code::kBadArgument);
  CHECK(plan_sessions(o.model, {}, 65536).status().code == Code::kBadArgument);
}

}  // namespace
}  // namespace ligero
