// SPDX-License-Identifier: Apache-2.0
// Where to compute: what `--device` and the C API ask for. The only header of this folder that
// others need, and the only one in builds without LIGERO_WITH_CUDA. Not: the device (backend.h).
#ifndef LIGERO_PLATFORMS_CUDA_CHOOSE_H_
#define LIGERO_PLATFORMS_CUDA_CHOOSE_H_

#include <cstdint>

#include "runtime/run.h"

namespace ligero::cuda {

enum class Choice : int32_t { kCpu, kCuda, kAuto };

/// The first GPU of this machine, the same for all callers; null: the processor alone. kAuto: null
/// if kCuda would be refused at this call; and a GPU whose open() leaves to the processor what it
/// has no memory or kernel for. A GPU that fails later is an error of open() and Run::run() under
/// kAuto too: only the next call of this function leaves it out. kUnsupportedHardware: as check();
/// the GPU has failed, permanently in this process; a build without CUDA. Load time, any thread.
Result<const Backend*> choose_accelerator(Choice choice);

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_CHOOSE_H_
