// Where to compute: what `--device` and the C API ask for. The only header of this folder that
// others need, and the only one in builds without LIGERO_WITH_CUDA. Not: the device (device.h).
#ifndef LIGERO_PLATFORMS_CUDA_CHOOSE_H_
#define LIGERO_PLATFORMS_CUDA_CHOOSE_H_

#include <cstdint>

#include "runtime/device.h"

namespace ligero::cuda {

enum class Choice : int32_t { kCpu, kCuda, kAuto };

/// The first GPU of this machine, the same for all who ask; null for the processor. kAuto: the
/// processor where kCuda would be refused at this call, and, at each Device::open(), for what the
/// GPU has no memory or no kernel for. Not for what happens in between: a GPU that fails after this
/// call is an error of open() and of DeviceRun::run() under kAuto too, and only who asks again gets
/// the processor. kUnsupportedHardware: as check(); the GPU has failed, and stays so for as long as
/// the process lives; a build without CUDA. Load time, any thread.
Result<Device*> choose_device(Choice choice);

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_CHOOSE_H_
