// SPDX-License-Identifier: Apache-2.0
// The names (classes, functions) that a pickle may mention. Not: the machine that reads it
// (pickle.cc).
#ifndef LIGERO_CONVERTER_IMPORT_PICKLE_NAMES_H_
#define LIGERO_CONVERTER_IMPORT_PICKLE_NAMES_H_

#include <cstdint>
#include <string_view>

namespace ligero {

/// What the machine makes of a call of a name. It calls nothing.
enum class Callee : uint8_t {
  kNone,       ///< the name is on no list: refused
  kType,       ///< a type of storages, never called
  kDict,       ///< a dict
  kSize,       ///< torch.Size: its tuple
  kTensor,     ///< a tensor
  kParameter,  ///< the tensor that it wraps
  kObject,     ///< a harmless object, of which nothing is kept
};

/// `global` is "module name".
Callee callee_of(std::string_view global);

}  // namespace ligero

#endif  // LIGERO_CONVERTER_IMPORT_PICKLE_NAMES_H_
