// SPDX-License-Identifier: Apache-2.0
// Enrolment and extraction of whole recordings, and runs of single graphs.
#include "model/session/recording.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/model/toy_model.h"
#include "tests/support/test_run.h"
#include "tests/support/without_low.h"

namespace ligero {
namespace {

using toy_model::Image;

/// The toy model, open. enroll: voice = mean over hops of 0.5 * weight * hop (by samples);
/// extract: out = mixture + voice.
struct Toy {
  Toy() {
    auto opened = file.open();
    REQUIRE(opened.ok());
    model = std::move(opened.value());
  }
  float weight(size_t i) const {
    return draft.graphs[0].tensors[1].values[i];
  }
  ModelDraft draft = toy_model::model();
  Image file = toy_model::image(draft);
  Model model;
};

/// A second whose samples are all `level` or its negative.
std::vector<float> buzz(float level) {
  std::vector<float> x(16000);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = i % 2 == 0 ? level : -level;
  }
  return x;
}

Profile enrolled(const Toy& toy, uint64_t seed = 5) {
  auto profile = enroll(toy.model, testing::Random(seed).floats(16000));
  REQUIRE(profile.ok());
  return std::move(profile.value());
}

TEST_CASE("enroll: every sample of every anchor counts once, whatever the lengths") {
  const Toy toy;
  for (const std::vector<size_t>& lengths :
       std::vector<std::vector<size_t>>{{16000}, {16001}, {16159, 20000}, {17000, 16000, 16080}}) {
    testing::Random random(lengths.size());
    std::vector<std::vector<float>> anchors;
    std::vector<std::span<const float>> views;
    std::vector<float> joined;
    for (size_t n : lengths) {
      anchors.push_back(random.floats(n));
      joined.insert(joined.end(), anchors.back().begin(), anchors.back().end());
    }
    joined = testing::heard(joined);
    views.assign(anchors.begin(), anchors.end());
    RecordingReport report;
    auto profile = enroll(toy.model, views, {}, &report);
    REQUIRE(profile.ok());
    CHECK(profile.value().family() == toy_model::kFamily);
    CHECK(report.samples == static_cast<int64_t>(joined.size()));
    CHECK(report.frames == 1 + (static_cast<int64_t>(joined.size()) + 159) / 160);
    CHECK(report.cleaned_samples == 0);
    CHECK(report.memory.bytes() > 0);
    CHECK(report.level_db == doctest::Approx(10 * std::log10(1.0 / 3)).epsilon(0.01));
    const auto voice = profile.value().find("voice");
    REQUIRE(voice.size() == 160);
    for (size_t c = 0; c < 160; ++c) {
      double sum = 0;
      for (size_t i = c; i < joined.size(); i += 160) {
        sum += 0.5 * static_cast<double>(toy.weight(c)) * static_cast<double>(joined[i]);
      }
      CHECK(static_cast<double>(voice[c]) ==
            doctest::Approx(sum * 160 / static_cast<double>(joined.size())).epsilon(1e-4));
    }
  }
}

TEST_CASE("enroll: a short, silent or missing anchor is refused") {
  const Toy toy;
  const auto code = [&](std::vector<std::vector<float>> anchors, int32_t index, const char* part) {
    const std::vector<std::span<const float>> views(anchors.begin(), anchors.end());
    const auto profile = enroll(toy.model, views);
    REQUIRE_FALSE(profile.ok());
    CHECK(profile.status().code == Code::kBadArgument);
    CHECK(profile.status().index == index);
    CAPTURE(profile.status().message);
    CHECK(std::string_view(profile.status().message).find(part) != std::string_view::npos);
  };
  const std::vector<float> good = buzz(0.1f);
  code({}, -1, "no anchor");
  code({{}}, 0, "shorter than 1 s");
  code({std::vector<float>(15999, 0.1f)}, 0, "shorter than 1 s");
  code({good, std::vector<float>(300, 0.1f)}, 1, "shorter than 1 s");
  code({std::vector<float>(16000, 0.0f)}, 0, "silent");
  code({good, good, buzz(0.0003f)}, 2, "silent");
  code({std::vector<float>(16000, -0.9f), good}, 0, "silent");  // an offset is no voice
  code({std::vector<float>(16000, std::numeric_limits<float>::quiet_NaN())}, 0, "silent");
  CHECK(enroll(toy.model, buzz(0.0004f)).ok());
}

TEST_CASE("extract: the output has the input's length and is aligned to it") {
  const Toy toy;
  const Profile profile = enrolled(toy);
  const auto voice = profile.find("voice");
  for (size_t n : {1, 2, 159, 160, 161, 320, 64000, 64077}) {
    const std::vector<float> mixture = testing::Random(n).floats(n);
    std::vector<float> out(n, -1.0f);
    RecordingReport report;
    REQUIRE(extract(toy.model, &profile, mixture, out, {}, &report).ok());
    CHECK(report.samples == static_cast<int64_t>(n));
    std::vector<float> given = testing::heard(mixture);
    for (size_t i = 0; i < n; ++i) {
      given[i] += voice[i % 160];
    }
    std::vector<float> expected(n);
    restore(given, 16000, expected);
    REQUIRE(out == expected);
    std::vector<float> same = mixture;
    REQUIRE(extract(toy.model, &profile, same, same).ok());
    CHECK(same == out);
  }
}

TEST_CASE("recordings: an offset reaches neither a profile nor the network") {
  const Toy toy;
  const std::vector<float> clean = testing::Random(11).floats(32000);
  std::vector<float> shifted = clean;
  for (float& x : shifted) {
    x += 0.5f;
  }
  const Result<Profile> profile = enroll(toy.model, clean);
  const Result<Profile> other = enroll(toy.model, shifted);
  REQUIRE(profile.ok());
  REQUIRE(other.ok());
  const auto a = profile.value().find("voice");
  const auto b = other.value().find("voice");
  for (size_t i = 0; i < a.size(); ++i) {
    REQUIRE(std::fabs(a[i] - b[i]) < 0.01f);  // the step at the first sample, over two seconds
  }
  std::vector<float> out(clean.size()), out_shifted(clean.size());
  REQUIRE(extract(toy.model, &profile.value(), clean, out).ok());
  REQUIRE(extract(toy.model, &profile.value(), shifted, out_shifted).ok());
  for (size_t i = 8000; i < out.size(); ++i) {
    REQUIRE(std::fabs(out[i] - out_shifted[i]) < 1e-4f);
  }
  // Of -60 dB, and yet no voice.
  CHECK(enroll(toy.model, std::vector<float>(16000, 0.001f)).status().code == Code::kBadArgument);
}

TEST_CASE("extract: NaN and infinities become zero and are counted") {
  const Toy toy;
  const Profile profile = enrolled(toy);
  std::vector<float> clean = testing::Random(9).floats(1000);
  std::vector<float> dirty = clean;
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity()};
  for (size_t i = 0; i < 30; ++i) {
    clean[i * 33] = 0.0f;
    dirty[i * 33] = bad[i % 3];
  }
  std::vector<float> a(1000), b(1000);
  RecordingReport report;
  REQUIRE(extract(toy.model, &profile, clean, a).ok());
  REQUIRE(extract(toy.model, &profile, dirty, b, {}, &report).ok());
  CHECK(a == b);
  CHECK(report.cleaned_samples == 30);
  std::vector<float> anchor = testing::Random(10).floats(16000);
  anchor[77] = bad[0];
  CHECK(enroll(toy.model, anchor, {}, &report).ok());
  CHECK(report.cleaned_samples == 1);
}

