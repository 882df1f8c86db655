// Handing out a checkpoint's tensors. Not: which tensors a network has (the systems).
#include "model/systems/checkpoint.h"

#include <utility>

namespace ligero {
namespace {

constexpr size_t kMaxErrorsShown = 20;

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

std::vector<float> Weights::take(const std::string& name, const std::vector<int64_t>& shape) {
  size_t count = 1;
  for (int64_t n : shape) {
    count *= static_cast<size_t>(n);
  }
  const auto found = left_.find(name);
  if (found == left_.end()) {
    errors_.push_back("missing tensor " + name + ": expected shape " + shape_text(shape));
    return std::vector<float>(count);
  }
  CheckpointTensor tensor = std::move(found->second);
  left_.erase(found);
  if (tensor.shape != shape || tensor.values.size() != count) {
    errors_.push_back("tensor " + name + " has shape " + shape_text(tensor.shape) + ", expected " +
                      shape_text(shape));
    return std::vector<float>(count);
  }
  return std::move(tensor.values);
}

void Weights::finish() const {
  std::vector<std::string> errors = errors_;
  for (const auto& [name, tensor] : left_) {
    if (!is_counter(name)) {
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
