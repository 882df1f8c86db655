// Small models that have every op between them: the seeds of the fuzz targets, and what tests
// damage byte by byte. Not: networks that do anything (random_network.h).
#ifndef LIGERO_TESTS_SUPPORT_SEED_MODELS_H_
#define LIGERO_TESTS_SUPPORT_SEED_MODELS_H_

#include <map>
#include <string>

#include "model/draft.h"

namespace ligero::testing {

inline constexpr char kSeedFamily[] =
    "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210";

/// By name; a file of each has at most 20 KB. Throws where an op of the build is in none of them.
std::map<std::string, ModelDraft> seed_models();

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_SEED_MODELS_H_
