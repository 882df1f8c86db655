// The one device of the process.
#include "platforms/cuda/choose.h"

#include <memory>
#include <mutex>

#include "platforms/cuda/device.h"

namespace ligero::cuda {

Result<Device*> choose_device(Choice choice) {
  if (choice == Choice::kCpu) {
    return static_cast<Device*>(nullptr);
  }
  static std::mutex mutex;
  static std::unique_ptr<CudaDevice> device;
  const std::lock_guard<std::mutex> lock(mutex);
  if (device == nullptr) {
    Result<std::unique_ptr<CudaDevice>> made = CudaDevice::make(cuda_driver());
    if (!made.ok()) {
      return choice == Choice::kAuto ? Result<Device*>(nullptr) : Result<Device*>(made.status());
    }
    device = std::move(made.value());
  }
  return static_cast<Device*>(device.get());
}

}  // namespace ligero::cuda
