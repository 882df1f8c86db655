// SPDX-License-Identifier: Apache-2.0
// Strict reading of a system's options from JSON: unknown, missing, mistyped and out-of-range keys
// are errors that name the key, what was found and what was expected. Not: which options a system
// has.
#ifndef LIGERO_MODEL_SYSTEMS_OPTIONS_H_
#define LIGERO_MODEL_SYSTEMS_OPTIONS_H_

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace ligero {

/// Inclusive range of an integer option.
struct Range {
  int64_t least = 1;
  int64_t most = 1 << 16;
};

/// One JSON object whose keys are read one by one. Every function throws SystemError; `fallback` is
/// the value of an absent key, and the function without one needs the key.
class Options {
 public:
  /// Parses `text`; `source` (a file name, say) begins the path in every message.
  Options(const std::string& text, const std::string& source);

  /// A required key; where it is absent: "", and finish() throws.
  std::string text(const std::string& key);
  std::string text(const std::string& key, const std::string& fallback);
  std::string choice(const std::string& key,
                     const std::string& fallback,
                     std::initializer_list<const char*> choices);
  bool boolean(const std::string& key, bool fallback);
  double number(const std::string& key, double fallback, double least, double most);
  int integer(const std::string& key, int fallback, Range range = {});
  /// A list of as many integers as `fallback` has.
  std::vector<int> integers(const std::string& key, std::vector<int> fallback, Range range = {});
  /// A nested object; one without keys where it is absent.
  Options section(const std::string& key);

  /// Throws for a key that nobody has read and for a required one that is absent; either way it
  /// lists all that were read.
  void finish() const;
  /// Throws: `key` was `found`, `expected` what it should be.
  [[noreturn]] void fail(const std::string& key,
                         const std::string& found,
                         const std::string& expected) const;
  /// The object as JSON with sorted keys, without `left_out`: equal for equal options.
  std::string canonical(std::initializer_list<const char*> left_out) const;

 private:
  struct Tree;
  Options() = default;
  const Tree* find(const std::string& key);

  std::shared_ptr<const Tree> tree_;
  std::string path_;
  std::set<std::string> known_;
  std::set<std::string> missing_;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_OPTIONS_H_
