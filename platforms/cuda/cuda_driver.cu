// The driver seam over CUDA's runtime, linked in statically. Not: kernels (kernels_*.cu).
#include <cuda_runtime.h>

#include <cstdio>

#include "platforms/cuda/driver.h"
#include "platforms/cuda/kernels_cuda.h"

namespace ligero::cuda {
namespace {

class CudaQueue final : public Queue {
 public:
  ~CudaQueue() override {
    forget();
    cudaStreamDestroy(stream_);
  }
  bool make() {
    return cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking) == cudaSuccess;
  }

  Fault upload(void* device, const void* host, size_t bytes) noexcept override {
    return cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream_);
  }
  Fault download(void* host, const void* device, size_t bytes) noexcept override {
    return cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream_);
  }
  Fault zero(void* device, size_t bytes) noexcept override {
    return cudaMemsetAsync(device, 0, bytes, stream_);
  }
  Fault launch(const Launch& launch) noexcept override {
    for (int32_t step = 0; step < launch.repeat; ++step) {
      launch_kernel(launch, step, stream_);
      if (const cudaError_t fault = cudaGetLastError(); fault != cudaSuccess) {
        return fault;
      }
    }
    return 0;
  }
  Fault capture() noexcept override {
    return cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal);
  }
  Fault captured() noexcept override {
    cudaGraph_t graph = nullptr;
    cudaError_t fault = cudaStreamEndCapture(stream_, &graph);
    if (fault == cudaSuccess) {
      forget();
      fault = cudaGraphInstantiate(&graph_, graph, 0);
    }
    if (graph != nullptr) {
      cudaGraphDestroy(graph);
    }
    return fault;
  }
  Fault replay() noexcept override {
    return cudaGraphLaunch(graph_, stream_);
  }
  Fault wait() noexcept override {
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
    if (f.driver < f.runtime || cudaGetDeviceCount(&f.devices) != cudaSuccess || f.devices == 0 ||
        cudaGetDeviceProperties(&device, 0) != cudaSuccess) {
      cudaGetLastError();
      return f;
    }
    cudaDeviceGetAttribute(&clock_khz, cudaDevAttrMemoryClockRate, 0);
    cudaDeviceGetAttribute(&bus_bits, cudaDevAttrGlobalMemoryBusWidth, 0);
    f.compute = 10 * device.major + device.minor;
    f.processors = device.multiProcessorCount;
    constexpr double kDoubleRate = 2.0;
    f.bytes_per_second = kDoubleRate * 1e3 * clock_khz * bus_bits / 8;
    std::snprintf(f.name, sizeof(f.name), "%s", device.name);
    size_t total = 0;
    cudaMemGetInfo(&f.free_bytes, &total);
    return f;
  }
  void* allocate(size_t bytes) noexcept override {
    void* p = nullptr;
    if (cudaMalloc(&p, bytes) != cudaSuccess) {
      cudaGetLastError();  // the next call is not to find it
      return nullptr;
    }
    return p;
  }
  void release(void* device) noexcept override {
    cudaFree(device);
  }
  void* allocate_host(size_t bytes) noexcept override {
    void* p = nullptr;
    if (cudaMallocHost(&p, bytes) != cudaSuccess) {
      cudaGetLastError();
      return nullptr;
    }
    return p;
  }
  void release_host(void* host) noexcept override {
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

void launch_kernel(const Launch& launch, int32_t step, cudaStream_t stream) {
  if (!launch_product(launch, step, stream)) {
    launch_other(launch, step, stream);
  }
}

}  // namespace ligero::cuda
