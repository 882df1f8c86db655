// SPDX-License-Identifier: Apache-2.0
// Recurrent layers from a checkpoint's tensors. Not: what surrounds them.
#ifndef LIGERO_MODEL_SYSTEMS_RECURRENT_H_
#define LIGERO_MODEL_SYSTEMS_RECURRENT_H_

#include <cstdint>
#include <string>

#include "model/systems/builder.h"

namespace ligero {

/// Axis along which a recurrent layer or attention runs (ops/OPS.md).
enum class Axis : int32_t { kTime = 0, kBins = 1 };

enum class Cell { kLstm, kGru };

struct RecurrentShape {
  int hidden = 1;  ///< of each direction
  bool both_ways = false;
  Axis axis = Axis::kTime;
  Cell cell = Cell::kLstm;
};

/// PyTorch's LSTM or GRU `ck` of one layer. Both ways: name.forward, name.backward, name.
int recurrent(GraphBuilder& g,
              const std::string& ck,
              const std::string& name,
              int x,
              const RecurrentShape& shape);

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_RECURRENT_H_
