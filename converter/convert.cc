// SPDX-License-Identifier: Apache-2.0
// The converter's main line. Not: any pass, any network.
#include "converter/convert.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "converter/graph_edit.h"
#include "converter/sha256.h"
#include "model/systems/systems.h"

namespace ligero {
namespace {

constexpr uint32_t kCheckSeed = 20221031;

void drop_enrolment(ModelDraft* model) {
  std::erase_if(model->graphs, [](const GraphDraft& graph) { return graph.name == "enroll"; });
}

nlohmann::json difference_json(const Difference& difference) {
  return {
      {"largest", difference.largest}, {"node", difference.worst}, {"errors", difference.errors}};
}

nlohmann::json mixed_json(const MixedChoice& mixed) {
  nlohmann::json json = {{"mixtures", mixed.items},
                         {"predicted_db", mixed.predicted_db},
                         {"lost_db", mixed.lost_db},
                         {"snr_db", mixed.snr_db}};
  for (const MatrixChoice& m : mixed.matrices) {
    json["matrices"].push_back({{"graph", m.graph},
                                {"tensor", m.tensor},
                                {"inner", m.inner},
                                {"outputs", m.outputs},
                                {"saved_bytes", m.saved_bytes},
                                {"lost_db", m.lost_db},
                                {"type", m.int8 ? "int8" : "f16"}});
  }
  return json;
}

/// Compares `model`, which `report`'s pass has changed, with the activations before it, and
/// replaces these. Throws where a layer exceeds the tolerance.
void check_change(const ModelDraft& model, Activations* before, PassReport* report) {
  report->per_layer = compare(*before, run_layers(model, kCheckSeed, *before));
  if (report->per_layer.largest > report->tolerance) {
    std::ostringstream message;
    message << "pass " << report->pass->name << ": node " << report->per_layer.worst
            << " changed by " << report->per_layer.largest
            << " of its largest value, expected at most " << report->tolerance;
    throw SystemError(message.str());
  }
  Activations after = run_model(model, kCheckSeed);
  report->carried_on = compare(*before, after);
  *before = std::move(after);
}

CheckpointShapes shapes_of(const Checkpoint& checkpoint) {
  CheckpointShapes shapes;
  for (const auto& [name, tensor] : checkpoint) {
    shapes[name] = tensor.shape;
  }
  return shapes;
}

/// The same tensors, `wrapper` taken off their names.
Checkpoint renamed(Checkpoint checkpoint, const std::string& wrapper) {
  Checkpoint out;
  for (auto& [name, tensor] : checkpoint) {
    out[unwrapped(name, wrapper)] = std::move(tensor);
  }
  return out;
}

/// What choosing the types by calibration counts as, among the passes.
constexpr Pass kChooseMixed = {
    "choose_mixed", "matrices become int8 or f16, as calibration chose", 0.0, nullptr};

int matrices_below_f32(const ModelDraft& model) {
  int count = 0;
  for (const GraphDraft& graph : model.graphs) {
    count += static_cast<int>(
        std::count_if(graph.tensors.begin(), graph.tensors.end(), [](const TensorDraft& t) {
          return t.kind == Kind::kWeight && t.type != Type::kF32;
        }));
  }
  return count;
}

}  // namespace

std::string family_of(const std::string& identity, const Checkpoint& checkpoint) {
  Sha256 hash;
  hash.add(identity.data(), identity.size());
  for (const auto& [name, tensor] : checkpoint) {
    if (is_counter(name)) {
      continue;
    }
    const std::string head = "\n" + name + " " + shape_text(tensor.shape) + "\n";
    hash.add(head.data(), head.size());
    hash.add(tensor.values.data(), tensor.values.size() * sizeof(float));
  }
  return hash.finish();
}

PassReport run_pass(const Pass& pass,
                    const PassOptions& options,
                    ModelDraft* model,
                    Activations* before) {
  PassReport report;
  report.pass = &pass;
  report.tolerance = pass.tolerance > 0.0 ? pass.tolerance : weight_tolerance(options.weights);
  report.changes = pass.run(model, options);
  if (before && report.changes > 0) {
    check_change(*model, before, &report);
  }
  return report;
}

Conversion convert(const std::string& config_text,
                   const std::string& source,
                   Checkpoint checkpoint,
                   const ConvertOptions& options) {
  const auto passes = options.unfolded ? std::span<const Pass>() : all_passes();
  const int steps = static_cast<int>(passes.size()) + 1;
  const auto begin = [&](const std::string& step, double done) {
    if (options.listener) {
      options.listener->begins(step, done, steps);
    }
  };
  Conversion conversion;
  begin("building", 0.0);
  const std::string wrapper = wrapper_of(config_text, source, shapes_of(checkpoint));
  checkpoint = renamed(std::move(checkpoint), wrapper);
  const std::string family = family_of(system_identity(config_text, source), checkpoint);
  conversion.model = build_system(config_text, source, std::move(checkpoint), wrapper);
  conversion.model.family = family;
  Activations before;
  if (options.check) {
    before = run_model(conversion.model, kCheckSeed);
  }
  const auto finished = [&](PassReport report) {
    conversion.reports.push_back(std::move(report));
    if (options.check && options.listener) {
      options.listener->checked(conversion.reports.back());
    }
  };
  for (const Pass& pass : passes) {
    begin(pass.name, static_cast<double>(conversion.reports.size()) + 1.0);
    finished(run_pass(pass, options.passes, &conversion.model, options.check ? &before : nullptr));
  }
  if (!options.calibration.empty()) {
    const Calibration calibration(conversion.model, options.calibration, [&](double share) {
      begin("choosing", static_cast<double>(passes.size()) + share);
    });
    conversion.mixed = calibration.choose(options.most_lost_db, &conversion.model);
    PassReport report;
    report.pass = &kChooseMixed;
    report.tolerance = weight_tolerance(Type::kQ8);
    report.changes = matrices_below_f32(conversion.model);
    if (options.check) {
      check_change(conversion.model, &before, &report);
    }
    finished(std::move(report));
  }
  if (options.only_extract) {
    drop_enrolment(&conversion.model);
  }
  return conversion;
}

std::string report_json(const Conversion& conversion) {
  nlohmann::json json;
  json["family"] = conversion.model.family;
  json["name"] = conversion.model.metadata.at("name");
  json["passes"] = nlohmann::json::array();
  for (const PassReport& report : conversion.reports) {
    nlohmann::json pass;
    pass["name"] = report.pass->name;
    pass["contract"] = report.pass->contract;
    pass["tolerance"] = report.tolerance;
    pass["changes"] = report.changes;
    if (!report.per_layer.worst.empty()) {
      pass["per_layer"] = difference_json(report.per_layer);
      pass["carried_on"] = difference_json(report.carried_on);
    }
    json["passes"].push_back(std::move(pass));
  }
  if (conversion.mixed.items > 0) {
    json["mixed"] = mixed_json(conversion.mixed);
  }
  return json.dump(2) + "\n";
}

}  // namespace ligero
