// SPDX-License-Identifier: Apache-2.0
// From a draft to the bytes of a model file. Host only: heap and exceptions. Not: reading
// (loader.h).
#ifndef LIGERO_MODEL_FORMAT_WRITER_H_
#define LIGERO_MODEL_FORMAT_WRITER_H_

#include <cstddef>
#include <vector>

#include "model/draft.h"
#include "model/format/atomic_file.h"
#include "ops/table.h"
#include "runtime/op.h"

namespace ligero {

/// The bytes of a model file (model.fbs) with all graphs of `model`, ready for write_file_atomic().
///
/// Weights are converted to their type (f16: round to nearest even; q8: symmetric, one scale per
/// output) and packed to their layout; `TensorDraft::values` is float and row-major. Op versions
/// are those of `ops`.
///
/// Throws std::invalid_argument, naming graph and tensor or node, where the draft contradicts
/// itself: sizes and values differ, a name is empty, doubled or has other characters than the
/// schema allows, an index is out of range, an input is read before it is produced, a value is not
/// finite or too large for f16, an op is not in `ops`, the family is not 64 hexadecimal digits.
/// What the ops make of the graph is not checked here: open the result with Model::open().
/// Thread-safe.
std::vector<std::byte> write_model(const ModelDraft& model, const OpTable& ops = all_ops());

}  // namespace ligero

#endif  // LIGERO_MODEL_FORMAT_WRITER_H_
