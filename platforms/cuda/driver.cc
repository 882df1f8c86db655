// SPDX-License-Identifier: Apache-2.0
// What a driver's refusals are called.
#include "platforms/cuda/driver.h"

namespace ligero::cuda {

Status failed(Fault fault) {
  return error(
      Code::kUnsupportedHardware, "the GPU has failed: 'where' is the driver's error", -1, fault);
}

Status no_memory(Driver* driver, size_t bytes) {
  const Fault fault = driver->fault();
  return fault != 0 ? failed(fault)
                    : error(Code::kTooLittleMemory,
                            "the GPU has not as much free memory: 'where' is the bytes needed",
                            -1,
                            static_cast<int64_t>(bytes));
}

}  // namespace ligero::cuda
