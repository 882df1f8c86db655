// SPDX-License-Identifier: Apache-2.0
// `ligero bench --device` and `--table`.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "platforms/cli/bench/bench_modes.h"
#include "platforms/cli/bench/device_page.h"
#include "platforms/cli/bench/device_report.h"
#include "platforms/cli/bench/machine.h"
#include "platforms/cli/default_model.h"
#include "platforms/cli/files.h"
#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kBegin = "<!-- devices -->\n";
constexpr const char* kEnd = "<!-- /devices -->";

void write_text(const fs::path& path, const std::string& content) {
  write_output(path.string(), std::as_bytes(std::span(content)));
}

/// The .lgm of a folder, by name.
std::vector<std::string> models_in(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed)) {
    if (entry.path().extension() == ".lgm") {
      found.push_back(entry.path().string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> find_models(const std::vector<std::string>& asked) {
  if (asked.empty()) {
    std::string looked;
    for (const std::string& folder : own_model_folders()) {
      const std::vector<std::string> found = models_in(folder);
      if (!found.empty()) {
        return found;
      }
      looked += text(looked.empty() ? "'" : ", '", folder, "'");
    }
    refuse("no models in ", looked, ": expected --models FOLDER or FILE");
  }
  std::vector<std::string> found;
  for (const std::string& name : asked) {
    if (!fs::is_directory(name)) {
      found.push_back(name);
      continue;
    }
    const std::vector<std::string> there = models_in(name);
    if (there.empty()) {
      refuse("no models in folder '", name, "': expected files *.lgm");
    }
    found.insert(found.end(), there.begin(), there.end());
  }
  return found;
}

/// Device: what it is called where nobody says.
std::string own_label() {
  const Machine machine = describe_machine();
  return !machine.board.empty()       ? machine.board
         : !machine.processor.empty() ? machine.processor
                                      : "unknown device";
}

}  // namespace

void device_command(const DeviceOptions& options) {
  const fs::path folder = options.folder;
  const fs::path json = folder / "device.json";
  const fs::path html = folder / "device.html";
  const bool there = fs::is_directory(folder);
  if (there) {
    check_outputs({json.string(), html.string()}, {});
  } else {
    check_outputs({folder.string()}, {});
    if (fs::exists(folder)) {
      refuse("cannot write '", folder.string(), "': it is no folder");
    }
  }
  const Json report = measure_device(find_models(options.models),
                                     options.label.empty() ? own_label() : options.label,
                                     options.seconds);
  const std::string page = device_html(report);
  std::error_code failed;
  fs::create_directory(folder, failed);
  try {
    write_text(html, page);
    write_text(json, report.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  } catch (const Refusal&) {
    fs::remove(html, failed);
    if (!there) {
      fs::remove(folder, failed);
    }
    throw;
  }
  std::printf("%s\nwritten: %s, %s\n",
              device_text(report).c_str(),
              json.string().c_str(),
              html.string().c_str());
}

void table_command(const std::vector<std::string>& reports, const std::string& into) {
  std::vector<Json> read;
  std::string table;
  for (const std::string& path : reports) {
    read.push_back(read_device_report(path));
    try {
      table = device_table(read);
    } catch (const Json::exception& problem) {
      refuse("report '", path, "' is damaged: ", problem.what());
    }
  }
  if (into.empty()) {
    std::printf("%s", table.c_str());
    return;
  }
  check_outputs({into}, reports);
  std::string page = read_input(into);
  const size_t begin = page.find(kBegin);
  const size_t end = begin == std::string::npos ? begin : page.find(kEnd, begin);
  if (end == std::string::npos) {
    refuse("'",
           into,
           "' has no place for the table: expected a line <!-- devices -->, and after it ",
           kEnd);
  }
  const size_t from = begin + std::strlen(kBegin);
  page.replace(from, end - from, table);
  write_text(into, page);
}

}  // namespace ligero::cli
