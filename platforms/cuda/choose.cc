// The one device of the process.
#include "platforms/cuda/choose.h"

#include "platforms/cuda/device.h"

namespace ligero::cuda {

Result<Device*> choose_device(Choice choice) {
  static FirstDevice gpu(cuda_driver());
  return gpu.choose(choice);
}

}  // namespace ligero::cuda
