// SPDX-License-Identifier: Apache-2.0
// The model of a command that names none, and the folders of models that come with the tool. Not:
// opening (model_file.h).
#ifndef LIGERO_PLATFORMS_CLI_DEFAULT_MODEL_H_
#define LIGERO_PLATFORMS_CLI_DEFAULT_MODEL_H_

#include <string>
#include <vector>

namespace ligero::cli {

/// The help of every --model that may be left out.
inline constexpr const char* kModelHelp =
    "model file (.lgm); else LIGERO_MODEL, or the model that comes with the tool";

/// Where models lie that came with this program, nearest first: beside it (the build tree), beside its
/// bin/ (an unpacked archive), in share/ (an installation).
std::vector<std::string> own_model_folders();

/// `given`; if it is empty, what the environment's LIGERO_MODEL names; without that the model that came
/// with the tool. Refuses where none of them is there, and names the places.
std::string model_or_default(const std::string& given);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_DEFAULT_MODEL_H_
