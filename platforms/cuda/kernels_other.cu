// SPDX-License-Identifier: Apache-2.0
// All kernels that are no products, compiled for the GPU.
#include "platforms/cuda/kernels_cuda.h"

namespace ligero::cuda {

LIGERO_KERNEL_GROUP(launch_other, load_others, LIGERO_CUDA_OTHER_KERNELS)

}  // namespace ligero::cuda