TEST_CASE("extract: refuses what does not fit, and leaves the output as it was") {
  const Toy toy;
  const Profile profile = enrolled(toy);
  const std::vector<float> mixture(500, 0.5f);
  std::vector<float> out(500, 7.0f);
  CHECK(extract(toy.model, &profile, {}, {}).code == Code::kBadArgument);
  CHECK(extract(toy.model, &profile, mixture, std::span(out).first(499)).code ==
        Code::kBadArgument);
  ModelDraft other = toy.draft;
  other.family[0] = 'f';
  const Image other_file = toy_model::image(other);
  auto other_model = other_file.open();
  REQUIRE(other_model.ok());
  const Status status = extract(other_model.value(), &profile, mixture, out);
  CHECK(status.code == Code::kBadArgument);
  CHECK(std::string_view(status.message).starts_with("profile of another family"));
  const Profile none;
  CHECK(extract(toy.model, &none, mixture, out).code == Code::kBadArgument);
  CHECK(extract(toy.model, nullptr, mixture, out).code == Code::kBadArgument);
  CHECK(out == std::vector<float>(500, 7.0f));
}

TEST_CASE("sessions: a model without the graph, or with one of another kind, is refused") {
  const Toy toy;
  const Profile profile = enrolled(toy);
  std::vector<float> samples = testing::Random(1).floats(16000);
  const auto with = [](auto&& change, auto&& then) {
    ModelDraft draft = toy_model::model();
    change(draft);
    const Image file = toy_model::image(draft);
    auto model = file.open();
    REQUIRE(model.ok());
    then(model.value());
  };
  with([](ModelDraft& m) { m.graphs.erase(m.graphs.begin()); },
       [&](const Model& m) { CHECK(enroll(m, samples).status().code == Code::kBadArgument); });
  with([](ModelDraft& m) { m.graphs.pop_back(); },
       [&](const Model& m) {
         CHECK(extract(m, &profile, samples, samples).code == Code::kBadModel);
       });
  with([](ModelDraft& m) { std::swap(m.graphs[0].name, m.graphs[1].name); },
       [&](const Model& m) {
         CHECK(enroll(m, samples).status().code == Code::kBadModel);
         CHECK(extract(m, &profile, samples, samples).code == Code::kBadModel);
       });
  with(
      [](ModelDraft& m) {
        for (int t : {0, 1, 3, 5}) {
          m.graphs[1].tensors[static_cast<size_t>(t)].dims = {1, 80};
        }
      },
      [&](const Model& m) {
        CHECK(extract(m, &profile, samples, samples).code == Code::kBadModel);
      });
}

