// SPDX-License-Identifier: Apache-2.0
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

/// Begins the name of a model of one op, which is in no model that is written here by hand.
inline constexpr char kAlone[] = "alone_";

/// By name; a file of each has at most 20 KB. An op that is in none of those written by hand is
/// taken alone, on an image; throws where it refuses that: it needs a graph here.
std::map<std::string, ModelDraft> seed_models();

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_SEED_MODELS_H_
