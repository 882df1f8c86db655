// SPDX-License-Identifier: Apache-2.0
// A pool that gives every piece of work its own thread, all at once: the hardest case for an op's
// scratch. Not: the shipped pool (runtime/pool.h).
#ifndef LIGERO_TESTS_SUPPORT_THREADS_H_
#define LIGERO_TESTS_SUPPORT_THREADS_H_

#include <algorithm>
#include <thread>
#include <vector>

#include "runtime/base/parallel.h"

namespace ligero::testing {

class Threads final : public Parallel {
 public:
  explicit Threads(int threads) : threads_(threads) {}
  int threads() const noexcept override {
    return threads_;
  }
  void run(int count, int grain, Task task, void* context) noexcept override {
    ++runs_;
    const int pieces = (count + grain - 1) / grain;
    const int step = (pieces + threads_ - 1) / threads_ * grain;
    std::vector<std::thread> workers;
    for (int begin = 0; begin < count; begin += step) {
      workers.emplace_back(task, context, begin, std::min(begin + step, count));
    }
    for (std::thread& w : workers) {
      w.join();
    }
  }
  /// How often an op has spread work.
  int runs() const {
    return runs_;
  }

 private:
  int threads_;
  int runs_ = 0;
};

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_THREADS_H_