TEST_CASE("sessions: a budget one byte too small is refused with the bytes needed") {
  const Toy toy;
  const std::vector<float> anchor = testing::Random(5).floats(16000);
  RecordingReport report;
  REQUIRE(enroll(toy.model, anchor, {}, &report).ok());
  Processor processor;
  processor.budget_bytes = report.memory.bytes();
  CHECK(enroll(toy.model, anchor, processor).ok());
  processor.budget_bytes -= 1;
  const Status status = enroll(toy.model, anchor, processor).status();
  CHECK(status.code == Code::kTooLittleMemory);
  CHECK(status.where == static_cast<int64_t>(report.memory.bytes()));
}

TEST_CASE("run: every tensor can be read, run after run, where all are kept") {
  const Toy toy;
  const Graph& graph = *toy.model.graph("extract");
  testing::TestRun run(graph, {.max_frames = 3, .keep_all = true});
  for (uint64_t seed : {1, 2}) {
    const std::vector<float> hops = testing::Random(seed).floats(480);
    const std::vector<float> voice = testing::Random(seed + 9).floats(160);
    for (size_t k = 0; k < graph.inputs.size(); ++k) {
      const std::vector<float>& x =
          graph.tensors[static_cast<size_t>(graph.inputs[k])].is_sequence() ? hops : voice;
      std::copy(x.begin(), x.end(), run.input(k));
    }
    run.run({3, 480});
    const std::vector<float> shifted = run.tensor(find_tensor(graph, "shifted"));
    const std::vector<float> late = run.tensor(find_tensor(graph, "out"));
    for (size_t i = 0; i < 480; ++i) {
      REQUIRE(shifted[i] == hops[i] + voice[i % 160]);
      REQUIRE(late[i] == (i < 160 ? 0.0f : shifted[i - 160]));
    }
  }
  std::vector<float> some(480);
  const auto read = [&](int32_t t, size_t values) {
    return run->read(0, t, std::span(some).first(values)).code;
  };
  CHECK(read(find_tensor(graph, "out"), 480) == Code::kOk);
  CHECK(read(find_tensor(graph, "out"), 479) == Code::kBadArgument);
  CHECK(read(find_tensor(graph, "half"), 0) == Code::kBadArgument);
  CHECK(read(-1, 480) == Code::kBadArgument);
  CHECK(values_of(graph, find_tensor(graph, "half"), 3) == 0);
  CHECK(values_of(graph, find_tensor(graph, "voice"), 3) == 160);
  CHECK(Processor().open(graph, {.max_frames = 0}).status().code == Code::kBadArgument);
  testing::TestRun outputs(graph, {.max_frames = 3});
  CHECK(outputs->read(0, find_tensor(graph, "shifted"), some).code == Code::kBadArgument);
}

}  // namespace
}  // namespace ligero
