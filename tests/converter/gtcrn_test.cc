// SPDX-License-Identifier: Apache-2.0
// GTCRN's checkpoint as its authors publish it: converted, it gives what their network gives; another
// version of it is named. Reads ../shared/models/gtcrn, seen from the repository's root. Not: every
// node (tests/torch/test_gtcrn.py).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "converter/convert.h"
#include "converter/graph_edit.h"
#include "converter/import/import.h"
#include "converter/open_draft.h"
#include "model/systems/systems.h"
#include "platforms/cli/npy.h"
#include "tests/support/test_run.h"

namespace ligero::testing {
namespace {

const std::string kRoot = LIGERO_SOURCE_DIR;
const std::string kConfig = kRoot + "/model/torch/configs/gtcrn.json";
const std::string kAuthors = kRoot + "/../shared/models/gtcrn/";
constexpr double kParity = 1e-4;  // of the largest value

bool is_here(const std::string& name) {
  if (std::filesystem::exists(kAuthors + name)) {
    return true;
  }
  MESSAGE("skipped: no ../shared/models/gtcrn/", name);
  return false;
}

std::string config() {
  std::ifstream file(kConfig);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The network alone, from spectrum to spectrum: frame 0 of the authors' begins with a reflection.
GraphDraft from_spectrum(GraphDraft graph) {
  const NodeDraft stft = graph.nodes.front();
  const NodeDraft istft = graph.nodes.back();
  REQUIRE(stft.op == "stft");
  REQUIRE(istft.op == "istft");
  graph.nodes.erase(graph.nodes.begin());
  graph.inputs = stft.outputs;
  graph.outputs = istft.inputs;
  GraphEdit(&graph).sweep();
  return graph;
}

std::string refusal(const Checkpoint& checkpoint) {
  try {
    build_system(config(), "gtcrn.json", checkpoint);
  } catch (const SystemError& error) {
    return error.what();
  }
  return "";
}

bool says(const std::string& text, const std::string& part) {
  CAPTURE(text.substr(0, 2000));
  return text.find(part) != std::string::npos;
}

TEST_CASE("gtcrn: the authors' checkpoint gives the authors' output") {
  if (!is_here("model_trained_on_dns3.tar") || !is_here("spectrum_in.npy") ||
      !is_here("spectrum_out.npy")) {
    return;
  }
  const cli::NpyArray in = cli::read_npy(kAuthors + "spectrum_in.npy");
  const cli::NpyArray want = cli::read_npy(kAuthors + "spectrum_out.npy");
  const auto frames = static_cast<int32_t>(in.shape[0]);
  for (const bool unfolded : {false, true}) {
    ConvertOptions options;
    options.unfolded = unfolded;
    Conversion made = convert(config(),
                              "gtcrn.json",
                              read_checkpoint(kAuthors + "model_trained_on_dns3.tar"),
                              options);
    REQUIRE(made.model.graphs.size() == 1);
    made.model.graphs[0] = from_spectrum(made.model.graphs[0]);
    const OpenDraft opened(made.model);
    const Graph& graph = opened.model().graphs()[0];
    TestRun run(graph, {.max_frames = frames});
    std::copy(in.values.begin(), in.values.end(), run.input(0));
    run.run({frames, int64_t{frames} * made.model.hop_samples});
    double largest = 0.0;
    double worst = 0.0;
    for (size_t i = 0; i < want.values.size(); ++i) {
      const double wanted = want.values[i];
      largest = std::fmax(largest, std::fabs(wanted));
      worst = std::fmax(worst, std::fabs(static_cast<double>(run.output(0)[i]) - wanted));
    }
    MESSAGE("off by ", worst / largest, " of the largest value");
    CHECK(worst <= kParity * largest);
  }
}

TEST_CASE("gtcrn: checkpoints of another version are refused with what was expected") {
  const CheckpointTensor any = {{1}, {0.0f}};
  CHECK(says(refusal({{"encoder.en_convs.2.depth_conv.Conv2d.weight", any}}), "StreamGTCRN"));
  CHECK(says(refusal({{"encoder.en_convs.0.conv.weight", any}}), "not of the GTCRN"));
  if (!is_here("model_trained_on_dns3.tar")) {
    return;
  }
  const Checkpoint sound = read_checkpoint(kAuthors + "model_trained_on_dns3.tar");
  CHECK(refusal(sound) == "");
  Checkpoint wider = sound;  // of 32 channels there
  wider["dpgrnn1.intra_fc.weight"] = {{32, 32}, std::vector<float>(1024)};
  CHECK(says(refusal(wider), "dpgrnn1.intra_fc.weight has shape [32, 32], expected [16, 16]"));
  Checkpoint shorter = sound;
  shorter.erase("decoder.de_convs.2.tra.att_fc.bias");
  CHECK(says(refusal(shorter), "missing tensor decoder.de_convs.2.tra.att_fc.bias"));
  Checkpoint longer = sound;
  longer["dpgrnn3.intra_fc.bias"] = {{16}, std::vector<float>(16)};
  CHECK(says(refusal(longer), "surplus tensor dpgrnn3.intra_fc.bias"));
}

}  // namespace
}  // namespace ligero::testing
