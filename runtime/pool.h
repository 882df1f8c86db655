// SPDX-License-Identifier: Apache-2.0
// A fixed set of worker threads, made at load. Not: what they work on.
#ifndef LIGERO_RUNTIME_POOL_H_
#define LIGERO_RUNTIME_POOL_H_

#include <memory>

#include "runtime/base/parallel.h"
#include "runtime/base/status.h"

namespace ligero {

/// `threads` threads in all: the caller of run() works as well. Workers sleep between calls, after a
/// moment of looking for the next. For offline work; one run() at a time.
class ThreadPool final : public Parallel {
 public:
  /// kBadArgument unless 1 <= threads <= the threads that the machine runs at once (in
  /// Status::where); kTooLittleMemory where the system gives no more threads.
  static Result<std::unique_ptr<ThreadPool>> create(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const noexcept override;
  void run(int count, int grain, Task task, void* context) noexcept override;

  struct Impl;

 private:
  explicit ThreadPool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_POOL_H_
