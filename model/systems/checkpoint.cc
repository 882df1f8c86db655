// Handing out a checkpoint's tensors. Not: which tensors a network has (the systems).
#include "model/systems/checkpoint.h"

#include <algorithm>
#include <utility>

namespace ligero {
namespace {

constexpr size_t kMaxErrorsShown = 20;

// A linear layer's [outputs, inputs] is a convolution's [outputs, inputs, 1].
std::vector<int64_t> without_ones(std::vector<int64_t> shape) {
  while (!shape.empty() && shape.back() == 1) {
    shape.pop_back();
  }
  return shape;
}

// Every run of `size` values begins with what were its last `count`.
void rotate(std::vector<float>* values, int64_t size, int64_t count) {
  for (auto at = values->begin(); at != values->end(); at += size) {
    std::rotate(at, at + (size - count), at + size);
  }
}

void rotate(const Origin& origin, const std::vector<int64_t>& shape, std::vector<float>* values) {
  const auto all = static_cast<int64_t>(values->size());
  const int64_t row = all / shape[0];
  if (origin.rotate_rows > 0) {
    rotate(values, all, origin.rotate_rows * row);
  }
  if (origin.rotate_columns > 0 && shape.size() > 1) {
    rotate(values, row, origin.rotate_columns * (row / shape[1]));
  }
}

}  // namespace

bool is_counter(const std::string& name) {
  return name.ends_with("num_batches_tracked");
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

Weights::Weights(Checkpoint checkpoint) : left_(std::move(checkpoint)) {}

void Weights::set_origin(const std::string& name, Origin origin) {
  origins_[name] = std::move(origin);
}

bool Weights::has(const std::string& name) const {
  return left_.contains(name);
}

bool Weights::has_any(const std::string& prefix) const {
  const auto first = left_.lower_bound(prefix);
  return first != left_.end() && first->first.starts_with(prefix);
}

void Weights::complain(std::string error) {
  errors_.insert(errors_.begin(), std::move(error));
}

void Weights::ignore(const std::string& prefix) {
  ignored_.push_back(prefix);
}

std::vector<float> Weights::take(const std::string& name, const std::vector<int64_t>& shape) {
  size_t count = 1;
  for (int64_t n : shape) {
    count *= static_cast<size_t>(n);
  }
  const auto origin = origins_.find(name);
  const bool moved = origin != origins_.end();
  const std::string& stored = moved ? origin->second.name : name;
  const auto found = left_.find(stored);
  if (found == left_.end()) {
    errors_.push_back("missing tensor " + stored + ": expected shape " + shape_text(shape));
    return std::vector<float>(count);
  }
  CheckpointTensor tensor = std::move(found->second);
  left_.erase(found);
  const bool fits =
      tensor.shape == shape || (moved && without_ones(tensor.shape) == without_ones(shape));
  if (!fits || tensor.values.size() != count) {
    errors_.push_back("tensor " + stored + " has shape " + shape_text(tensor.shape) +
                      ", expected " + shape_text(shape));
    return std::vector<float>(count);
  }
  if (moved && count > 0) {
    rotate(origin->second, shape, &tensor.values);
  }
  return std::move(tensor.values);
}

void Weights::finish() const {
  std::vector<std::string> errors = errors_;
  for (const auto& [name, tensor] : left_) {
    const bool ignored =
        std::any_of(ignored_.begin(), ignored_.end(), [&name = name](const std::string& prefix) {
          return name.starts_with(prefix);
        });
    if (!ignored && !is_counter(name)) {
      errors.push_back("surplus tensor " + name + " of shape " + shape_text(tensor.shape) +
                       ": the configured network has none of this name");
    }
  }
  if (errors.empty()) {
    return;
  }
  std::string message = "checkpoint does not fit the configuration";
  for (size_t i = 0; i < errors.size() && i < kMaxErrorsShown; ++i) {
    message += "\n  " + errors[i];
  }
  if (errors.size() > kMaxErrorsShown) {
    message += "\n  and " + std::to_string(errors.size() - kMaxErrorsShown) + " more";
  }
  throw SystemError(message);
}

}  // namespace ligero
