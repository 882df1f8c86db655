// Reads .safetensors checkpoints: a JSON header and raw tensors, no code. Treats the file as hostile.
// Not: what the tensors mean (model/systems).
#ifndef LIGERO_CONVERTER_IMPORT_SAFETENSORS_H_
#define LIGERO_CONVERTER_IMPORT_SAFETENSORS_H_

#include <iosfwd>
#include <stdexcept>
#include <string>

#include "model/systems/checkpoint.h"

namespace ligero {

/// A file that cannot be read as what it should be; the message says what, where and what was expected.
class ImportError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// All tensors of the file at `path`, converted to float (F32, F16, BF16, F64, I64).
/// Throws ImportError: unreadable, header not as the format says, unknown type, ranges outside the
/// file, overlapping, with gaps or surplus bytes, values that are not finite.
Checkpoint read_safetensors(const std::string& path);

/// The same of a stream of `file_bytes` bytes; `source` names it in messages.
Checkpoint read_safetensors(std::istream& stream, uint64_t file_bytes, const std::string& source);

}  // namespace ligero

#endif  // LIGERO_CONVERTER_IMPORT_SAFETENSORS_H_
