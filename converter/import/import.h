// SPDX-License-Identifier: Apache-2.0
// Reads a checkpoint of any known format, which its content tells. Not: the formats.
#ifndef LIGERO_CONVERTER_IMPORT_IMPORT_H_
#define LIGERO_CONVERTER_IMPORT_IMPORT_H_

#include <string>

#include "converter/import/error.h"
#include "model/systems/checkpoint.h"

namespace ligero {

/// The tensors of the file at `path`: PyTorch's (pytorch.h) where it is a zip archive, else
/// safetensors. The file's name does not matter. Throws ImportError.
Checkpoint read_checkpoint(const std::string& path);

}  // namespace ligero

#endif  // LIGERO_CONVERTER_IMPORT_IMPORT_H_
