// SPDX-License-Identifier: Apache-2.0
// Finds the model that came with the tool by the place of the running program.
#include "platforms/cli/default_model.h"

#include <cstdlib>
#include <filesystem>

#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace fs = std::filesystem;

namespace {

/// Live and whole recordings, and the best scores of those that ship (model/pretrained).
constexpr const char* kDefaultModel = "bsrnn-live-int8.lgm";

}  // namespace

std::vector<std::string> own_model_folders() {
  std::error_code failed;
  const fs::path beside = fs::read_symlink("/proc/self/exe", failed).parent_path();
  std::vector<std::string> folders;
  for (const char* folder : {"models", "../models", LIGERO_MODELS_FROM_BIN}) {
    folders.push_back((beside / folder).lexically_normal().string());
  }
  return folders;
}

std::string model_or_default(const std::string& given) {
  if (!given.empty()) {
    return given;
  }
  std::error_code failed;
  const char* named = std::getenv("LIGERO_MODEL");
  if (named != nullptr && *named != '\0') {
    if (!fs::exists(named, failed)) {
      refuse("LIGERO_MODEL names '", named, "': no such file; expected a model file (.lgm)");
    }
    return named;
  }
  std::string looked;
  for (const std::string& folder : own_model_folders()) {
    const fs::path model = fs::path(folder) / kDefaultModel;
    if (fs::exists(model, failed)) {
      return model.string();
    }
    looked += text(looked.empty() ? "'" : ", '", folder, "'");
  }
  refuse("no model: expected --model FILE.lgm, LIGERO_MODEL, or ", kDefaultModel, " in ", looked);
}

}  // namespace ligero::cli
