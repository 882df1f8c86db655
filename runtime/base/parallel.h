// SPDX-License-Identifier: Apache-2.0
// How an op spreads work over threads, if the caller gave any. Not: the threads (runtime/pool).
#ifndef LIGERO_RUNTIME_BASE_PARALLEL_H_
#define LIGERO_RUNTIME_BASE_PARALLEL_H_

#include <type_traits>

namespace ligero {

/// Runs `task(context, begin, end)` over [0, count) in ranges that are multiples of `grain` (but the
/// last), on as many threads as there are, and returns when all are done.
class Parallel {
 public:
  using Task = void (*)(void* context, int begin, int end);
  virtual int threads() const noexcept = 0;
  virtual void run(int count, int grain, Task task, void* context) noexcept = 0;

 protected:
  ~Parallel() = default;
};

/// The range as one piece on this thread where `pool` is null; else spread over the pool.
/// `body(begin, end)` must be noexcept and its ranges independent of each other.
template <typename Body>
void parallel_for(Parallel* pool, int count, int grain, Body&& body) noexcept {
  if (pool == nullptr || pool->threads() < 2 || count <= grain) {
    body(0, count);
    return;
  }
  pool->run(
      count,
      grain,
      [](void* context, int begin, int end) { (*static_cast<std::remove_reference_t<Body>*>(context))(begin, end); },
      &body);
}

}  // namespace ligero

#endif  // LIGERO_RUNTIME_BASE_PARALLEL_H_
