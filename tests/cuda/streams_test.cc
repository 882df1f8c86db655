// SPDX-License-Identifier: Apache-2.0
// Enrolment, extraction and live sessions on a device, and what happens where there is none or it
// fails. Not: nodes, batches (nodes_test.cc, sessions_test.cc).
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "model/session/recording.h"
#include "model/session/session.h"
#include "model/session/verify.h"
#include "platforms/cuda/choose.h"
#include "tests/cuda/networks.h"
#include "tests/stream/live.h"

namespace ligero::testing {
namespace {

constexpr double kSame = 1e-4;  // of the largest value of the signal

/// A host in place of a GPU that is told what to do.
struct Pretended {
  HostDriver host;
  std::unique_ptr<cuda::CudaBackend> device = std::move(cuda::CudaBackend::make(&host).value());
};

SessionConfig on(const Backend* accelerator) {
  SessionConfig config;
  config.processor.accelerator = accelerator;
  return config;
}

Status made_of(const cuda::Facts& facts) {
  HostDriver host;
  host.given = facts;
  return cuda::CudaBackend::make(&host).status();
}

TEST_CASE("cuda: a GPU that cannot be used is refused with the reason") {
  const cuda::Facts good = HostDriver().given;
  CHECK(made_of(good).ok());
  cuda::Facts bad = good;
  bad.driver = 0;
  CHECK(std::string(made_of(bad).message) == "this machine has no NVIDIA driver");
  bad = good;
  bad.driver = 12040;
  CHECK(made_of(bad).code == Code::kUnsupportedHardware);
  CHECK(made_of(bad).index == 12040);
  CHECK(made_of(bad).where == 13000);
  bad = good;
  bad.devices = 0;
  bad.fault = 802;
  CHECK(made_of(bad).code == Code::kUnsupportedHardware);
  CHECK(made_of(bad).where == 802);
  bad = good;
  bad.devices = 0;
  CHECK(std::string(made_of(bad).message) == "this machine has no NVIDIA GPU");
  bad = good;
  bad.compute = 70;
  CHECK(made_of(bad).code == Code::kUnsupportedHardware);
  CHECK(made_of(bad).where == 70);
  bad = good;
  bad.built = false;
  CHECK(made_of(bad).code == Code::kUnsupportedHardware);
  CHECK(made_of(bad).where == 90);
}

TEST_CASE("cuda: a GPU that has failed is refused from then on, and auto takes the processor") {
  HostDriver host;
  cuda::FirstGpu gpu(&host);
  const Result<const Backend*> found = gpu.choose(cuda::Choice::kCuda);
  REQUIRE(found.ok());
  REQUIRE(found.value() != nullptr);
  CHECK(gpu.choose(cuda::Choice::kAuto).value() != nullptr);
  host.calls_left = 0;
  CHECK(gpu.choose(cuda::Choice::kCuda).status().code == Code::kUnsupportedHardware);
  CHECK(gpu.choose(cuda::Choice::kCuda).status().where == HostDriver::kLost);
  const Result<const Backend*> instead = gpu.choose(cuda::Choice::kAuto);
  REQUIRE(instead.ok());
  CHECK(instead.value() == nullptr);
  // For one who still holds it the reason is the failure, not a want of memory.
  const auto opened = found.value()->open(*network().model().graph("extract"),
                                          {.mode = Mode::kStream, .max_frames = 1});
  CHECK(opened.status().code == Code::kUnsupportedHardware);
  CHECK(opened.status().where == HostDriver::kLost);
}

TEST_CASE("cuda: a failure at any call while a session is made is a refusal that leaves nothing") {
  Pretended gpu;
  const Graph& graph = *network().model().graph("extract");
  const PlanOptions options = {.mode = Mode::kStream, .max_frames = 1, .seats = 2};
  int64_t calls = 0;
  for (bool made = false; !made; ++calls) {
    REQUIRE(calls < 1000);
    gpu.host.calls_left = calls;
    made = gpu.device->open(graph, options).ok();
    CHECK(gpu.host.device_bytes == 0);
  }
  gpu.host.calls_left = INT64_MAX;
  // The capture that has failed is ended: the same thread can go on.
  for (const int64_t captured : {0, 1, 20}) {
    gpu.host.captures_left = captured;
    const auto opened = gpu.device->open(graph, options);
    CHECK(opened.status().code == Code::kUnsupportedHardware);
    CHECK(gpu.host.device_bytes == 0);
  }
  gpu.host.captures_left = INT64_MAX;
  CHECK(gpu.device->open(graph, options).ok());
}

TEST_CASE("cuda: the driver of this build says what there is, and nothing fails without it" *
          doctest::test_suite("gpu")) {
  const Result<const Backend*> found = cuda::choose_accelerator(cuda::Choice::kAuto);
  REQUIRE(found.ok());
  const Result<const Backend*> gpu = cuda::choose_accelerator(cuda::Choice::kCuda);
  CHECK(gpu.ok() == (found.value() != nullptr));
  if (!gpu.ok()) {
    CHECK(gpu.status().code == Code::kUnsupportedHardware);
  }
  CHECK(cuda::choose_accelerator(cuda::Choice::kCpu).value() == nullptr);
}

TEST_CASE("cuda: enrolment and a whole recording are as on the processor" *
          doctest::test_suite("gpu")) {
  for (const Place& place : places()) {
    CAPTURE(place.name);
    Processor options;
    options.accelerator = place.device;
    for (const Network* n : {&trained_network(), &whole_network()}) {
      const Profile profile = expect(enroll(n->model(), babble(24000, 1), options));
      CHECK(expect(similarity(profile, n->alice())) > 0.9999);
      const std::vector<float> x = babble(20077, 5);
      std::vector<float> want(x.size());
      std::vector<float> got(x.size());
      expect(extract(n->model(), &n->alice(), x, want));
      expect(extract(n->model(), &n->alice(), x, got, options));
      REQUIRE(largest(want) > 1e-3);
      CHECK(worst_error(got, want) < kSame);
    }
  }
}

TEST_CASE("cuda: with int8 weights a voice lies nearer to float32's than the processor's int8" *
          doctest::test_suite("gpu")) {
  const Network& single = trained_network();
  const Network int8(pretrained_network(LIGERO_SOURCE_DIR, "lgr-tse-small-live", Type::kQ8));
  const std::vector<float> x = babble(32000, 5);
  std::vector<float> want(x.size());
  std::vector<float> processor(x.size());
  expect(extract(single.model(), &single.alice(), x, want));
  expect(extract(int8.model(), &single.alice(), x, processor));
  REQUIRE(largest(want) > 1e-3);
  for (const Place& place : places()) {
    CAPTURE(place.name);
    Processor options;
    options.accelerator = place.device;
    std::vector<float> device(x.size());
    expect(extract(int8.model(), &single.alice(), x, device, options));
    MESSAGE("float32 is ",
            difference_db(device, want),
            " dB over the difference of the device's int8, ",
            difference_db(processor, want),
            " dB over that of the processor's; the two int8 differ at ",
            difference_db(device, processor),
            " dB");
    CHECK(difference_db(device, want) > difference_db(processor, want));
  }
}

TEST_CASE(
    "cuda: a live session is as on the processor, hop by hop and in blocks, and changes targets" *
    doctest::test_suite("gpu")) {
  const std::vector<float> x = babble(24077, 5);
  for (const Place& place : places()) {
    CAPTURE(place.name);
    for (const BlockConfig block : {BlockConfig{}, BlockConfig{20, 40, 10}}) {
      CAPTURE(block.hops);
      const Network& n = block.hops == 0 ? trained_network() : whole_network();
      std::vector<float> out[2];
      for (const bool on_device : {false, true}) {
        SessionConfig config = {.block = block};
        config.processor.accelerator = on_device ? place.device : nullptr;
        Session session(n, config);
        expect(session->set_target(n.alice()));
        std::vector<float> head = session.run({x.begin(), x.begin() + 9000}, 333);
        expect(session->set_target(n.bob()));
        const std::vector<float> rest = session.run_aligned({x.begin() + 9000, x.end()}, 160);
        head.insert(head.end(), rest.begin(), rest.end());
        out[on_device ? 1 : 0] = head;
        CHECK(session->statistics().accelerated == on_device);
      }
      REQUIRE(largest(out[0]) > 1e-3);
      CHECK(worst_error(out[1], out[0]) < kSame);
    }
  }
}

TEST_CASE(
    "cuda: a device lost in mid-stream leaves the session to the processor from that hop on") {
  Pretended gpu;
  const Network& n = trained_network();
  const std::vector<float> x = babble(32000, 5);
  Session session(n, on(gpu.device.get()));
  expect(session->set_target(n.alice()));
  constexpr size_t kLostAt = 16000;
  session.run({x.begin(), x.begin() + kLostAt}, 160);
  CHECK(session->statistics().accelerated);
  gpu.host.calls_left = 7;  // somewhere within a hop
  const std::vector<float> after = session.run({x.begin() + kLostAt, x.end()}, 160);
  CHECK_FALSE(session->statistics().accelerated);
  CHECK(session->statistics().accelerator_lost);
  CHECK(session->statistics().healed_hops == 0);
  // As a session whose network begins there, once its first hops are out.
  Session fresh(n);
  fresh.run({x.begin(), x.begin() + kLostAt}, 160);
  expect(fresh->set_target(n.alice()));
  const std::vector<float> want = fresh.run({x.begin() + kLostAt, x.end()}, 160);
  REQUIRE(largest(want) > 1e-3);
  constexpr size_t kFade = 6400;  // LowRestore remembers what was before
  CHECK(worst_error(std::span(after).subspan(kFade), std::span(want).subspan(kFade)) < kSame);
}

TEST_CASE("cuda: a device lost in a whole recording is a refusal, and the voice is untouched") {
  Pretended gpu;
  gpu.host.calls_left = 40;
  Processor options;
  options.accelerator = gpu.device.get();
  const std::vector<float> x = babble(8000, 5);
  std::vector<float> voice(x.size(), 7.0f);
  const Status status = extract(network().model(), &network().alice(), x, voice, options);
  CHECK(status.code == Code::kUnsupportedHardware);
  CHECK(status.where == HostDriver::kLost);
  CHECK(voice == std::vector<float>(x.size(), 7.0f));
}

TEST_CASE("cuda: auto leaves to the processor what the GPU has no memory for") {
  HostDriver host;
  cuda::FirstGpu gpu(&host);
  const Result<const Backend*> found = gpu.choose(cuda::Choice::kAuto);
  REQUIRE(found.ok());
  host.bytes_left = 1 << 20;
  const Network& n = network();
  const std::vector<float> x = babble(8000, 5);
  std::vector<float> want(x.size());
  std::vector<float> got(x.size());
  Processor options;
  expect(extract(n.model(), &n.alice(), x, want));
  options.accelerator = found.value();
  expect(extract(n.model(), &n.alice(), x, got, options));
  CHECK(got == want);
  Session session(n, on(found.value()));
  expect(session->set_target(n.alice()));
  Session alone(n, {});
  expect(alone->set_target(n.alice()));
  CHECK(session.run(x, 160) == alone.run(x, 160));
  CHECK_FALSE(session->statistics().accelerated);
  CHECK_FALSE(session->statistics().accelerator_lost);
  CHECK(host.device_bytes == 0);
  host.bytes_left = INT64_MAX;
  Session roomy(n, on(found.value()));
  CHECK(roomy->statistics().accelerated);
}

TEST_CASE("cuda: too little memory is a refusal that says how much, and leaves nothing behind") {
  Pretended gpu;
  for (const int64_t bytes : {int64_t{0}, int64_t{1} << 20, int64_t{5} << 20}) {
    gpu.host.bytes_left = bytes;
    const auto opened = gpu.device->open(*network().model().graph("extract"),
                                         {.mode = Mode::kStream, .max_frames = 1, .seats = 4});
    CHECK(opened.status().code == Code::kTooLittleMemory);
    CHECK(opened.status().where > 0);
    CHECK(gpu.host.device_bytes == 0);
  }
  gpu.host.bytes_left = INT64_MAX;
  CHECK(gpu.device
            ->open(*network().model().graph("extract"),
                   {.mode = Mode::kStream, .max_frames = 1, .seats = 4})
            .ok());
}

}  // namespace
}  // namespace ligero::testing
