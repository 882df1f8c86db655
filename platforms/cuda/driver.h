// SPDX-License-Identifier: Apache-2.0
// The seam between the backend and the GPU's driver: memory, copies, launches, captures. Not: CUDA
// (cuda_driver.cu), nor what is launched. Tests put a host in place of a GPU here, and every fault
// that a driver can have.
#ifndef LIGERO_PLATFORMS_CUDA_DRIVER_H_
#define LIGERO_PLATFORMS_CUDA_DRIVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "platforms/cuda/kernels/list.h"
#include "runtime/base/status.h"

namespace ligero::cuda {

/// What a driver says of itself and of its first device.
struct Facts {
  int32_t driver = 0;   ///< CUDA version it supports, 1000 * major + 10 * minor; 0: there is none
  int32_t runtime = 0;  ///< CUDA version that this build needs
  int32_t devices = 0;
  int32_t fault = 0;    ///< the driver's error, where it cannot say how many there are
  int32_t compute = 0;  ///< 10 * major + minor, 86 say
  bool built = false;   ///< this build has all kernels for that GPU, and they have been loaded
  int32_t processors = 0;
  size_t free_bytes = 0;
  double bytes_per_second = 0.0;       ///< of its memory, at most; 0: not known
  double operations_per_second = 0.0;  ///< of float32, at most; 0: not known
  char name[256] = "";
};

/// Errors are the driver's own numbers, 0 for none. A device that has failed once goes on failing.
using Fault = int32_t;

/// Work in order. What is recorded between capture() and captured() is not done, but kept for
/// replay(); the thread must not ask for memory in between, nor give any back, nor wait.
class Queue {
 public:
  virtual ~Queue() = default;
  /// `host` is memory of Driver::allocate_host(), to be left alone until wait().
  virtual Fault upload(void* device, const void* host, size_t bytes) noexcept = 0;
  virtual Fault download(void* host, const void* device, size_t bytes) noexcept = 0;
  virtual Fault zero(void* device, size_t bytes) noexcept = 0;
  virtual Fault launch(const Launch& launch) noexcept = 0;
  virtual Fault capture() noexcept = 0;
  /// Also where something has failed since capture(): without it the thread stays bound.
  virtual Fault captured() noexcept = 0;
  /// Does all that was captured last.
  virtual Fault replay() noexcept = 0;
  virtual Fault wait() noexcept = 0;
};

class Driver {
 public:
  virtual ~Driver() = default;
  virtual Facts facts() noexcept = 0;
  /// What the device has failed with, for as long as the process lives; 0: it works.
  virtual Fault fault() noexcept = 0;
  /// Device memory, 256-byte aligned; null where there is none.
  virtual void* allocate(size_t bytes) noexcept = 0;
  virtual void release(void* device) noexcept = 0;
  /// Host memory that the device can copy from and to, 64-byte aligned.
  virtual void* allocate_host(size_t bytes) noexcept = 0;
  virtual void release_host(void* host) noexcept = 0;
  /// Null where it cannot be had.
  virtual std::unique_ptr<Queue> make_queue() noexcept = 0;
};

/// Memory of a driver, given back by itself.
class Memory {
 public:
  enum class Where : uint8_t { kDevice, kHost };

  Memory() = default;
  Memory(Driver* driver, Where where, size_t bytes)
      : driver_(driver),
        where_(where),
        data_(static_cast<std::byte*>(where == Where::kDevice ? driver->allocate(bytes)
                                                              : driver->allocate_host(bytes))) {}
  Memory(Memory&& other) noexcept
      : driver_(other.driver_), where_(other.where_), data_(std::exchange(other.data_, nullptr)) {}
  Memory& operator=(Memory&& other) noexcept {
    std::swap(driver_, other.driver_);
    std::swap(where_, other.where_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~Memory() {
    if (data_ != nullptr && where_ == Where::kDevice) {
      driver_->release(data_);
    } else if (data_ != nullptr) {
      driver_->release_host(data_);
    }
  }
  /// Null where the driver had none.
  std::byte* data() const {
    return data_;
  }

 private:
  Driver* driver_ = nullptr;
  Where where_ = Where::kDevice;
  std::byte* data_ = nullptr;
};

/// kUnsupportedHardware: Status::where is the driver's error.
Status failed(Fault fault);
/// Why a driver has given no memory: the same where its device has failed, else kTooLittleMemory
/// with the bytes asked for.
Status no_memory(Driver* driver, size_t bytes);

/// NVIDIA's, linked in statically: a program starts without a GPU or its driver.
Driver* cuda_driver();

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_DRIVER_H_
