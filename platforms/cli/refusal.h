// SPDX-License-Identifier: Apache-2.0
// How the tool refuses: one exception whose text says what, where and what was expected. Not: exit
// codes (main.cc).
#ifndef LIGERO_PLATFORMS_CLI_REFUSAL_H_
#define LIGERO_PLATFORMS_CLI_REFUSAL_H_

#include <sstream>
#include <stdexcept>
#include <string>

#include "runtime/base/status.h"

namespace ligero::cli {

/// Input that the tool does not take; what() is the whole message for the user.
class Refusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The parts as one string.
template <typename... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <typename... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  throw Refusal(text(parts...));
}

/// "<subject>: <message of the status> (<detail>)"; without a detail, what its integers say.
[[noreturn]] void refuse_status(const std::string& subject,
                                const Status& status,
                                const std::string& detail = "");

/// The same for a status whose `where` is an errno (0: none).
[[noreturn]] void refuse_system_status(const std::string& subject, const Status& status);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_REFUSAL_H_
