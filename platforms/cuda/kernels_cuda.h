// SPDX-License-Identifier: Apache-2.0
// Launches of kernels on a CUDA stream. Only the .cu files include this.
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_CUDA_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_CUDA_H_

#include <cuda_runtime.h>

#include "platforms/cuda/kernels/list.h"

namespace ligero::cuda {

/// False where the kernel is not one of theirs; else `fault` is what became of it.
bool launch_product(const Launch& launch, int32_t step, cudaStream_t stream, cudaError_t* fault);
bool launch_other(const Launch& launch, int32_t step, cudaStream_t stream, cudaError_t* fault);

/// Brings all of theirs over, which otherwise waits for the first launch: that may be in a capture.
cudaError_t load_products();
cudaError_t load_others();

/// Blocks that a processor holds at least; 0: as the compiler thinks best.
template <typename Body>
constexpr int least_blocks() {
  if constexpr (requires { Body::kLeastBlocks; }) {
    return Body::kLeastBlocks;
  } else {
    return 0;
  }
}

template <typename Body>
__global__ void __launch_bounds__(Body::kLanes, least_blocks<Body>())
    run_body(const Body body, int32_t step) {
  extern __shared__ float4 shared[];
  __shared__ double meeting[Body::kLanes];
  Block<Body::kLanes> block;
  block.x = static_cast<int32_t>(blockIdx.x);
  block.y = static_cast<int32_t>(blockIdx.y);
  block.z = static_cast<int32_t>(blockIdx.z);
  block.step = step;
  block.lane = static_cast<int32_t>(threadIdx.x);
  block.shared = reinterpret_cast<float*>(shared);
  block.meeting = meeting;
  body(block);
}

/// By the function that returns its own error: the last error may be that of another call.
template <typename Body>
cudaError_t launch_body(const Launch& launch, int32_t step, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(launch.blocks[0]),
                  static_cast<unsigned>(launch.blocks[1]),
                  static_cast<unsigned>(launch.blocks[2]));
  Body body;
  std::memcpy(&body, launch.arguments, sizeof(body));
  void* arguments[] = {&body, &step};
  return cudaLaunchKernel(run_body<Body>,
                          grid,
                          dim3(Body::kLanes),
                          arguments,
                          static_cast<size_t>(launch.shared_bytes),
                          stream);
}

template <typename Body>
cudaError_t load_body() {
  cudaFuncAttributes found = {};
  const cudaError_t fault = cudaFuncGetAttributes(&found, run_body<Body>);
  return fault == cudaSuccess && found.maxThreadsPerBlock < Body::kLanes
             ? cudaErrorLaunchOutOfResources
             : fault;
}

}  // namespace ligero::cuda

// The functions above, of a group of kernels in the list.
#define LIGERO_LAUNCH_KERNEL(name, type)              \
  case Kernel::name:                                  \
    *fault = launch_body<type>(launch, step, stream); \
    return true;
#define LIGERO_LOAD_KERNEL(name, type) fault = fault != cudaSuccess ? fault : load_body<type>();
#define LIGERO_KERNEL_GROUP(launch_group, load_group, KERNELS)                                     \
  bool launch_group(const Launch& launch, int32_t step, cudaStream_t stream, cudaError_t* fault) { \
    switch (launch.kernel) {                                                                       \
      KERNELS(LIGERO_LAUNCH_KERNEL)                                                                \
      default:                                                                                     \
        return false;                                                                              \
    }                                                                                              \
  }                                                                                                \
  cudaError_t load_group() {                                                                       \
    cudaError_t fault = cudaSuccess;                                                               \
    KERNELS(LIGERO_LOAD_KERNEL)                                                                    \
    return fault;                                                                                  \
  }

#endif  // LIGERO_PLATFORMS_CUDA_KERNELS_CUDA_H_
