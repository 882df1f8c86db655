// SPDX-License-Identifier: Apache-2.0
// Text: pieces of text and numbers.
#include "runtime/base/text.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace ligero {

Text& Text::add(std::string_view text) {
  at_ = std::copy_n(text.data(), std::min(text.size(), static_cast<size_t>(end_ - at_)), at_);
  *at_ = '\0';
  return *this;
}

Text& Text::add(int64_t number) {
  char digits[24];
  const char* end = std::to_chars(digits, std::end(digits), number).ptr;
  return add(std::string_view(digits, static_cast<size_t>(end - digits)));
}

Text& Text::add_printable(std::string_view text, size_t most) {
  char* const from = at_;
  add(std::string_view(text.data(), std::min(text.size(), most)));
  std::replace_if(from, at_, [](char c) { return c < 0x20 || c >= 0x7F; }, '?');
  return *this;
}

}  // namespace ligero
