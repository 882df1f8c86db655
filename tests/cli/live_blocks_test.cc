// SPDX-License-Identifier: Apache-2.0
// The worker that keeps blocks off the audio thread, and `ligero live --raw`. Not: sound devices.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "platforms/cli/live/live_file.h"
#include "platforms/cli/live/live_worker.h"
#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

/// As run_line(), with the redirections of all of `line` as they stand in it.
Outcome run_pipe(const std::string& line) {
  return run_line("(" + line + ")");
}

struct TinyStream {
  Workplace at;
  cli::ModelFile model = cli::open_model(at / "tiny.lgm");
  Profile profile = cli::load_profile(at / "who.profile");
  cli::LiveSession live;
  explicit TinyStream(const SessionConfig& config = {}) : live(model, config, &profile) {}
};

TEST_CASE("live worker: what a session gives, later by the time of a block, and nothing late") {
  const SessionConfig config = {.block = {.hops = 5}};
  TinyStream alone(config);
  TinyStream behind(config);
  const std::vector<float> x = tone(16000, 330.0f);
  std::vector<float> want = x;
  std::vector<float> got(x.size());
  cli::LiveWorker worker(&behind.live.group, 800);
  CHECK(worker.spare_samples() == 800);
  for (size_t at = 0; at < x.size(); at += 100) {
    const float* in[1] = {want.data() + at};
    float* out[1] = {want.data() + at};
    alone.live.group.process(in, out, 100);
    worker.process(x.data() + at, got.data() + at, 100);
    worker.wait();
  }
  CHECK(worker.late_samples() == 0);
  CHECK(std::all_of(got.begin(), got.begin() + 800, [](float v) { return v == 0.0f; }));
  CHECK(std::equal(got.begin() + 800, got.end(), want.begin()));
}

TEST_CASE("live worker: after a block that came late the latency is what it was") {
  TinyStream alone;
  TinyStream behind;
  constexpr size_t kAtOnce = 1000000;
  const std::vector<float> x = tone(kAtOnce + 200, 330.0f);
  std::vector<float> want = x;
  const float* in[1] = {want.data()};
  float* out[1] = {want.data()};
  alone.live.group.process(in, out, static_cast<int32_t>(x.size()));
  std::vector<float> got(x.size());
  cli::LiveWorker worker(&behind.live.group, 100);
  worker.process(x.data(), got.data(), kAtOnce);  // a minute at once: most of it is late
  const int64_t late = worker.late_samples();
  CHECK(late > 0);
  CHECK(late <= static_cast<int64_t>(kAtOnce) - 100);
  worker.wait();
  for (const size_t at : {kAtOnce, kAtOnce + 100}) {
    worker.process(x.data() + at, got.data() + at, 100);
    worker.wait();
  }
  CHECK(worker.late_samples() == late);
  CHECK(std::equal(got.begin() + kAtOnce, got.end(), want.begin() + kAtOnce - 100));
}

TEST_CASE("live --raw: samples in, the voice out, later by the latency that is said") {
  const Workplace at;
  const std::vector<float> x = tone(9650, 330.0f);
  const std::string bytes(reinterpret_cast<const char*>(x.data()), x.size() * sizeof(float));
  write_file(at / "in.raw", bytes);
  const std::string live = std::string(LIGERO_TOOL) + " live --model " + at / "tiny.lgm" +
                           " --profile " + at / "who.profile" + " --raw 16000:1:f32";
  const auto run = [&](const std::string& options) {
    const Outcome outcome = run_pipe("cat " + at / "in.raw" + " | " + live + options + " 2> " +
                                     at / "said" + " > " + at / "out.raw");
    CHECK(outcome.code == 0);
    const std::string out = read_file(at / "out.raw");
    std::vector<float> y(out.size() / sizeof(float));
    std::memcpy(y.data(), out.data(), y.size() * sizeof(float));
    return y;
  };
  const std::vector<float> frames = run("");
  CHECK(read_file(at / "said").find("live at 16000 Hz: 10.0 ms of latency") != std::string::npos);
  CHECK(frames.size() == x.size() + 160);
  const std::vector<float> blocks = run(" --block 0.1 --look-ahead 0");
  CHECK(read_file(at / "said").find("100.0 ms of latency") != std::string::npos);
  REQUIRE(blocks.size() == x.size() + 1600);
  CHECK(std::equal(frames.begin() + 320, frames.end(), blocks.begin() + 320 + 1440));
  // The same as a file, whose latency is taken off.
  REQUIRE(run_tool("extract --raw 16000:1:f32 --samples float --stream 160 --model " +
                   at / "tiny.lgm" + " --profile " + at / "who.profile" + " " + at / "in.raw" +
                   " -o " + at / "file.raw")
              .code == 0);
  const std::string file = read_file(at / "file.raw");
  REQUIRE(file.size() == bytes.size());
  CHECK(std::memcmp(file.data(), frames.data() + 160, file.size()) == 0);
}

