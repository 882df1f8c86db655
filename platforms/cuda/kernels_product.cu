// Products, recurrent steps and attention, compiled for the GPU.
#include "platforms/cuda/kernels_cuda.h"

namespace ligero::cuda {

bool launch_product(const Launch& launch, int32_t step, cudaStream_t stream) {
  switch (launch.kernel) {
#define LIGERO_LAUNCH(name, type)            \
  case Kernel::name:                         \
    launch_body<type>(launch, step, stream); \
    return true;
    LIGERO_CUDA_PRODUCT_KERNELS(LIGERO_LAUNCH)
#undef LIGERO_LAUNCH
    default:
      return false;
  }
}

}  // namespace ligero::cuda
