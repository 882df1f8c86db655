// SPDX-License-Identifier: Apache-2.0
// A graph planned and opened on the processor, in memory whose bounds a sanitizer watches. Not:
// assertions.
#ifndef LIGERO_TESTS_SUPPORT_TEST_RUN_H_
#define LIGERO_TESTS_SUPPORT_TEST_RUN_H_

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/cpu_run.h"
#include "tests/support/aligned.h"

namespace ligero::testing {

inline constexpr int32_t kHopSamples = 160;
inline constexpr int32_t kSampleRateHz = 16000;

/// Throws std::runtime_error where a status is not ok: for set-up only.
inline void require_ok(const Status& status) {
  if (!status.ok()) {
    throw std::runtime_error(std::string(status.message) + " (" + std::to_string(status.index) +
                             ", " + std::to_string(status.where) + ")");
  }
}

/// One seat, unless the options say more.
class TestRun {
 public:
  explicit TestRun(const Graph& graph, const PlanOptions& options = {}, Parallel* pool = nullptr)
      : graph_(graph) {
    Processor processor;
    processor.pool = pool;
    Result<Plan> plan = processor.plan(graph, options);
    require_ok(plan.status());
    const size_t bytes = plan.value().bytes();
    block_ = test_block(bytes);
    require_ok(run_.start(graph, std::move(plan.value()), block_.get(), bytes, pool));
  }
  CpuRun* operator->() {
    return &run_;
  }
  float* input(size_t port) {
    return run_.input(0, port);
  }
  const float* output(size_t port) const {
    return run_.output(0, port);
  }
  /// Seat 0 alone.
  void run(const Extent& extent = {}) {
    const Turn turn = {true, extent};
    require_ok(run_.run({&turn, 1}));
  }
  void reset() {
    run_.reset(0);
  }
  int32_t output_delay(size_t port) const {
    return run_.output_delay(graph_, port);
  }
  /// Tensor `index` after an offline run with keep_all; nothing of a weight.
  std::vector<float> tensor(int32_t index) {
    std::vector<float> out(
        static_cast<size_t>(values_of(graph_, index, run_.plan().options.max_frames)));
    if (!out.empty()) {
      require_ok(run_.read(0, index, out));
    }
    return out;
  }

 private:
  const Graph& graph_;
  TestBlock block_;
  CpuRun run_;
};

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_TEST_RUN_H_
