// SPDX-License-Identifier: Apache-2.0
// What every reader of a checkpoint throws. Not: the readers.
#ifndef LIGERO_CONVERTER_IMPORT_ERROR_H_
#define LIGERO_CONVERTER_IMPORT_ERROR_H_

#include <stdexcept>

namespace ligero {

/// A file that cannot be read as what it should be; the message says what, where and what was
/// expected.
class ImportError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace ligero

#endif  // LIGERO_CONVERTER_IMPORT_ERROR_H_
