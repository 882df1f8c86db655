// SPDX-License-Identifier: Apache-2.0
// What a reader of checkpoints says when it refuses. Not: any reader.
#ifndef LIGERO_TESTS_CONVERTER_REFUSALS_H_
#define LIGERO_TESTS_CONVERTER_REFUSALS_H_

#include <doctest/doctest.h>

#include <string>

#include "converter/import/error.h"

namespace ligero::testing {

/// The message with which `work()` refuses; "" where it does not.
template <typename Work>
std::string refusal_by(Work work) {
  try {
    work();
  } catch (const ImportError& error) {
    return error.what();
  }
  return "";
}

/// Shows the whole text where a check of this fails.
inline bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_CONVERTER_REFUSALS_H_
