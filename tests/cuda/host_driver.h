// A host in place of a GPU: memory from the heap, kernels run by threads of this process, and every
// fault on demand. Not: speed.
#ifndef LIGERO_TESTS_CUDA_HOST_DRIVER_H_
#define LIGERO_TESTS_CUDA_HOST_DRIVER_H_

#include <cstdint>
#include <map>

#include "platforms/cuda/driver.h"

namespace ligero::testing {

class HostDriver final : public cuda::Driver {
 public:
  /// What runs a kernel: the caller's thread, or real ones that meet at barriers.
  enum class Threads : uint8_t { kOne, kTeams };
  explicit HostDriver(Threads threads = Threads::kOne) : threads_(threads) {}

  cuda::Facts given = {
      .driver = 13000, .runtime = 13000, .devices = 1, .compute = 90, .name = "a host"};
  int64_t bytes_left = INT64_MAX;  ///< of device memory
  int64_t calls_left = INT64_MAX;  ///< of a queue, before the device is lost
  static constexpr cuda::Fault kLost = 719;

  // What has been asked for.
  int64_t allocations = 0;
  int64_t device_bytes = 0;  ///< now in use
  int64_t launches = 0;
  int64_t replays = 0;

  cuda::Facts facts() noexcept override {
    return given;
  }
  void* allocate(size_t bytes) noexcept override;
  void release(void* device) noexcept override;
  void* allocate_host(size_t bytes) noexcept override;
  void release_host(void* host) noexcept override;
  std::unique_ptr<cuda::Queue> make_queue() noexcept override;

  Threads threads() const {
    return threads_;
  }

 private:
  Threads threads_;
  std::map<void*, size_t> sizes_;
};

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_CUDA_HOST_DRIVER_H_
