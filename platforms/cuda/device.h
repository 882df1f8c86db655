// The GPU as a Device of the runtime. Not: a run on it (device_run.h), whether to use it
// (choose.h).
#ifndef LIGERO_PLATFORMS_CUDA_DEVICE_H_
#define LIGERO_PLATFORMS_CUDA_DEVICE_H_

#include <memory>
#include <mutex>
#include <vector>

#include "platforms/cuda/driver.h"
#include "platforms/cuda/weights.h"
#include "runtime/device.h"

namespace ligero::cuda {

/// Oldest GPU that the kernels are compiled for: Turing.
inline constexpr int32_t kLeastCompute = 75;

/// Whether there is a GPU that this build can use. kUnsupportedHardware: no driver; a driver too
/// old (Status::index the CUDA version it supports, Status::where the one needed, as 1000 * major +
/// 10 * minor); no GPU; one that is too old (Status::where: 10 * major + minor).
Status check(const Facts& facts);

class CudaDevice final : public Device {
 public:
  /// `driver` must outlive the device. Errors as check().
  static Result<std::unique_ptr<CudaDevice>> make(Driver* driver);

  const char* name() const override {
    return facts_.name;
  }
  const Facts& facts() const {
    return facts_;
  }
  Result<std::unique_ptr<DeviceRun>> open(const Graph& graph,
                                          const PlanOptions& options,
                                          int32_t sessions) override;

 private:
  CudaDevice(Driver* driver, const Facts& facts) : driver_(driver), facts_(facts) {}
  Result<std::shared_ptr<const Weights>> weights_of(const Graph& graph, Queue* queue);

  Driver* driver_;
  Facts facts_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<const Weights>> weights_;
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_DEVICE_H_
