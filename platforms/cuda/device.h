// The GPU as a Device of the runtime, and whether it can be used. Not: a run on it (device_run.h).
#ifndef LIGERO_PLATFORMS_CUDA_DEVICE_H_
#define LIGERO_PLATFORMS_CUDA_DEVICE_H_

#include <memory>
#include <mutex>
#include <vector>

#include "platforms/cuda/choose.h"
#include "platforms/cuda/driver.h"
#include "platforms/cuda/weights.h"
#include "runtime/device.h"

namespace ligero::cuda {

/// Oldest GPU that the kernels are compiled for: Turing.
inline constexpr int32_t kLeastCompute = 75;

/// Whether there is a GPU that this build can use. kUnsupportedHardware: no driver; a driver too
/// old (Status::index the CUDA version it supports, Status::where the one needed, as 1000 * major +
/// 10 * minor), or that fails (Status::where: its error); no GPU; one that is too old, or that the
/// build has no code for (Status::where: 10 * major + minor).
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
  /// kUnsupportedHardware where it has failed, for as long as the process lives.
  Status alive() const;
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

/// A device for what it has memory and kernels for; the rest it leaves to the processor.
class OptionalDevice final : public Device {
 public:
  explicit OptionalDevice(CudaDevice* device) : device_(device) {}
  const char* name() const override {
    return device_->name();
  }
  Result<std::unique_ptr<DeviceRun>> open(const Graph& graph,
                                          const PlanOptions& options,
                                          int32_t sessions) override {
    Result<std::unique_ptr<DeviceRun>> opened = device_->open(graph, options, sessions);
    const Code code = opened.status().code;
    return code == Code::kTooLittleMemory || code == Code::kUnsupportedModel
               ? Result<std::unique_ptr<DeviceRun>>(nullptr)
               : std::move(opened);
  }

 private:
  CudaDevice* device_;
};

/// A driver's first device, made when it is first asked for, and what choose_device() says of it.
class FirstDevice {
 public:
  /// `driver` must outlive it.
  explicit FirstDevice(Driver* driver) : driver_(driver) {}
  Result<Device*> choose(Choice choice);

 private:
  Status make();

  Driver* driver_;
  std::mutex mutex_;
  std::unique_ptr<CudaDevice> device_;
  std::unique_ptr<OptionalDevice> optional_;
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_DEVICE_H_
