// SPDX-License-Identifier: Apache-2.0
// The GPU as a Backend of the runtime, and whether it can be used. Not: a run on it (cuda_run.h).
#ifndef LIGERO_PLATFORMS_CUDA_BACKEND_H_
#define LIGERO_PLATFORMS_CUDA_BACKEND_H_

#include <memory>
#include <mutex>
#include <vector>

#include "platforms/cuda/choose.h"
#include "platforms/cuda/driver.h"
#include "platforms/cuda/weights.h"
#include "runtime/run.h"

namespace ligero::cuda {

/// Oldest GPU that the kernels are compiled for: Turing.
inline constexpr int32_t kLeastCompute = 75;

/// Whether there is a GPU that this build can use. kUnsupportedHardware: no driver; a driver too
/// old (Status::index the CUDA version it supports, Status::where the one needed, as 1000 * major +
/// 10 * minor), or that fails (Status::where: its error); no GPU; one that is too old, or that the
/// build has no code for (Status::where: 10 * major + minor).
Status check(const Facts& facts);

class CudaBackend final : public Backend {
 public:
  /// `driver` must outlive the backend. Errors as check().
  static Result<std::unique_ptr<CudaBackend>> make(Driver* driver);

  const char* name() const noexcept override {
    return facts_.name;
  }
  const Facts& facts() const {
    return facts_;
  }
  /// kUnsupportedHardware where it has failed, for as long as the process lives.
  Status alive() const;
  Result<std::unique_ptr<Run>> open(const Graph& graph, const PlanOptions& options) const override;

 private:
  CudaBackend(Driver* driver, const Facts& facts) : driver_(driver), facts_(facts) {}
  Result<std::shared_ptr<const Weights>> weights_of(const Graph& graph, Queue* queue) const;

  Driver* driver_;
  Facts facts_;
  mutable std::mutex mutex_;
  mutable std::vector<std::weak_ptr<const Weights>> weights_;
};

/// A backend for what it has memory and kernels for; the rest it leaves to the processor.
class OptionalBackend final : public Backend {
 public:
  explicit OptionalBackend(CudaBackend* gpu) : gpu_(gpu) {}
  const char* name() const noexcept override {
    return gpu_->name();
  }
  Result<std::unique_ptr<Run>> open(const Graph& graph, const PlanOptions& options) const override {
    Result<std::unique_ptr<Run>> opened = gpu_->open(graph, options);
    const Code code = opened.status().code;
    return code == Code::kTooLittleMemory || code == Code::kUnsupportedModel
               ? Result<std::unique_ptr<Run>>(nullptr)
               : std::move(opened);
  }

 private:
  CudaBackend* gpu_;
};

/// A driver's first GPU, opened on first use, and what choose_accelerator() says of it.
class FirstGpu {
 public:
  /// `driver` must outlive it.
  explicit FirstGpu(Driver* driver) : driver_(driver) {}
  Result<const Backend*> choose(Choice choice);

 private:
  Status make();

  Driver* driver_;
  std::mutex mutex_;
  std::unique_ptr<CudaBackend> gpu_;
  std::unique_ptr<OptionalBackend> optional_;
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_BACKEND_H_
