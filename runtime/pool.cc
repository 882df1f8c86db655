// Worker threads over POSIX, so that a refusal is a status and not an exception.
#include "runtime/pool.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "runtime/base/array.h"

namespace ligero {

struct ThreadPool::Impl {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
  pthread_cond_t done = PTHREAD_COND_INITIALIZER;
  Array<pthread_t> workers;
  size_t num_workers = 0;
  bool stop = false;
  uint64_t generation = 0;
  size_t busy = 0;
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
};

namespace {

void* worker_main(void* argument) {
  auto* impl = static_cast<ThreadPool::Impl*>(argument);
  uint64_t seen = 0;
  pthread_mutex_lock(&impl->mutex);
  for (;;) {
    while (!impl->stop && impl->generation == seen) {
      pthread_cond_wait(&impl->wake, &impl->mutex);
    }
    if (impl->stop) {
      break;
    }
    seen = impl->generation;
    pthread_mutex_unlock(&impl->mutex);
    impl->work();
    pthread_mutex_lock(&impl->mutex);
    if (--impl->busy == 0) {
      pthread_cond_signal(&impl->done);
    }
  }
  pthread_mutex_unlock(&impl->mutex);
  return nullptr;
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
  impl_->stop = true;
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
  impl_->next.store(0, std::memory_order_relaxed);
  pthread_mutex_lock(&impl_->mutex);
  impl_->busy = impl_->num_workers;
  ++impl_->generation;
  pthread_cond_broadcast(&impl_->wake);
  pthread_mutex_unlock(&impl_->mutex);
  impl_->work();
  pthread_mutex_lock(&impl_->mutex);
  while (impl_->busy != 0) {
    pthread_cond_wait(&impl_->done, &impl_->mutex);
  }
  pthread_mutex_unlock(&impl_->mutex);
}

}  // namespace ligero
