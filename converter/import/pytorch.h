// SPDX-License-Identifier: Apache-2.0
// Reads the checkpoints that torch.save writes (.pt, .pth, .ckpt), as data; runs nothing of them.
// Not: what the tensors mean (model/systems), the pickle itself (pickle.h), the archive (zip.h).
#ifndef LIGERO_CONVERTER_IMPORT_PYTORCH_H_
#define LIGERO_CONVERTER_IMPORT_PYTORCH_H_

#include <cstddef>
#include <span>
#include <string>

#include "converter/import/error.h"
#include "model/systems/checkpoint.h"

namespace ligero {

/// The tensors of a state dict, converted to float (storages of floats, integers, bools). The state
/// dict is what stands under "average", "model", "state_dict", "model_state_dict" or "model_state",
/// the first of them that holds tensors; else the dict with the most tensors, at the top or inside.
/// Values of it that are no tensors do not count. Throws ImportError: an archive that is not
/// PyTorch's or damaged, code instead of tensors, views that leave their storage or repeat it
/// absurdly, values that are not finite.
Checkpoint read_pytorch(std::span<const std::byte> file, const std::string& source);

}  // namespace ligero

#endif  // LIGERO_CONVERTER_IMPORT_PYTORCH_H_
