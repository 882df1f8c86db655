// choose_weight_types: the matrices of products get the type that was asked for; biases, norms, gates
// and everything else stay f32.
#include "converter/graph_edit.h"
#include "converter/passes/passes.h"

namespace ligero {

int choose_weight_types(ModelDraft* model, const PassOptions& options) {
  int changes = 0;
  for (GraphDraft& graph : model->graphs) {
    for (TensorDraft& t : graph.tensors) {
      if (t.kind == Kind::kWeight && t.layout == Layout::kPanels && t.type != options.weights) {
        t.type = options.weights;
        ++changes;
      }
    }
  }
  return changes;
}

}  // namespace ligero
