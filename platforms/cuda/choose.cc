// SPDX-License-Identifier: Apache-2.0
// The one device of the process.
#include "platforms/cuda/choose.h"

#include "platforms/cuda/backend.h"

namespace ligero::cuda {

Result<const Backend*> choose_accelerator(Choice choice) {
  static FirstGpu gpu(cuda_driver());
  return gpu.choose(choice);
}

}  // namespace ligero::cuda
