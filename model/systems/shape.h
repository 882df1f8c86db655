// SPDX-License-Identifier: Apache-2.0
// Options and output shapes of a draft's nodes, by the ops' own rules. Not: planning.
#ifndef LIGERO_MODEL_SYSTEMS_SHAPE_H_
#define LIGERO_MODEL_SYSTEMS_SHAPE_H_

#include "model/draft.h"
#include "runtime/op.h"

namespace ligero {

/// Sets kind and dims of the tensors that `node` of `graph` produces. Throws SystemError naming the
/// node where its op is unknown or refuses.
void infer_shapes(GraphDraft* graph, const NodeDraft& node);

/// The options of `node`, as its op parses them. Throws SystemError as above.
OpOptions options_of(const NodeDraft& node);

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_SHAPE_H_
