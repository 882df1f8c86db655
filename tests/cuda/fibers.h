// SPDX-License-Identifier: Apache-2.0
// All threads of a block on one thread of this process: each runs to the next barrier in its turn.
// So kernels run at their full width, and a barrier that not all reach is found.
#ifndef LIGERO_TESTS_CUDA_FIBERS_H_
#define LIGERO_TESTS_CUDA_FIBERS_H_

#include <ucontext.h>

#include <functional>
#include <memory>
#include <vector>

#include "platforms/cuda/kernels/block.h"

namespace ligero::testing {

class Fibers final : public cuda::Barrier {
 public:
  explicit Fibers(int count);

  /// f(0) to f(count - 1), each in its fiber. False where some of them wait for others that have
  /// ended.
  [[nodiscard]] bool run(const std::function<void(int)>& f);
  /// Within a fiber.
  void wait() override;

 private:
  static void enter(int lane);

  std::vector<ucontext_t> lanes_;
  std::vector<std::unique_ptr<char[]>> stacks_;
  std::vector<bool> ended_;
  ucontext_t home_ = {};
  size_t current_ = 0;
  const std::function<void(int)>* work_ = nullptr;
};

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_CUDA_FIBERS_H_
