// SPDX-License-Identifier: Apache-2.0
// Strict reading of options, on nlohmann-json. Not: their meaning.
#include "model/systems/options.h"

#include <nlohmann/json.hpp>

#include "model/systems/checkpoint.h"

namespace ligero {

using Json = nlohmann::json;

struct Options::Tree {
  Json json;
  std::map<std::string, std::shared_ptr<const Tree>> children;

  explicit Tree(Json value) : json(std::move(value)) {
    if (json.is_object()) {
      for (const auto& [key, child] : json.items()) {
        children[key] = std::make_shared<const Tree>(child);
      }
    }
  }
};

namespace {

constexpr size_t kMaxValueShown = 60;

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kMaxValueShown) {
    text = text.substr(0, kMaxValueShown) + "...";
  }
  return text;
}

std::string range_text(const Range& range) {
  return "an integer from " + std::to_string(range.least) + " to " + std::to_string(range.most);
}

bool in_range(const Json& value, const Range& range) {
  if (!value.is_number_integer()) {
    return false;
  }
  if (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX}) {
    return false;
  }
  const auto n = value.get<int64_t>();
  return n >= range.least && n <= range.most;
}

}  // namespace

Options::Options(const std::string& text, const std::string& source) : path_(source) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::exception& e) {
    throw SystemError(source + ": not JSON: " + e.what());
  }
  if (!json.is_object()) {
    throw SystemError(source + ": found " + shown(json) + ", expected an object");
  }
  tree_ = std::make_shared<const Tree>(std::move(json));
}

void Options::fail(const std::string& key,
                   const std::string& found,
                   const std::string& expected) const {
  throw SystemError(path_ + ": " + key + ": found " + found + ", expected " + expected);
}

const Options::Tree* Options::find(const std::string& key) {
  known_.insert(key);
  const auto found = tree_->children.find(key);
  return found == tree_->children.end() ? nullptr : found->second.get();
}

std::string Options::text(const std::string& key) {
  if (!find(key)) {
    missing_.insert(key);
  }
  return text(key, "");
}

std::string Options::text(const std::string& key, const std::string& fallback) {
  const Tree* value = find(key);
  if (!value) {
    return fallback;
  }
  if (!value->json.is_string()) {
    fail(key, shown(value->json), "a string");
  }
  return value->json.get<std::string>();
}

std::string Options::choice(const std::string& key,
                            const std::string& fallback,
                            std::initializer_list<const char*> choices) {
  const std::string value = text(key, fallback);
  std::string expected = "one of";
  for (const char* c : choices) {
    if (value == c) {
      return value;
    }
    expected += std::string(" \"") + c + "\"";
  }
  fail(key, shown(Json(value)), expected);
}

bool Options::boolean(const std::string& key, bool fallback) {
  const Tree* value = find(key);
  if (!value) {
    return fallback;
  }
  if (!value->json.is_boolean()) {
    fail(key, shown(value->json), "true or false");
  }
  return value->json.get<bool>();
}

double Options::number(const std::string& key, double fallback, double least, double most) {
  const Tree* value = find(key);
  if (!value) {
    return fallback;
  }
  const bool good = value->json.is_number() && value->json.get<double>() >= least &&
                    value->json.get<double>() <= most;
  if (!good) {
    fail(key,
         shown(value->json),
         "a number from " + shown(Json(least)) + " to " + shown(Json(most)));
  }
  return value->json.get<double>();
}

int Options::integer(const std::string& key, int fallback, Range range) {
  const Tree* value = find(key);
  if (!value) {
    return fallback;
  }
  if (!in_range(value->json, range)) {
    fail(key, shown(value->json), range_text(range));
  }
  return value->json.get<int>();
}

std::vector<int> Options::integers(const std::string& key, std::vector<int> fallback, Range range) {
  const Tree* value = find(key);
  if (!value) {
    return fallback;
  }
  if (!value->json.is_array() || value->json.size() != fallback.size()) {
    fail(key, shown(value->json), "a list of " + std::to_string(fallback.size()) + " integers");
  }
  for (size_t i = 0; i < fallback.size(); ++i) {
    if (!in_range(value->json[i], range)) {
      fail(key + "[" + std::to_string(i) + "]", shown(value->json[i]), range_text(range));
    }
    fallback[i] = value->json[i].get<int>();
  }
  return fallback;
}

Options Options::section(const std::string& key) {
  Options inner;
  inner.path_ = path_ + ": " + key;
  const Tree* value = find(key);
  if (!value) {
    inner.tree_ = std::make_shared<const Tree>(Json::object());
    return inner;
  }
  if (!value->json.is_object()) {
    fail(key, shown(value->json), "an object");
  }
  inner.tree_ = tree_->children.at(key);
  return inner;
}

void Options::finish() const {
  std::string known;
  for (const std::string& key : known_) {
    known += " " + key;
  }
  for (const auto& [key, value] : tree_->children) {
    if (!known_.contains(key)) {
      throw SystemError(path_ + ": unknown key " + shown(Json(key)) + ", expected one of" + known);
    }
  }
  for (const std::string& key : missing_) {
    fail(key, "no such key", "a string; the keys are" + known);
  }
}

std::string Options::canonical(std::initializer_list<const char*> left_out) const {
  Json copy = tree_->json;
  for (const char* key : left_out) {
    copy.erase(key);
  }
  return copy.dump();
}

}  // namespace ligero
