// SPDX-License-Identifier: Apache-2.0
// Runs one op on given inputs, through infer, measure, prepare and run. Not: planning or delays;
// the harness hands the op exactly the rows that it has declared, and nothing else.
//
//   OpHarness h("linear");
//   h.sequence(1, 8, x).panels(8, 16, w).weight({16}, bias).ints("activation", {1});
//   REQUIRE(h.infer().ok());
//   std::vector<float> whole = h.run();       // all frames in one call
//   std::vector<float> frames = h.run(1);     // frame by frame, with history and state
#ifndef LIGERO_TESTS_SUPPORT_OP_HARNESS_H_
#define LIGERO_TESTS_SUPPORT_OP_HARNESS_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/parallel.h"
#include "runtime/base/status.h"
#include "runtime/op.h"

namespace ligero::testing {

/// Heap memory of exactly `bytes` bytes on a 64-byte boundary, filled with 0xFF (NaN).
class Block {
 public:
  explicit Block(size_t bytes);
  void* data() {
    return data_;
  }
  void fill(int byte);

 private:
  std::unique_ptr<unsigned char[]> memory_;
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

class OpHarness {
 public:
  /// An op of all_ops(). Inputs follow in order.
  explicit OpHarness(const char* op_name);
  explicit OpHarness(const Op& op);

  /// A sequence: x is [frames, bins, channels]; all sequences must have as many frames.
  OpHarness& sequence(int bins, int channels, std::vector<float> x);
  /// A constant [bins, channels].
  OpHarness& constant(int bins, int channels, std::vector<float> x);
  /// A plain f32 weight.
  OpHarness& weight(std::vector<int32_t> dims, std::vector<float> x);
  /// `matrix` [inner, outputs], row by row, stored as panels; kF16 and kQ8 round it.
  OpHarness& panels(int inner,
                    int outputs,
                    const std::vector<float>& matrix,
                    Type type = Type::kF32);
  /// An optional input that is not there.
  OpHarness& absent();

  /// An attribute; another of its name is replaced.
  OpHarness& ints(const char* name, std::vector<int32_t> values);
  OpHarness& floats(const char* name, std::vector<float> values);

  OpHarness& outputs(int count);        ///< default 1
  OpHarness& cpu(uint32_t features);    ///< default cpu_features()
  OpHarness& pool(Parallel* pool);      ///< default none
  OpHarness& total_samples(int64_t n);  ///< default 160 * frames
  OpHarness& unknown_total();           ///< total_frames and total_samples are kUnknown

  /// infer() alone: for refusals. Fills the outputs' shapes.
  Status infer();
  const Inference& inference() const {
    return inference_;
  }
  /// The definition of input or output `k`, to damage before infer().
  Tensor& tensor(size_t k) {
    return tensors_[k];
  }

  /// Runs all frames in calls of at most `block` frames (0: all in one). State is zero before the
  /// first; scratch is filled with NaN before each call. Returns output `k` of all frames.
  /// Throws std::runtime_error where a step refuses, or where the op has written out of bounds.
  std::vector<float> run(int block = 0);
  /// As run(), with output 0 in the memory of input 0, which must be alike in kind and size.
  /// Throws where the op does not say that it can.
  std::vector<float> run_in_place(int block = 0);
  const std::vector<float>& output(size_t k) const {
    return results_[k];
  }
  size_t scratch_bytes() const {
    return needs_.scratch_bytes;
  }

 private:
  struct NamedAttribute {
    std::string name;
    std::vector<int32_t> ints;
    std::vector<float> floats;
  };
  struct Call {
    int first = 0;
    int frames = 0;
    void* data = nullptr;
    void* state = nullptr;
    void* scratch = nullptr;
  };
  OpHarness& add(const Tensor& tensor, std::vector<float> x);
  void set(NamedAttribute attribute);
  void bind();
  void run_call(const Call& call);
  std::vector<float> window(size_t k, const Call& call, int* offset) const;

  const Op* op_;
  std::vector<Tensor> tensors_;             // the inputs, then the outputs
  std::vector<std::vector<float>> values_;  // one for each input
  std::vector<std::shared_ptr<Block>> blocks_;
  std::vector<std::shared_ptr<Block>> scales_;
  std::vector<int32_t> inputs_;
  std::vector<int32_t> outputs_;
  std::vector<NamedAttribute> attributes_;
  std::vector<Attribute> bound_;
  Node node_;
  OpOptions options_;
  Inference inference_;
  Needs needs_;
  std::vector<std::vector<float>> results_;
  int num_outputs_ = 1;
  int frames_ = 1;
  uint32_t cpu_;
  Parallel* pool_ = nullptr;
  int64_t total_samples_ = -1;
  bool unknown_total_ = false;
  bool in_place_ = false;
};

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_OP_HARNESS_H_
