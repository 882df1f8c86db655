// SPDX-License-Identifier: Apache-2.0
// The driver seam over CUDA's runtime, linked in statically. Every call's own error is looked at,
// and the runtime's last one never: it may be anyone's. Not: kernels (kernels_*.cu).
#include <cuda_runtime.h>

#include <cstdio>

#include "platforms/cuda/driver.h"
#include "platforms/cuda/kernels_cuda.h"

namespace ligero::cuda {
namespace {

/// The first device, for as long as it stands: a thread may have another for its own purposes.
class Here {
 public:
  Here() {
    if (cudaGetDevice(&before_) == cudaSuccess && before_ != 0) {
      cudaSetDevice(0);
    }
  }
  ~Here() {
    if (before_ != 0) {
      cudaSetDevice(before_);
    }
  }
  Here(const Here&) = delete;
  Here& operator=(const Here&) = delete;

 private:
  int before_ = 0;
};

class CudaQueue final : public Queue {
 public:
  ~CudaQueue() override {
    const Here here;
    forget();
    if (stream_ != nullptr) {
      cudaStreamDestroy(stream_);
    }
  }
  bool make() {
    const Here here;
    return cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking) == cudaSuccess;
  }

  Fault upload(void* device, const void* host, size_t bytes) noexcept override {
    const Here here;
    return cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream_);
  }
  Fault download(void* host, const void* device, size_t bytes) noexcept override {
    const Here here;
    return cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream_);
  }
  Fault zero(void* device, size_t bytes) noexcept override {
    const Here here;
    return cudaMemsetAsync(device, 0, bytes, stream_);
  }
  Fault launch(const Launch& launch) noexcept override {
    const Here here;
    cudaError_t fault = cudaSuccess;
    for (int32_t step = 0; fault == cudaSuccess && step < launch.repeat; ++step) {
      if (!launch_product(launch, step, stream_, &fault)) {
        launch_other(launch, step, stream_, &fault);
      }
    }
    return fault;
  }
  Fault capture() noexcept override {
    const Here here;
    return cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal);
  }
  Fault captured() noexcept override {
    const Here here;
    cudaGraph_t graph = nullptr;
    cudaError_t fault = cudaStreamEndCapture(stream_, &graph);
    forget();
    if (fault == cudaSuccess) {
      fault = cudaGraphInstantiate(&graph_, graph, 0);
      if (fault != cudaSuccess) {
        graph_ = nullptr;
      }
    }
    if (graph != nullptr) {
      cudaGraphDestroy(graph);
    }
    // Else the first replay() would bring it over.
    return fault == cudaSuccess ? cudaGraphUpload(graph_, stream_) : fault;
  }
  Fault replay() noexcept override {
    const Here here;
    return cudaGraphLaunch(graph_, stream_);
  }
  Fault wait() noexcept override {
    const Here here;
    return cudaStreamSynchronize(stream_);
  }

 private:
  void forget() {
    if (graph_ != nullptr) {
      cudaGraphExecDestroy(graph_);
      graph_ = nullptr;
    }
  }

  cudaStream_t stream_ = nullptr;
  cudaGraphExec_t graph_ = nullptr;
};

class CudaDriver final : public Driver {
 public:
  Facts facts() noexcept override {
    Facts f;
    f.runtime = CUDART_VERSION / 1000 * 1000;  // any driver of that major version will do
    // Without a driver these say 0, or fail: the runtime looks for it at the first call.
    if (cudaDriverGetVersion(&f.driver) != cudaSuccess) {
      f.driver = 0;
    }
    cudaDeviceProp device = {};
    int clock_khz = 0;
    int bus_bits = 0;
    if (f.driver < f.runtime) {
      return f;
    }
    cudaError_t fault = cudaGetDeviceCount(&f.devices);
    if (fault == cudaSuccess && f.devices > 0) {
      fault = cudaGetDeviceProperties(&device, 0);
    }
    f.fault = fault == cudaErrorNoDevice ? 0 : fault;
    if (fault != cudaSuccess || f.devices == 0) {
      return f;
    }
    const Here here;
    cudaDeviceGetAttribute(&clock_khz, cudaDevAttrMemoryClockRate, 0);
    cudaDeviceGetAttribute(&bus_bits, cudaDevAttrGlobalMemoryBusWidth, 0);
    f.compute = 10 * device.major + device.minor;
    f.built = load_products() == cudaSuccess && load_others() == cudaSuccess;
    f.processors = device.multiProcessorCount;
    constexpr double kDoubleRate = 2.0;
    f.bytes_per_second = kDoubleRate * 1e3 * clock_khz * bus_bits / 8;
    cudaDeviceGetAttribute(&clock_khz, cudaDevAttrClockRate, 0);
    // Multiply-adds of a processor in a cycle: 64 of Turing and of the first Ampere, else 128.
    const double per_cycle = f.compute <= 80 ? 64.0 : 128.0;
    f.operations_per_second = 2.0 * per_cycle * 1e3 * clock_khz * f.processors;
    std::snprintf(f.name, sizeof(f.name), "%s", device.name);
    size_t total = 0;
    cudaMemGetInfo(&f.free_bytes, &total);
    return f;
  }
  /// A device that has failed refuses every call.
  Fault fault() noexcept override {
    const Here here;
    size_t free = 0;
    size_t total = 0;
    return cudaMemGetInfo(&free, &total);
  }
  void* allocate(size_t bytes) noexcept override {
    const Here here;
    void* p = nullptr;
    return cudaMalloc(&p, bytes) == cudaSuccess ? p : nullptr;
  }
  void release(void* device) noexcept override {
    const Here here;
    cudaFree(device);
  }
  void* allocate_host(size_t bytes) noexcept override {
    const Here here;
    void* p = nullptr;
    return cudaMallocHost(&p, bytes) == cudaSuccess ? p : nullptr;
  }
  void release_host(void* host) noexcept override {
    const Here here;
    cudaFreeHost(host);
  }
  std::unique_ptr<Queue> make_queue() noexcept override {
    auto queue = std::make_unique<CudaQueue>();
    return queue->make() ? std::move(queue) : nullptr;
  }
};

}  // namespace

Driver* cuda_driver() {
  static CudaDriver driver;
  return &driver;
}

}  // namespace ligero::cuda
