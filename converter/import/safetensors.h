// SPDX-License-Identifier: Apache-2.0
// Reads .safetensors checkpoints: a JSON header and raw tensors, no code. Treats the file as
// hostile. Not: what the tensors mean (model/systems).
#ifndef LIGERO_CONVERTER_IMPORT_SAFETENSORS_H_
#define LIGERO_CONVERTER_IMPORT_SAFETENSORS_H_

#include <iosfwd>
#include <string>

#include "converter/import/error.h"
#include "model/systems/checkpoint.h"

namespace ligero {

/// All tensors of the file at `path`, converted to float (F32, F16, BF16, F64, I64).
/// Throws ImportError: unreadable, header not as the format says, unknown type, ranges outside the
/// file, overlapping, with gaps or surplus bytes, values that are not finite.
Checkpoint read_safetensors(const std::string& path);

/// The same of a stream of `file_bytes` bytes; `source` names it in messages.
Checkpoint read_safetensors(std::istream& stream, uint64_t file_bytes, const std::string& source);

}  // namespace ligero

#endif  // LIGERO_CONVERTER_IMPORT_SAFETENSORS_H_
