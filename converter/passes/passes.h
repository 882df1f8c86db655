// SPDX-License-Identifier: Apache-2.0
// The converter's passes, in the order in which they run. Each is one file; each keeps what the
// model computes, to within its tolerance. A node that does the work of several keeps the last
// one's name.
#ifndef LIGERO_CONVERTER_PASSES_PASSES_H_
#define LIGERO_CONVERTER_PASSES_PASSES_H_

#include <span>

#include "model/draft.h"

namespace ligero {

class GraphEdit;

struct PassOptions {
  Type weights = Type::kF32;  ///< of the matrices of products; those that cannot be q8 become f16
};

struct Pass {
  const char* name;
  const char* contract;
  /// Largest error of a node that is there before and after, over its largest value before,
  /// where both read the same.
  double tolerance;  ///< 0: weight_tolerance() of the type that was asked for
  /// Changes the model; returns how many places it changed. Throws SystemError naming a node whose
  /// weights make it impossible.
  int (*run)(ModelDraft* model, const PassOptions& options);
};

int fuse_activation(ModelDraft* model, const PassOptions& options);
int fold_batch_norm(ModelDraft* model, const PassOptions& options);
int fold_gates(ModelDraft* model, const PassOptions& options);
int fold_constants_over_time(ModelDraft* model, const PassOptions& options);
int remove_identity(ModelDraft* model, const PassOptions& options);
int settle_layout(ModelDraft* model, const PassOptions& options);
int choose_weight_types(ModelDraft* model, const PassOptions& options);

/// The type that a matrix gets where `wanted` is asked for: instead of int8, f16 where an op that
/// reads it takes no int8; instead of f32, f16 where that loses nothing and is faster.
Type possible_type(GraphEdit& edit, int tensor, Type wanted);

/// What `tolerance` is where matrices get this type.
double weight_tolerance(Type type);

std::span<const Pass> all_passes();

}  // namespace ligero

#endif  // LIGERO_CONVERTER_PASSES_PASSES_H_
