// SPDX-License-Identifier: Apache-2.0
// A checkpoint's tensors by name, and their use: what is missing, misshaped or left over is
// collected. Not: how a checkpoint is read (converter/import).
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

/// Whether PyTorch counts there: batches of a batch norm (num_batches_tracked), models in an average
/// (n_averaged). No weight of anything.
bool is_counter(const std::string& name);

/// `name` without `wrapper`, where it begins so.
std::string unwrapped(const std::string& name, const std::string& wrapper);

/// "[16, 4, 3, 3]".
std::string shape_text(const std::vector<int64_t>& shape);

/// Shapes by name.
using CheckpointShapes = std::map<std::string, std::vector<int64_t>>;

/// Where a tensor stands in a checkpoint of another layout, and how its channels lie there.
struct Origin {
  std::string name;
  int64_t rotate_rows = 0;     ///< so many rows at the end come first here
  int64_t rotate_columns = 0;  ///< so many columns (second axis) at the end come first here
};

/// Hands out a checkpoint's tensors, each once. Errors are collected so that one run names them
/// all.
class Weights {
 public:
  explicit Weights(Checkpoint checkpoint);
  /// For a trial of names and shapes: hands out zeros.
  static Weights trial(CheckpointShapes shapes);

  /// From now on take(`name`, ...) takes the tensor that `origin` says, which may lack axes of size
  /// 1 at the end of its shape. Errors name the origin.
  void set_origin(const std::string& name, Origin origin);
  /// Whether a tensor of this name has not been taken.
  bool has(const std::string& name) const;
  /// Whether a tensor whose name begins so has not been taken.
  bool has_any(const std::string& prefix) const;
  /// Puts an error at the head of the list.
  void complain(std::string error);
  /// Tensors whose names begin so may be left over: they are no part of the network.
  void ignore(const std::string& prefix);

  /// The values of tensor `name`, whose shape must be `shape`. Zeros of that size, and an error on
  /// the list, where it is missing or has another shape.
  std::vector<float> take(const std::string& name, const std::vector<int64_t>& shape);

  /// How many tensors were missing, had another shape, or were never taken. Counters may be left
  /// over.
  size_t misfits() const;
  /// Throws SystemError if misfits() is not 0. The message names the tensors, and for each missing
  /// one the closest name that the checkpoint has. `prefix` was taken off every name: messages have
  /// it again.
  void finish(const std::string& prefix = "") const;

 private:
  struct Missing {
    std::string name;
    std::vector<int64_t> shape;
  };
  struct Misshapen {
    std::string name;
    std::vector<int64_t> shape;
    std::vector<int64_t> expected;
  };
  std::vector<std::string> left_over() const;
  std::string closest(const Missing& missing, const std::vector<std::string>& left) const;

  CheckpointShapes left_;
  Checkpoint values_;  // empty in a trial
  bool trial_ = false;
  size_t taken_ = 0;
  std::map<std::string, Origin> origins_;
  std::vector<std::string> ignored_;
  std::vector<std::string> complaints_;
  std::vector<Missing> missing_;
  std::vector<Misshapen> misshapen_;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_CHECKPOINT_H_
