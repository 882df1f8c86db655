// SPDX-License-Identifier: Apache-2.0
// ligero-convert: a checkpoint and its configuration to a model file. Not: how (convert.cc).
#include <CLI/CLI.hpp>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "converter/convert.h"
#include "converter/import/import.h"
#include "converter/recordings.h"
#include "model/format/writer.h"
#include "platforms/cli/files.h"
#include "platforms/cli/program.h"
#include "platforms/cli/progress.h"
#include "platforms/cli/refusal.h"

namespace {

constexpr const char* kFooter =
    "Example:\n"
    "  ligero-convert lgr-tse-small.safetensors --config small.json -o small.lgm --check\n"
    "Reads CHECKPOINT (safetensors, or a zip of torch.save), never runs code from it, and writes\n"
    "MODEL.lgm whole or not at all. Exit codes: 0 done, 1 input refused, 2 wrong usage.";

const std::map<std::string, ligero::Type> kWeightTypes = {
    {"f32", ligero::Type::kF32},
    {"f16", ligero::Type::kF16},
    {"int8", ligero::Type::kQ8},
    {"mixed", ligero::Type::kF32}};  // and chosen in the end

struct Arguments {
  std::string checkpoint;
  std::string config;
  std::string output;
  std::string report;
  std::string weights = "f32";
  std::string calibrate;
  std::optional<double> most_lost_db;
  std::string only;
  bool check = false;
  bool unfolded = false;
};

void declare(CLI::App& app, Arguments& a) {
  app.footer(kFooter);
  app.add_option("CHECKPOINT",
                 a.checkpoint,
                 "weights: .safetensors, or what torch.save wrote (.pt, .pth, .ckpt)")
      ->required();
  app.add_option("--config", a.config, "the network's options, JSON")->required();
  app.add_option("-o,--output", a.output, "model file to write, .lgm")->required();
  app.add_option("--weights", a.weights, "type of the matrices in the file")
      ->check(CLI::IsMember(kWeightTypes))
      ->capture_default_str();
  app.add_option("--calibrate",
                 a.calibrate,
                 "for --weights mixed: a folder of recordings, each of one person alone, by which "
                 "each matrix is int8 or f16");
  app.add_option(
         "--most-loss", a.most_lost_db, "for --weights mixed: dB of SI-SNR that int8 may cost")
      ->check(CLI::Range(1e-6, 60.0))
      ->default_str(ligero::cli::text(ligero::kMostLostDb));
  app.add_flag(
      "--check", a.check, "run the model before and after each pass and compare every node");
  app.add_option("--report", a.report, "write what --check finds as JSON; implies --check");
  app.add_flag("--unfolded",
               a.unfolded,
               "run no pass: every node as PyTorch computes it, to compare the two");
  app.add_option("--only", a.only, "keep one graph: extract leaves the speaker networks out")
      ->check(CLI::IsMember({"extract"}));
}

// Where the terminal is, the step that runs; a line on stdout for each pass that was checked.
class Terminal : public ligero::ConvertListener {
 public:
  void begins(const std::string& step, double done, double total) override {
    progress_.at(done / total, step);
  }
  void checked(const ligero::PassReport& report) override {
    progress_.clear();
    std::cout << std::left << std::setw(26) << report.pass->name << std::right << std::setw(5)
              << report.changes << " changes";
    if (!report.per_layer.worst.empty()) {
      std::cout << std::scientific << std::setprecision(1) << ", per layer at most "
                << report.per_layer.largest << " (" << report.per_layer.worst << ", tolerance "
                << report.tolerance << "), carried on " << report.carried_on.largest << " ("
                << report.carried_on.worst << ")" << std::defaultfloat;
    }
    std::cout << std::endl;
  }

