// SPDX-License-Identifier: Apache-2.0
// How an op states its options: a table with a row for each member of its struct, from which
// read_options() parses and checks a node's attributes. Not: the structs that other folders read
// too (options.h).
//
//   struct Options { int32_t chunks; float range; };
//   constexpr Option kOptions[] = {
//       LIGERO_INT_OPTION(Options, chunks, kRequired, 1, 64),
//       LIGERO_FLOAT_OPTION(Options, range, 80, 0, 1000),
//   };
//   const Op kExampleOp = {"example", 1, parse<kOptions>, ...};
#ifndef LIGERO_OPS_OPTION_TABLE_H_
#define LIGERO_OPS_OPTION_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "runtime/op.h"

namespace ligero {

/// An attribute of one value, and the member of four bytes that takes it. The attribute has the
/// member's name, which is the first word of `expected`, the message of a refusal.
struct Option {
  union Number {
    int32_t integer;
    float real;
  };
  const char* expected;
  uint16_t offset;
  bool real;
  bool required;
  Number fallback;
  Number least;
  Number most;
};

/// In the place of a default: the attribute must be there.
enum class Required : uint8_t { kYes };
inline constexpr Required kRequired = Required::kYes;

/// Fills the struct at `options` from the attributes of `node`. kBadModel where one is missing, out
/// of range, of the wrong type, of several values, or not in the table.
Status read_options(const Node& node, std::span<const Option> table, void* options);

/// Op::parse() of a table.
template <const auto& kTable>
Status parse(const Node& node, void* options) {
  return read_options(node, kTable, options);
}

template <class Member>
constexpr Option int_option(
    const char* expected, size_t offset, int32_t fallback, int32_t least, int32_t most) {
  static_assert(sizeof(Member) == sizeof(int32_t) && !std::is_floating_point_v<Member>);
  return {expected,
          static_cast<uint16_t>(offset),
          false,
          false,
          {.integer = fallback},
          {.integer = least},
          {.integer = most}};
}
template <class Member>
constexpr Option int_option(
    const char* expected, size_t offset, Required, int32_t least, int32_t most) {
  Option option = int_option<Member>(expected, offset, least, least, most);
  option.required = true;
  return option;
}
template <class Member>
constexpr Option float_option(
    const char* expected, size_t offset, double fallback, double least, double most) {
  static_assert(std::is_same_v<Member, float>);
  const auto number = [](double x) { return Option::Number{.real = static_cast<float>(x)}; };
  return {expected,
          static_cast<uint16_t>(offset),
          true,
          false,
          number(fallback),
          number(least),
          number(most)};
}
template <class Member>
constexpr Option float_option(
    const char* expected, size_t offset, Required, double least, double most) {
  Option option = float_option<Member>(expected, offset, least, least, most);
  option.required = true;
  return option;
}

}  // namespace ligero

/// Rows of a table. `least` and `most` are literals, for the message has them.
#define LIGERO_INT_OPTION(Struct, member, fallback, least, most)                             \
  ::ligero::int_option<decltype(Struct::member)>(#member " must be one integer from " #least \
                                                         " to " #most,                       \
                                                 offsetof(Struct, member),                   \
                                                 fallback,                                   \
                                                 least,                                      \
                                                 most)
#define LIGERO_FLOAT_OPTION(Struct, member, fallback, least, most)                           \
  ::ligero::float_option<decltype(Struct::member)>(#member " must be one float from " #least \
                                                           " to " #most,                     \
                                                   offsetof(Struct, member),                 \
                                                   fallback,                                 \
                                                   least,                                    \
                                                   most)

#endif  // LIGERO_OPS_OPTION_TABLE_H_
