// SPDX-License-Identifier: Apache-2.0
// A host in place of a GPU: memory from the heap, kernels run by this process, every fault on
// demand, and an end to every test that breaks a rule of CUDA's. Not: speed.
#ifndef LIGERO_TESTS_CUDA_HOST_DRIVER_H_
#define LIGERO_TESTS_CUDA_HOST_DRIVER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "platforms/cuda/driver.h"

namespace ligero::testing {

class HostDriver final : public cuda::Driver {
 public:
  /// What runs a block of a kernel: the caller's thread alone, real threads that meet at barriers,
  /// or as many fibers as the GPU has threads for it.
  enum class Threads : uint8_t { kOne, kTeams, kAll };
  explicit HostDriver(Threads threads = Threads::kOne) : threads_(threads) {}

  cuda::Facts given = {.driver = 13000,
                       .runtime = 13000,
                       .devices = 1,
                       .compute = 90,
                       .built = true,
                       .processors = 1,
                       .name = "a host"};
  std::atomic<int64_t> bytes_left = INT64_MAX;     ///< of device memory
  std::atomic<int64_t> calls_left = INT64_MAX;     ///< of all queues, before the device is lost
  std::atomic<int64_t> captures_left = INT64_MAX;  ///< calls in a capture, before one is refused
  static constexpr cuda::Fault kLost = 719;

  // What has been asked for.
  std::atomic<int64_t> allocations = 0;
  std::atomic<int64_t> device_bytes = 0;  ///< now in use
  std::atomic<int64_t> launches = 0;
  std::atomic<int64_t> replays = 0;
  std::set<cuda::Kernel> ran;

  cuda::Facts facts() noexcept override {
    return given;
  }
  cuda::Fault fault() noexcept override {
    return calls_left > 0 ? 0 : kLost;
  }
  void* allocate(size_t bytes) noexcept override;
  void release(void* device) noexcept override;
  void* allocate_host(size_t bytes) noexcept override;
  void release_host(void* host) noexcept override;
  std::unique_ptr<cuda::Queue> make_queue() noexcept override;

  Threads threads() const {
    return threads_;
  }

  // For its queues: whether work of theirs may still go on, and where a copy may go.
  void set_busy(const cuda::Queue* queue, bool busy);
  void check_copy(const void* device, const void* host, size_t bytes);
  void note(cuda::Kernel kernel);

 private:
  void check_release();

  Threads threads_;
  std::mutex mutex_;
  std::map<const void*, size_t> device_;
  std::map<const void*, size_t> host_;
  std::map<const cuda::Queue*, std::thread::id> busy_;
};

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_CUDA_HOST_DRIVER_H_
