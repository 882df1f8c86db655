// SPDX-License-Identifier: Apache-2.0
// Whole conversions of the tiny golden network, and every refusal. Not: files on disk (tests/cli).
#include "converter/convert.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "converter/sha256.h"
#include "model/format/writer.h"
#include "model/systems/systems.h"
#include "tests/converter/golden.h"

namespace ligero {
namespace {

using Json = nlohmann::json;
using testing::golden_checkpoint;
using testing::golden_config;

Conversion converted(const Json& config,
                     Checkpoint checkpoint,
                     const ConvertOptions& options = {}) {
  return convert(config.dump(), "c.json", std::move(checkpoint), options);
}

std::string refusal(const Json& config, Checkpoint checkpoint) {
  try {
    build_system(config.dump(), "c.json", std::move(checkpoint));
  } catch (const SystemError& e) {
    return e.what();
  }
  return "";
}

void check_refused(const Json& config, const std::string& expected) {
  const std::string message = refusal(config, golden_checkpoint());
  CAPTURE(message);
  CHECK(message.find(expected) != std::string::npos);
}

TEST_CASE("convert: every pass keeps every layer to within its tolerance") {
  ConvertOptions options;
  options.check = true;
  SUBCASE("f16") {
    options.passes.weights = Type::kF16;
  }
  SUBCASE("int8") {
    options.passes.weights = Type::kQ8;
  }
  const Conversion conversion = converted(golden_config(), golden_checkpoint(), options);
  REQUIRE(conversion.reports.size() == all_passes().size());
  for (const PassReport& report : conversion.reports) {
    CAPTURE(report.pass->name);
    CHECK(report.changes > 0);
    CHECK(report.per_layer.errors.size() > 20);
    CHECK(report.per_layer.largest <= report.tolerance);
    CHECK(report.carried_on.largest <= (options.passes.weights == Type::kQ8 ? 1.0 : 0.1));
  }
  const Json report = Json::parse(report_json(conversion));
  CHECK(report["passes"].size() == all_passes().size());
  CHECK(report["passes"][1]["name"] == "fold_batch_norm");
  CHECK(report["passes"][1]["per_layer"]["errors"].contains("extract/sep.istft"));
}

TEST_CASE("convert: nothing is left that a pass should have taken away") {
  const Conversion conversion = converted(golden_config(), golden_checkpoint());
  for (const GraphDraft& graph : conversion.model.graphs) {
    for (const NodeDraft& node : graph.nodes) {
      CAPTURE(node.name);
      CHECK(node.op != "batch_norm");
      CHECK(node.op != "prelu");
    }
  }
  const GraphDraft& extract = conversion.model.graphs.at(1);
  const auto count = [&](const std::string& op) {
    return std::count_if(extract.nodes.begin(), extract.nodes.end(), [&](const NodeDraft& node) {
      return node.op == op;
    });
  };
  CHECK(count("conv2d_map") == 0);
  CHECK(count("transpose") == 1);
  CHECK(extract.inputs.size() == 7);  // hops, five maps, the modulation
}

TEST_CASE("convert: --only extract leaves the speaker networks out and changes nothing else") {
  ConvertOptions options;
  options.only_extract = true;
  const Conversion both = converted(golden_config(), golden_checkpoint());
  const Conversion one = converted(golden_config(), golden_checkpoint(), options);
  REQUIRE(one.model.graphs.size() == 1);
  CHECK(one.model.graphs[0].name == "extract");
  CHECK(one.model.family == both.model.family);
  CHECK(one.model.graphs[0].inputs.size() == both.model.graphs[1].inputs.size());
}

TEST_CASE("convert: the family follows weights and options, not names or weight types") {
  Json config = golden_config();
  const auto family = [&](const Json& c, Checkpoint checkpoint, Type type = Type::kF32) {
    ConvertOptions options;
    options.passes.weights = type;
    return converted(c, std::move(checkpoint), options).model.family;
  };
  const std::string first = family(config, golden_checkpoint());
  CHECK(first.size() == 64);
  CHECK(first == family(config, golden_checkpoint(), Type::kF16));
  CHECK(first == family(config, golden_checkpoint(), Type::kQ8));
  config["name"] = "another";
  config["licence"] = "another";
  CHECK(first == family(config, golden_checkpoint()));
  config["last_activation"] = "linear";
  CHECK(first != family(config, golden_checkpoint()));
  Checkpoint changed = golden_checkpoint();
  changed.begin()->second.values[0] += 1.0f;
  CHECK(first != family(golden_config(), changed));
}

TEST_CASE("convert: missing, misshaped and surplus tensors are all named, with both shapes") {
  Checkpoint checkpoint = golden_checkpoint();
  checkpoint.erase("sep.arn.g_k");
  checkpoint["sep.conv2d_1.conv.bias"] = {{1, 2}, {0.0f, 0.0f}};
  checkpoint["sep.conv2d_9.conv.bias"] = {{3}, {0.0f, 0.0f, 0.0f}};
  checkpoint["sep.conv2d_1.bn.num_batches_tracked"] = {{}, {1.0f}};
  const std::string message = refusal(golden_config(), checkpoint);
  CAPTURE(message);
  CHECK(message.find("missing tensor sep.arn.g_k: expected shape [") != std::string::npos);
  CHECK(message.find("tensor sep.conv2d_1.conv.bias has shape [1, 2], expected [") !=
        std::string::npos);
  CHECK(message.find("surplus tensor sep.conv2d_9.conv.bias of shape [3]") != std::string::npos);
  CHECK(message.find("num_batches") == std::string::npos);
}

TEST_CASE("convert: a prefix of all names goes where all fit without it, and the model is the same") {
  const auto wrapped = [](const std::string& wrapper) {
    Checkpoint checkpoint;
    for (const auto& [name, tensor] : golden_checkpoint()) {
      checkpoint[wrapper + name] = tensor;
    }
    return checkpoint;
  };
  const auto bytes = [&](Checkpoint checkpoint) {
    return write_model(converted(golden_config(), std::move(checkpoint)).model);
  };
  const auto expected = bytes(golden_checkpoint());
  for (const char* wrapper : {"module.", "model.", "net._orig_mod.", "a.b.c."}) {
    CAPTURE(wrapper);
    CHECK(bytes(wrapped(wrapper)) == expected);
  }
  Checkpoint averaged = wrapped("module.");
  averaged["n_averaged"] = {{}, {7.0f}};
  CHECK(bytes(averaged) == expected);
  Checkpoint short_of_one = wrapped("module.net.");
  short_of_one.erase("module.net.sep.arn.g_k");
  std::string message;
  try {
    converted(golden_config(), short_of_one);
  } catch (const SystemError& error) {
    message = error.what();
  }
  CAPTURE(message);
  CHECK(message.find("missing tensor module.net.sep.arn.g_k: expected") != std::string::npos);
  CHECK(std::count(message.begin(), message.end(), '\n') == 1);
}

TEST_CASE("convert: a refusal shows the closest names that the checkpoint has") {
  Checkpoint checkpoint = golden_checkpoint();
  checkpoint["separator.arn.g_k"] = checkpoint.at("sep.arn.g_k");
  checkpoint.erase("sep.arn.g_k");
  std::string message = refusal(golden_config(), checkpoint);
  CAPTURE(message);
  CHECK(message.find("the closest name in the checkpoint is separator.arn.g_k [") !=
        std::string::npos);
  Checkpoint other;
  for (int i = 0; i < 40; ++i) {
    other["layers." + std::to_string(i) + ".kernel"] = {{1}, {0.0f}};
  }
  other["0"] = {{1}, {0.0f}};
  message = refusal(golden_config(), other);
  CHECK(message.find("none of the checkpoint's 41 tensors has a name of this network") !=
        std::string::npos);
  CHECK(message.find("surplus tensor layers.0.kernel") != std::string::npos);
}

TEST_CASE("convert: a checkpoint of nothing names the first tensors and counts the others") {
  const std::string message = refusal(golden_config(), {});
  CHECK(message.find("missing tensor") != std::string::npos);
  CHECK(message.find(" more") != std::string::npos);
}

TEST_CASE("convert: forms need the tensors that they have, no others") {
  Json config = golden_config();
  config["form"] = "local";
  Checkpoint local = golden_checkpoint();
  std::erase_if(local, [](const auto& entry) {
    return entry.first.starts_with("ecapa.") || entry.first.starts_with("sep.projection.");
  });
  CHECK(refusal(config, local) == "");
  CHECK(refusal(config, golden_checkpoint()).find("surplus tensor ecapa.") != std::string::npos);
  CHECK(refusal(golden_config(), local).find("missing tensor ecapa.") != std::string::npos);
}

TEST_CASE("convert: a configuration's faults are named by key, with what was found and expected") {
  const auto with = [](const char* path, const Json& value) {
    Json config = golden_config();
    config[Json::json_pointer(path)] = value;
    return config;
  };
  const auto without = [](const char* key) {
    Json config = golden_config();
    config.erase(key);
    return config;
  };
  check_refused(with("/colour", 1), "c.json: unknown key \"colour\", expected one of");
  check_refused(with("/arn/colour", 1), "c.json: arn: unknown key \"colour\"");
  check_refused(without("system"), "c.json: system: found none, expected one of \"lgr_tse\"");
  check_refused(without("name"),
                "c.json: name: found no such key, expected a string; the keys are");
  check_refused(without("name"), " mix_feats name ");
  check_refused(with("/system", "x"), "system: found \"x\", expected one of \"lgr_tse\"");
  check_refused(with("/form", "both"), "form: found \"both\", expected one of \"lgr\"");
  check_refused(with("/causal", 1), "causal: found 1, expected true or false");
  check_refused(with("/causal", true), "arn: window: found 0, expected at least 1 where causal");
  check_refused(with("/arn/window", 3), "arn: window: found 3, expected 0 where causal is false");
  check_refused(with("/channels", Json::array({1, 2})),
                "channels: found [1,2], expected a list of 5");
  check_refused(with("/channels/2", -1), "channels[2]: found -1, expected an integer from 1");
  check_refused(with("/channels/2", 2.5), "channels[2]: found 2.5");
  check_refused(with("/channels/0", uint64_t{1} << 63), "channels[0]: found 9223372036854775808");
  check_refused(with("/arn_frame", 3), "arn_frame: found 3, expected an object");
  check_refused(with("/arn_frame/size", 5), "arn_frame: size: found 5, expected an even integer");
  check_refused(with("/deep_filter/bins", 4),
                "deep_filter: bins: found 4, expected an odd integer");
  check_refused(with("/arn/dropout", "x"), "arn: dropout: found \"x\", expected a number");
  check_refused(with("/sample_rate", 8000), "sample_rate: found 8000");
  check_refused(with("/ecapa/kernels", Json::array({4, 3, 3, 3, 1})),
                "ecapa: kernels[0]: found 4, expected an odd integer");
  check_refused(with("/ecapa/scale", 3), "ecapa: channels: found");
}

TEST_CASE("convert: a configuration that is no JSON object is refused") {
  for (const char* text : {"", "{", "[]", "3", "{\"a\":1,}"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(
        build_system(text, "c.json", {}), doctest::Contains("c.json: "), SystemError);
  }
}

TEST_CASE("sha256: the vectors of FIPS 180-4, in one piece and in many") {
  const auto hash = [](const std::string& text, size_t piece) {
    Sha256 h;
    for (size_t i = 0; i < text.size(); i += piece) {
      h.add(text.data() + i, std::min(piece, text.size() - i));
    }
    return h.finish();
  };
  CHECK(hash("", 1) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hash("abc", 3) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string million(1000000, 'a');
  for (size_t piece : {size_t{1}, size_t{63}, size_t{64}, size_t{65}, million.size()}) {
    CHECK(hash(million, piece) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }
}

}  // namespace
}  // namespace ligero
