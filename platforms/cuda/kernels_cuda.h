// Launches of kernels on a CUDA stream. Only the .cu files include this.
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_CUDA_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_CUDA_H_

#include <cuda_runtime.h>

#include "platforms/cuda/kernels/list.h"

namespace ligero::cuda {

void launch_kernel(const Launch& launch, int32_t step, cudaStream_t stream);

/// False where the kernel is not one of theirs.
bool launch_product(const Launch& launch, int32_t step, cudaStream_t stream);
bool launch_other(const Launch& launch, int32_t step, cudaStream_t stream);

template <typename Body>
__global__ void __launch_bounds__(Body::kLanes) run_body(const Body body, int32_t step) {
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

template <typename Body>
void launch_body(const Launch& launch, int32_t step, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(launch.blocks[0]),
                  static_cast<unsigned>(launch.blocks[1]),
                  static_cast<unsigned>(launch.blocks[2]));
  Body body;
  std::memcpy(&body, launch.arguments, sizeof(body));
  run_body<Body>
      <<<grid, Body::kLanes, static_cast<size_t>(launch.shared_bytes), stream>>>(body, step);
}

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_KERNELS_CUDA_H_
