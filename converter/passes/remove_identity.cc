// SPDX-License-Identifier: Apache-2.0
// remove_identity: reshapes that change nothing, and chains of reshapes, go; what nobody reads goes.
#include "converter/graph_edit.h"
#include "converter/passes/passes.h"

namespace ligero {
namespace {

// Gives the producer of `x` the output and the name of the identity `i`; false where others read x.
bool rename_producer(GraphEdit& edit, int x, int i) {
  const int p = edit.producer(x);
  if (p < 0 || edit.sole_consumer(x) != i || edit.node(p).outputs.size() != 1) {
    return false;
  }
  edit.absorb(p, i);
  return true;
}

bool remove_one(GraphEdit& edit, int i) {
  const NodeDraft& n = edit.node(i);
  const int x = n.inputs[0];
  const int y = n.outputs[0];
  const int p = edit.producer(x);
  if (p >= 0 && edit.node(p).op == "reshape" && edit.sole_consumer(x) == i) {
    edit.node(i).inputs[0] = edit.node(p).inputs[0];
    edit.kill(p);
    return true;
  }
  if (edit.tensor(x).dims != edit.tensor(y).dims) {
    return false;
  }
  if (!edit.is_output(y)) {
    edit.replace_uses(y, x);
    edit.kill(i);
    return true;
  }
  return rename_producer(edit, x, i);
}

int remove_graph(GraphEdit edit) {
  const auto before = edit.num_nodes();
  for (int i = 0; i < edit.num_nodes(); ++i) {
    if (edit.node(i).op == "reshape") {
      remove_one(edit, i);
    }
  }
  edit.sweep();
  return before - edit.num_nodes();
}

}  // namespace

int remove_identity(ModelDraft* model, const PassOptions&) {
  int changes = 0;
  for (GraphDraft& graph : model->graphs) {
    changes += remove_graph(GraphEdit(&graph));
  }
  return changes;
}

}  // namespace ligero
