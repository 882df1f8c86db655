// SPDX-License-Identifier: Apache-2.0
// The characters that HTML has other uses for.
#include "platforms/cli/report/html.h"

namespace ligero::cli {

std::string escaped(const std::string& plain) {
  std::string out;
  for (char c : plain) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace ligero::cli
