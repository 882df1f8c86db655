// A checkpoint's tensors by name, and their use: what is missing, misshaped or left over is collected.
// Not: how a checkpoint is read (converter/import).
#ifndef LIGERO_MODEL_SYSTEMS_CHECKPOINT_H_
#define LIGERO_MODEL_SYSTEMS_CHECKPOINT_H_

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace ligero {

/// One tensor, converted to float, row-major.
struct CheckpointTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

using Checkpoint = std::map<std::string, CheckpointTensor>;

/// A checkpoint or configuration that does not fit; the message names everything at fault.
class SystemError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Whether PyTorch's batch norm counts its batches there (num_batches_tracked): no weight of anything.
bool is_counter(const std::string& name);

/// "[16, 4, 3, 3]".
std::string shape_text(const std::vector<int64_t>& shape);

/// Hands out a checkpoint's tensors, each once. Errors are collected so that one run names them all.
class Weights {
 public:
  explicit Weights(Checkpoint checkpoint);

  /// The values of tensor `name`, whose shape must be `shape`. Zeros of that size, and an error on
  /// the list, where it is missing or has another shape.
  std::vector<float> take(const std::string& name, const std::vector<int64_t>& shape);

  /// Throws SystemError if any tensor was missing, had another shape, or was never taken.
  /// Counters may be left over.
  void finish() const;

 private:
  Checkpoint left_;
  std::vector<std::string> errors_;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_CHECKPOINT_H_
