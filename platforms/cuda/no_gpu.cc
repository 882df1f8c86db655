// SPDX-License-Identifier: Apache-2.0
// Builds without LIGERO_WITH_CUDA: the processor, or a refusal.
#include "platforms/cuda/choose.h"

namespace ligero::cuda {

Result<const Backend*> choose_accelerator(Choice choice) {
  LIGERO_CHECK(choice != Choice::kCuda,
               Code::kUnsupportedHardware,
               "this build of ligero runs on no GPU (it was made without LIGERO_WITH_CUDA)");
  return static_cast<const Backend*>(nullptr);
}

}  // namespace ligero::cuda
