// SPDX-License-Identifier: Apache-2.0
// Products, recurrent steps and attention, compiled for the GPU.
#include "platforms/cuda/kernels_cuda.h"

namespace ligero::cuda {

LIGERO_KERNEL_GROUP(launch_product, load_products, LIGERO_CUDA_PRODUCT_KERNELS)

}  // namespace ligero::cuda
