// SPDX-License-Identifier: Apache-2.0
// Worker threads over POSIX, so that a refusal is a status and not an exception.
#include "runtime/pool.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "runtime/base/array.h"

namespace ligero {

namespace {

/// Looks at something that another thread is about to change before sleeping: about 20 us. Work of
/// an offline run follows on work, and waking a thread takes longer than much of it.
constexpr int kLooks = 4000;

void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__ARM_ARCH_7A__)
  __asm__ volatile("yield");
#endif
}

template <typename Condition>
bool look_for(const Condition& condition) noexcept {
  for (int i = 0; i < kLooks; ++i) {
    if (condition()) {
      return true;
    }
    relax();
  }
  return false;
}

}  // namespace

/// Work is open to whoever comes while `open` has its number: the caller closes it when there is
/// nothing left to take, and waits for those who came, not for threads that still sleep.
struct ThreadPool::Impl {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
  pthread_cond_t left = PTHREAD_COND_INITIALIZER;
  Array<pthread_t> workers;
  size_t num_workers = 0;
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> generation{0};  ///< number of the last work
  std::atomic<uint64_t> open{0};        ///< number of the work that may be joined, 0: none
  std::atomic<int> inside{0};           ///< workers that may be at it
  // The work of this generation.
  Task task = nullptr;
  void* context = nullptr;
  int count = 0;
  int chunk = 1;
  std::atomic<int> next{0};

  void work() noexcept {
    for (;;) {
      const int begin = next.fetch_add(chunk, std::memory_order_relaxed);
      if (begin >= count) {
        return;
      }
      task(context, begin, std::min(begin + chunk, count));
    }
  }

  /// Takes part in work number `number` if it is still open. In one order for all threads: a worker
  /// that finds it open is seen by the caller that closes it.
  void join(uint64_t number) noexcept {
    inside.fetch_add(1);
    if (open.load() == number) {
      work();
    }
    if (inside.fetch_sub(1) == 1) {
      pthread_mutex_lock(&mutex);
      pthread_cond_signal(&left);
      pthread_mutex_unlock(&mutex);
    }
  }

  void wait_until_left() noexcept {
    const auto none = [this] { return inside.load() == 0; };
    if (look_for(none)) {
      return;
    }
    pthread_mutex_lock(&mutex);
    while (!none()) {
      pthread_cond_wait(&left, &mutex);
    }
    pthread_mutex_unlock(&mutex);
  }
};

namespace {

void* worker_main(void* argument) {
  auto* impl = static_cast<ThreadPool::Impl*>(argument);
  uint64_t seen = 0;
  const auto called = [&] { return impl->stop.load() || impl->generation.load() != seen; };
  for (;;) {
    if (!look_for(called)) {
      pthread_mutex_lock(&impl->mutex);
      while (!called()) {
        pthread_cond_wait(&impl->wake, &impl->mutex);
      }
      pthread_mutex_unlock(&impl->mutex);
    }
    if (impl->stop.load()) {
      return nullptr;
    }
    seen = impl->generation.load();
    impl->join(seen);
  }
}

}  // namespace

ThreadPool::ThreadPool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(int threads) {
  const long machine = std::max(1l, sysconf(_SC_NPROCESSORS_ONLN));
  if (threads < 1 || threads > machine) {
    return error(Code::kBadArgument,
                 "the number of threads must be 1 to the number the machine runs at once",
                 threads,
                 machine);
  }
  std::unique_ptr<Impl> impl(new (std::nothrow) Impl);
  if (!impl || !impl->workers.allocate(static_cast<size_t>(threads - 1))) {
    return error(Code::kTooLittleMemory, "no memory for a thread pool");
  }
  std::unique_ptr<ThreadPool> pool(new (std::nothrow) ThreadPool(std::move(impl)));
  if (!pool) {
    return error(Code::kTooLittleMemory, "no memory for a thread pool");
  }
  for (int i = 0; i < threads - 1; ++i) {
    if (pthread_create(&pool->impl_->workers[static_cast<size_t>(i)],
                       nullptr,
                       worker_main,
                       pool->impl_.get()) != 0) {
      return error(Code::kTooLittleMemory, "the system gives no more threads", i);
    }
    ++pool->impl_->num_workers;
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  if (!impl_) {
    return;
  }
  pthread_mutex_lock(&impl_->mutex);
  impl_->stop.store(true);
  pthread_cond_broadcast(&impl_->wake);
  pthread_mutex_unlock(&impl_->mutex);
  for (size_t i = 0; i < impl_->num_workers; ++i) {
    pthread_join(impl_->workers[i], nullptr);
  }
}

int ThreadPool::threads() const noexcept {
  return static_cast<int>(impl_->num_workers) + 1;
}

void ThreadPool::run(int count, int grain, Task task, void* context) noexcept {
  // About four pieces a thread, so that a slow thread does not hold up the rest.
  const int pieces = threads() * 4;
  const int even = (count + pieces - 1) / pieces;
  impl_->chunk = std::max(grain, (even + grain - 1) / grain * grain);
  impl_->task = task;
  impl_->context = context;
  impl_->count = count;
  impl_->next.store(0);
  const uint64_t number = impl_->generation.load() + 1;
  impl_->open.store(number);
  pthread_mutex_lock(&impl_->mutex);
  impl_->generation.store(number);
  pthread_cond_broadcast(&impl_->wake);
  pthread_mutex_unlock(&impl_->mutex);
  impl_->work();
  impl_->open.store(0);
  impl_->wait_until_left();
}

}  // namespace ligero
