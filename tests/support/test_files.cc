// SPDX-License-Identifier: Apache-2.0
// The files that tests of whole programs need, and their comparison. Not: any check of its own.
//   ligero_test_files model CONFIG.json SEED OUTPUT.lgm [int8]   a network with random weights
//   ligero_test_files sound SEED SAMPLES OUTPUT.wav        something like speech, 16 kHz, 16 bits
//   ligero_test_files copy SOUND OUTPUT.wav               any recording as 16 kHz mono, in float
//   ligero_test_files compare A.wav B.wav TOLERANCE LAG    fails where a sample of A differs by
//   more
//                                                          from B's of LAG samples earlier
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "platforms/cli/files.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/sound.h"
#include "tests/stream/live.h"
#include "tests/support/random_network.h"

namespace {

using ligero::testing::babble;
using ligero::testing::random_network;

constexpr float kLevel = 0.2f;  // a network with random weights may amplify

void compare(const std::string& a, const std::string& b, double tolerance, size_t lag) {
  const ligero::cli::Sound x = ligero::cli::read_sound(a);
  const ligero::cli::Sound y = ligero::cli::read_sound(b);
  if (x.samples.size() != y.samples.size()) {
    ligero::cli::refuse(x.samples.size(), " samples and ", y.samples.size());
  }
  double loudest = 0.0;
  double worst = 0.0;
  for (size_t i = lag; i < x.samples.size(); ++i) {
    loudest = std::fmax(loudest, std::fabs(static_cast<double>(x.samples[i])));
    worst = std::fmax(worst, std::fabs(static_cast<double>(x.samples[i] - y.samples[i - lag])));
  }
  std::printf("largest sample %g, largest difference %g\n", loudest, worst);
  if (worst > tolerance || loudest == 0.0) {
    ligero::cli::refuse("expected sound, and a difference of at most ", tolerance);
  }
}

void run(const std::vector<std::string>& words) {
  const bool int8 = words.size() == 5 && words[4] == "int8";
  if ((words.size() == 4 || int8) && words[0] == "model") {
    const ligero::Type type = int8 ? ligero::Type::kQ8 : ligero::Type::kF32;
    ligero::cli::write_output(words[3], random_network(words[1], std::stoull(words[2]), type));
  } else if (words.size() == 4 && words[0] == "sound") {
    std::vector<float> x = babble(std::stoull(words[2]), std::stoull(words[1]));
    for (float& v : x) {
      v *= kLevel;
    }
    ligero::cli::write_sound(words[3], x, ligero::cli::Encoding::kPcm16);
  } else if (words.size() == 3 && words[0] == "copy") {
    const ligero::cli::Sound x = ligero::cli::read_sound(words[1]);
    ligero::cli::write_sound(words[2], x.samples, ligero::cli::Encoding::kFloat);
  } else if (words.size() == 5 && words[0] == "compare") {
    compare(words[1], words[2], std::stod(words[3]), std::stoull(words[4]));
  } else {
    ligero::cli::refuse("expected model, sound, copy or compare, and their words");
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run({argv + 1, argv + argc});
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "ligero_test_files: %s\n", problem.what());
    return 1;
  }
  return 0;
}
