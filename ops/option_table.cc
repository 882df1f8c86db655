// SPDX-License-Identifier: Apache-2.0
// Reads a node's attributes by a table. Not: any table.
#include "ops/option_table.h"

#include <cstring>
#include <string_view>

namespace ligero {
namespace {

bool names(std::string_view expected, std::string_view name) {
  return expected.substr(0, expected.find(' ')) == name;
}

/// Whether `attribute` has one value, of the option's type and in its range; NaN is in none.
bool take(const Attribute& attribute, const Option& option, Option::Number* value) {
  if (attribute.ints.size() != (option.real ? 0 : 1) ||
      attribute.floats.size() != (option.real ? 1 : 0)) {
    return false;
  }
  if (option.real) {
    value->real = attribute.floats[0];
    return value->real >= option.least.real && value->real <= option.most.real;
  }
  value->integer = attribute.ints[0];
  return value->integer >= option.least.integer && value->integer <= option.most.integer;
}

}  // namespace

Status read_options(const Node& node, std::span<const Option> table, void* options) {
  size_t known = 0;
  for (const Option& option : table) {
    Option::Number value = option.fallback;
    const Attribute* found = nullptr;
    bool fits = true;
    for (const Attribute& attribute : node.attributes) {
      if (names(option.expected, attribute.name)) {
        fits = found == nullptr && take(attribute, option, &value);
        found = &attribute;
        ++known;
      }
    }
    LIGERO_CHECK(fits && (found != nullptr || !option.required), Code::kBadModel, option.expected);
    std::memcpy(static_cast<std::byte*>(options) + option.offset, &value, sizeof(value));
  }
  LIGERO_CHECK(
      known == node.attributes.size(), Code::kBadModel, "an attribute is none of the op's options");
  return {};
}

}  // namespace ligero