 private:
  ligero::cli::Progress progress_{"reading", 1.0};
};

ligero::Conversion convert(const Arguments& a, ligero::ConvertOptions options) {
  Terminal terminal;
  options.listener = &terminal;
  const std::string config = ligero::cli::read_input(a.config);
  return ligero::convert(config, a.config, ligero::read_checkpoint(a.checkpoint), options);
}

std::vector<ligero::CalibrationItem> read_calibration(const Arguments& a) {
  if (a.calibrate.empty()) {
    ligero::cli::refuse(
        "--weights mixed needs --calibrate FOLDER: recordings of at least two "
        "people, each alone for ",
        ligero::kMinCalibrationSeconds,
        " s or longer");
  }
  if (!a.only.empty()) {
    ligero::cli::refuse("--weights mixed hears what enrolment does as well, not with --only");
  }
  if (a.unfolded) {
    ligero::cli::refuse("--weights mixed chooses for the folded model, not with --unfolded");
  }
  const auto recordings =
      ligero::read_recordings(a.calibrate, ligero::kMaxCalibrationItems, ligero::of_use);
  std::vector<ligero::CalibrationItem> items = ligero::calibration_items(recordings);
  if (items.empty()) {
    ligero::cli::refuse(a.calibrate,
                        ": expected at least two recordings of ",
                        ligero::kMinCalibrationSeconds,
                        " s or longer that are not silent (.wav, .flac or .ogg), found ",
                        recordings.size());
  }
  return items;
}

// What each matrix costs and saves, the costliest first, and all together.
void print(const ligero::MixedChoice& mixed, double most_lost_db) {
  std::cout << std::left << std::setw(8) << "type" << std::right << std::setw(12) << "saves bytes"
            << std::setw(12) << "loses dB"
            << "  matrix\n"
            << std::fixed << std::setprecision(4);
  for (const ligero::MatrixChoice& m : mixed.matrices) {
    std::cout << std::left << std::setw(8) << (m.int8 ? "int8" : "f16") << std::right
              << std::setw(12) << m.saved_bytes << std::setw(12) << m.lost_db << "  " << m.graph
              << '/' << m.tensor << " [" << m.inner << ", " << m.outputs << "]\n";
  }
  std::cout << "over " << mixed.items << " mixtures: " << mixed.predicted_db
            << " dB of SI-SNR lost as predicted, " << mixed.lost_db << " dB as measured; "
            << std::setprecision(1) << mixed.snr_db << " dB between this voice and that of f32\n"
            << std::defaultfloat;
  if (mixed.lost_db > most_lost_db) {
    std::cout << "that is more than " << most_lost_db
              << " dB, though no matrix is int8: f16 alone costs it; --weights f32 costs nothing\n";
  }
}

void run(const Arguments& a) {
  ligero::cli::check_outputs({a.output, a.report}, {a.checkpoint, a.config});
  ligero::ConvertOptions options;
  options.passes.weights = kWeightTypes.at(a.weights);
  options.check = a.check || !a.report.empty();
  options.unfolded = a.unfolded;
  options.only_extract = a.only == "extract";
  options.most_lost_db = a.most_lost_db.value_or(ligero::kMostLostDb);
  if (a.weights == "mixed") {
    options.calibration = read_calibration(a);
  } else if (!a.calibrate.empty() || a.most_lost_db) {
    ligero::cli::refuse(a.calibrate.empty() ? "--most-loss" : "--calibrate",
                        " goes with --weights mixed, not ",
                        a.weights);
  }
  const ligero::Conversion conversion = convert(a, options);
  if (conversion.mixed.items > 0) {
    print(conversion.mixed, options.most_lost_db);
  }
  const std::vector<std::byte> bytes = ligero::write_model(conversion.model);
  ligero::cli::write_output(a.output, bytes);
  if (!a.report.empty()) {  // of a model that is there
    const std::string report = ligero::report_json(conversion);
    ligero::cli::write_output(a.report, std::as_bytes(std::span(report)));
  }
  const auto front = conversion.model.metadata.find("front_end");
  if (front != conversion.model.metadata.end()) {
    std::cout << "front end " << front->second
              << ": it must be the one that the checkpoint was trained on, which no check can see "
                 "(option \"front\" of the configuration, converter/checkpoints.md)\n";
  }
  std::cout << a.output << ": " << bytes.size() << " bytes, family "
            << conversion.model.family.substr(0, 16) << "...\n";
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("ligero-convert: from a PyTorch checkpoint to a model file", "ligero-convert");
  Arguments arguments;
  declare(app, arguments);
  app.callback([&] { run(arguments); });
  return ligero::cli::run_program(&app, argc, argv);
}
