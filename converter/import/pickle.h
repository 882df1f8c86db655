// SPDX-License-Identifier: Apache-2.0
// Reads the pickles that PyTorch writes for tensors, as data: an allowlist of opcodes and of names.
// No code is run. Not: the archive around them, the tensors' bytes.
#ifndef LIGERO_CONVERTER_IMPORT_PICKLE_H_
#define LIGERO_CONVERTER_IMPORT_PICKLE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "converter/import/error.h"

namespace ligero {

enum class PickleKind : uint8_t {
  kNone,
  kBool,     ///< integer
  kInt,      ///< integer
  kBigInt,   ///< more than 64 bits, not kept
  kFloat,    ///< number
  kText,     ///< text, UTF-8 as found
  kTuple,    ///< items
  kList,     ///< items
  kDict,     ///< items: key, value, key, value ...; of equal keys the last one counts
  kGlobal,   ///< text: "module name"
  kStorage,  ///< text: its key; integer: its elements; items[0]: the kGlobal of its type
  kTensor,   ///< items: storage, size tuple, stride tuple; integer: offset in elements
  kObject,   ///< a harmless object (NumPy scalar, set, Path, Namespace ...), of which nothing is kept
};

struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  int64_t integer = 0;
  double number = 0.0;
  std::string text;
  std::vector<int32_t> items;  ///< indices of other values; a list may hold itself
};

struct Pickle {
  std::vector<PickleValue> values;
  int32_t root = 0;

  const PickleValue& at(int32_t index) const {
    return values[static_cast<size_t>(index)];
  }
};

/// Reads one pickle of protocol 2 to 5. `source` names it in messages. Throws ImportError with
/// offset and name of the first opcode or global that is not on the list, and for damage. Harmless
/// objects are passed over: the calls that would build them give a kObject and call nothing.
Pickle read_pickle(std::span<const std::byte> bytes, const std::string& source);

}  // namespace ligero

#endif  // LIGERO_CONVERTER_IMPORT_PICKLE_H_
