// SPDX-License-Identifier: Apache-2.0
// lstm: PyTorch's LSTM, one direction. Not: the walk over steps (recurrent.h), nor the cell's
// functions (kernels/lstm).
#include "ops/kernels/lstm/lstm.h"

#include "ops/recurrent.h"
#include "ops/table.h"

namespace ligero {
namespace {

class LstmCell {
 public:
  static constexpr int32_t kGates = 4;
  static constexpr size_t kBiases = 1;
  LstmCell(uint32_t cpu, const RecurrentOptions& options)
      : kernels_(&kLstmVariants.best(cpu)),
        limit_(options.cell_bound()) {}

  void operator()(float* z, const float*, int32_t hidden, float* c, float* h) const noexcept {
    kernels_->cell_f32(z, hidden, limit_, c, h);
  }

 private:
  const LstmKernels* kernels_;
  float limit_;
};

constexpr Option kOptions[] = {
    LIGERO_INT_OPTION(RecurrentOptions, axis, 0, 0, 1),
    LIGERO_INT_OPTION(RecurrentOptions, reverse, 0, 0, 1),
    LIGERO_FLOAT_OPTION(RecurrentOptions, cell_limit, 0, 0, 1000000),
};

}  // namespace

const Op kLstmOp = Recurrent<LstmCell>::op("lstm", parse<kOptions>);

}  // namespace ligero
