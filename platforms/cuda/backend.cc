// SPDX-License-Identifier: Apache-2.0
// Checks before the first use, and weights shared between runs.
#include "platforms/cuda/backend.h"

#include "platforms/cuda/cuda_run.h"

namespace ligero::cuda {

Status check(const Facts& facts) {
  LIGERO_CHECK(facts.driver > 0, Code::kUnsupportedHardware, "this machine has no NVIDIA driver");
  LIGERO_CHECK(facts.driver >= facts.runtime,
               Code::kUnsupportedHardware,
               "the NVIDIA driver is too old: 'index' is the CUDA version it supports, 'where' the "
               "one expected",
               facts.driver,
               facts.runtime);
  LIGERO_CHECK(facts.fault == 0,
               Code::kUnsupportedHardware,
               "the NVIDIA driver cannot say which GPUs there are: 'where' is its error",
               -1,
               facts.fault);
  LIGERO_CHECK(facts.devices > 0, Code::kUnsupportedHardware, "this machine has no NVIDIA GPU");
  LIGERO_CHECK(facts.compute >= kLeastCompute,
               Code::kUnsupportedHardware,
               "the GPU is too old: 'where' is ten times its compute capability, 75 is expected",
               -1,
               facts.compute);
  LIGERO_CHECK(facts.built,
               Code::kUnsupportedHardware,
               "this build of ligero has no code for this GPU: 'where' is ten times its compute "
               "capability",
               -1,
               facts.compute);
  return {};
}

Result<std::unique_ptr<CudaBackend>> CudaBackend::make(Driver* driver) {
  const Facts facts = driver->facts();
  LIGERO_RETURN_IF_ERROR(check(facts));
  return std::unique_ptr<CudaBackend>(new CudaBackend(driver, facts));
}

Status CudaBackend::alive() const {
  const Fault fault = driver_->fault();
  return fault != 0 ? failed(fault) : Status{};
}

Result<std::shared_ptr<const Weights>> CudaBackend::weights_of(const Graph& graph,
                                                                 Queue* queue) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(weights_, [](const auto& w) { return w.expired(); });
  for (const std::weak_ptr<const Weights>& known : weights_) {
    const std::shared_ptr<const Weights> w = known.lock();
    if (w != nullptr && w->are_of(graph)) {
      return w;
    }
  }
  Result<std::shared_ptr<Weights>> made = Weights::upload(graph, driver_, queue);
  LIGERO_RETURN_IF_ERROR(made.status());
  weights_.push_back(made.value());
  return std::shared_ptr<const Weights>(made.value());
}

Result<std::unique_ptr<Run>> CudaBackend::open(const Graph& graph,
                                               const PlanOptions& options) const {
  std::unique_ptr<Queue> queue = driver_->make_queue();
  if (queue == nullptr) {
    return no_memory(driver_, 0);
  }
  Result<std::shared_ptr<const Weights>> weights = weights_of(graph, queue.get());
  LIGERO_RETURN_IF_ERROR(weights.status());
  return CudaRun::open(
      graph, options, std::move(weights.value()), driver_, std::move(queue), facts_.processors);
}

Status FirstGpu::make() {
  if (gpu_ != nullptr) {
    return gpu_->alive();
  }
  Result<std::unique_ptr<CudaBackend>> made = CudaBackend::make(driver_);
  LIGERO_RETURN_IF_ERROR(made.status());
  gpu_ = std::move(made.value());
  optional_ = std::make_unique<OptionalBackend>(gpu_.get());
  return {};
}

Result<const Backend*> FirstGpu::choose(Choice choice) {
  if (choice == Choice::kCpu) {
    return static_cast<const Backend*>(nullptr);
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  const Status status = make();
  if (!status.ok()) {
    return choice == Choice::kAuto ? Result<const Backend*>(nullptr) : Result<const Backend*>(status);
  }
  return choice == Choice::kAuto ? static_cast<const Backend*>(optional_.get()) : gpu_.get();
}

}  // namespace ligero::cuda
