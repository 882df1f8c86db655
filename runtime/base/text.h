// SPDX-License-Identifier: Apache-2.0
// Text put together piece by piece, without the C library's printing, which takes the heap on boards.
#ifndef LIGERO_RUNTIME_BASE_TEXT_H_
#define LIGERO_RUNTIME_BASE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ligero {

/// In a buffer of the caller's, which always ends with a zero; what does not fit is left out.
class Text {
 public:
  /// `bytes` is at least 1.
  Text(char* buffer, size_t bytes) : at_(buffer), end_(buffer + bytes - 1) {
    *at_ = '\0';
  }
  Text& add(std::string_view text);
  Text& add(int64_t number);
  /// At most `most` characters of a file's text, anything that is not printable as '?'.
  Text& add_printable(std::string_view text, size_t most);

 private:
  char* at_;
  char* end_;
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_BASE_TEXT_H_