TEST_CASE(
    "live --raw: --channel takes one alone; channels that cancel and samples left out are said") {
  const Workplace at;
  const std::vector<float> x = tone(9600, 330.0f);
  std::vector<float> both;
  for (const float v : x) {
    both.insert(both.end(), {v, -v});
  }
  both[2000] = both[2001] = 1e6f;
  std::vector<float> left = x;
  left[1000] = 1e6f;
  const auto write = [&](const std::string& name, const std::vector<float>& samples) {
    write_file(at / name,
               {reinterpret_cast<const char*>(samples.data()), samples.size() * sizeof(float)});
  };
  write("both.raw", both);
  write("left.raw", left);
  const auto run = [&](const std::string& in, const std::string& raw) {
    return run_pipe("cat " + at / in + " | " + std::string(LIGERO_TOOL) + " live --model " +
                    at / "tiny.lgm" + " --profile " + at / "who.profile" + " --raw 16000:" + raw +
                    " 2>&1 > " + at / "out.raw");
  };
  CHECK(run("left.raw", "1:f32").says("1 samples of stdin were NaN, infinite or beyond 8 times"));
  const std::string want = read_file(at / "out.raw");
  REQUIRE(want.size() > 38000);
  std::vector<float> whisper = x;
  for (float& v : whisper) {
    v *= 0.003f;
  }
  write("whisper.raw", whisper);
  CHECK(run("whisper.raw", "1:f32").says("very quiet: at its loudest it has -6"));
  const Outcome one = run("both.raw", "2:f32 --channel 1");
  CHECK(one.code == 0);
  CHECK(!one.says("below its loudest channel"));
  CHECK(read_file(at / "out.raw") == want);
  std::vector<float> second;
  for (const float v : left) {
    second.insert(second.end(), {0.5f * v, v});
  }
  write("second.raw", second);
  CHECK(run("second.raw", "2:f32 --channel 2").code == 0);
  CHECK(read_file(at / "out.raw") == want);
  CHECK(run("both.raw", "2:f32").says("dB below its loudest channel: channels cancel"));
  const Outcome none = run("both.raw", "2:f32 --channel 3");
  CHECK(none.code == 1);
  CHECK(none.says("expected --channel 1 to 2"));
}

TEST_CASE("live: a model that needs what follows runs in blocks by itself, and says so") {
  const Folder folder;
  const std::string golden = std::string(LIGERO_SOURCE_DIR) + "/tests/golden/";
  const std::string model = folder / "golden.lgm";
  REQUIRE(run_line(std::string(LIGERO_CONVERT) + " " + golden + "tiny.safetensors --config " +
                   golden + "tiny.json -o " + model)
              .code == 0);
  REQUIRE(
      run_tool("enroll --model " + model + " " + golden + "anchor.flac -o " + folder / "a.profile")
          .code == 0);
  const Outcome outcome =
      run_pipe("head -c 64000 /dev/zero | " + std::string(LIGERO_TOOL) + " live --model " + model +
               " --profile " + folder / "a.profile" + " --raw 16000 2>&1 >/dev/null");
  CHECK(outcome.code == 0);
  CHECK(outcome.says("runs in blocks of 0.5 s, 2 s before and 1 s after each"));
  CHECK(outcome.says("ms of latency"));
}

TEST_CASE("live --raw: refuses what it cannot do, and writes nothing then") {
  const Workplace at;
  const std::string live =
      "echo | " + std::string(LIGERO_TOOL) + " live --raw 16000 --model " + at / "tiny.lgm ";
  const Outcome nobody = run_pipe(live + "| cat");
  CHECK(nobody.says("expected --profile, and no --enroll"));
  CHECK(run_pipe(live + "--profile nowhere | cat").says("nowhere"));
  CHECK(run_tool("live --model m --raw 16000:none").code == 2);
  CHECK(run_tool("live --model m --look-ahead 1").code == 2);
  CHECK(run_tool("live --model m --block nan").code == 2);
}

}  // namespace
}  // namespace ligero::testing
