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
  explicit LstmCell(uint32_t cpu) : kernels_(&kLstmVariants.best(cpu)) {}

  void operator()(float* z, const float*, int32_t hidden, float* c, float* h) const noexcept {
    kernels_->cell_f32(z, hidden, c, h);
  }

 private:
  const LstmKernels* kernels_;
};

}  // namespace

const Op kLstmOp = Recurrent<LstmCell>::op("lstm");

}  // namespace ligero
