// SPDX-License-Identifier: Apache-2.0
// Long runs of a live session on speech and on what no microphone should give: time per hop,
// memory, recovery. Not: correctness sample by sample (the tests beside it).
//   ligero_soak [MINUTES of each kind, default 60] [MODEL.lgm, default the small-live that ships]
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "model/format/whole_file.h"
#include "platforms/cli/sound/measure.h"
#include "platforms/cli/sound/sound.h"
#include "tests/stream/live.h"

namespace ligero::testing {
namespace {

constexpr double kMostDrift = 0.5;  // of speech's median: from the first tenth to the last
constexpr double kHopMs = 10.0;     // the 99th percentile must stay below
constexpr long kMostGrowthKib =
    64;  // of the process, after the first hops: a minute of 1 KiB a second
constexpr int64_t kFirstHops = 1000;  // until every window is full and every page touched
// Back to normal: 1.5 s later the voice is extracted as well as by a session that has heard speech
// for as long, and that one as well as a fresh one. Two that have heard different speech, or none,
// differ by up to 0.2 dB themselves; one whose LSTM has counted through minutes of zeros loses 0.45
// dB.
constexpr size_t kRecovery = 24000;
constexpr double kMostLossDb = 0.4;

enum class Kind { kSpeech, kSilence, kDenormals, kNoise, kNan, kJumps };
constexpr std::pair<Kind, const char*> kKinds[] = {{Kind::kSpeech, "speech"},
                                                   {Kind::kSilence, "silence"},
                                                   {Kind::kDenormals, "denormals"},
                                                   {Kind::kNoise, "full-scale noise"},
                                                   {Kind::kNan, "NaN"},
                                                   {Kind::kJumps, "jumps of 40 dB"}};

float sample_of(Kind kind, float speech, int64_t index, Random* random) {
  switch (kind) {
    case Kind::kSpeech:
      return speech;
    case Kind::kSilence:
      return 0.0f;
    case Kind::kDenormals:
      return random->uniform() * std::numeric_limits<float>::min();
    case Kind::kNoise:
      return random->uniform();
    case Kind::kNan:
      return std::numeric_limits<float>::quiet_NaN();
    case Kind::kJumps:
      return index / 16000 % 2 == 0 ? speech : 0.01f * speech;
  }
  return 0.0f;
}

/// Processor time of this thread, which other programs' turns do not lengthen.
double thread_ms() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

/// Memory of this process that is no file's: what a leak would grow. Code and weights come from
/// files.
long anonymous_kib() {
  long pages = 0;
  long resident = 0;
  long of_files = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident >> of_files;
  return (resident - of_files) * (sysconf(_SC_PAGESIZE) / 1024);
}

double percentile(std::vector<float> values, double share) {
  const auto k = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + k, values.end());
  return static_cast<double>(values[static_cast<size_t>(k)]);
}

std::vector<float> demo(const char* name) {
  return cli::read_sound(std::string(LIGERO_SOURCE_DIR) + "/platforms/demo/" + name).samples;
}

/// A model, and of the demo's recordings the person to extract and what is to be heard. Of its two
/// pairs the one of two men: it is the harder, and shows a worn session first.
struct Subject {
  explicit Subject(const Model& m) : model(m) {
    profile = expect(enroll(model, demo("same_sex_pair_anchor.flac")));
    mixture = demo("same_sex_pair_mixture.flac");
    target = demo("same_sex_pair_target.flac");
    speech = demo("mixed_pair_mixture.flac");
    speech.insert(speech.end(), mixture.begin(), mixture.end());
  }
  const Model& model;
  Profile profile;
  std::vector<float> mixture;
  std::vector<float> target;
  std::vector<float> speech;  ///< over and over again
};

/// How well the session extracts what it hears next, from 1.5 s on: SI-SNR in dB.
double quality_db(const Subject& subject, Session& session) {
  const std::vector<float> y = session.run(subject.mixture, 160);
  const auto latency = static_cast<size_t>(session->latency_samples());
  const size_t n = y.size() - kRecovery - latency;
  return cli::si_snr_db({y.data() + kRecovery + latency, n},
                        {subject.target.data() + kRecovery, n});
}

struct Outcome {
  std::vector<float> hop_ms;
  double longest_ms = 0.0;  ///< by the clock on the wall
  bool finite = true;
  long growth_kib = 0;
  double quality_db = 0.0;

  double median_ms() const {
    return percentile(hop_ms, 0.5);
  }
  double drift_ms() const {
    const auto tenth = static_cast<std::ptrdiff_t>(hop_ms.size() / 10);
    return percentile({hop_ms.end() - tenth, hop_ms.end()}, 0.5) -
           percentile({hop_ms.begin(), hop_ms.begin() + tenth}, 0.5);
  }
};

Outcome soak(const Subject& subject, Kind kind, int64_t hops) {
  Outcome outcome;
  outcome.hop_ms.assign(static_cast<size_t>(hops), 0.0f);
  Session session(subject.model);
  expect(session->set_target(subject.profile));
  Random random(40);
  float block[kHopSamples];
  long before = 0;
  for (int64_t hop = 0; hop < hops; ++hop) {
    if (hop == std::min(kFirstHops, hops / 2)) {
      malloc_trim(0);  // or what leaks finds room that was used before
      before = anonymous_kib();
    }
    for (int64_t i = 0; i < kHopSamples; ++i) {
      const int64_t index = hop * kHopSamples + i;
      const float speech = subject.speech[static_cast<size_t>(index) % subject.speech.size()];
      block[i] = sample_of(kind, speech, index, &random);
    }
    const auto wall = std::chrono::steady_clock::now();
    const double start_ms = thread_ms();
    session.process(block, kHopSamples);
    outcome.hop_ms[static_cast<size_t>(hop)] = static_cast<float>(thread_ms() - start_ms);
    const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - wall;
    outcome.longest_ms = std::max(outcome.longest_ms, taken.count());
    for (float y : block) {
      outcome.finite = outcome.finite && std::isfinite(y);
    }
  }
  outcome.growth_kib = anonymous_kib() - before;
  outcome.quality_db = quality_db(subject, session);
  return outcome;
}

/// One line; empty where all is well, else what is not. `speech`: the outcome of speech.
std::string report(const char* name, const Outcome& o, const Outcome& speech, double normal_db) {
  const double p99 = percentile(o.hop_ms, 0.99);
  std::printf("%-16s %8.4f %8.4f %8.4f %8.4f %8.1f %8.4f %6ld %9.2f\n",
              name,
              o.median_ms(),
              p99,
              percentile(o.hop_ms, 0.999),
              percentile(o.hop_ms, 1.0),
              o.longest_ms,
              o.drift_ms(),
              o.growth_kib,
              o.quality_db);
  std::fflush(stdout);
  std::string bad;
  bad += o.finite ? "" : " output not finite;";
  bad += o.growth_kib <= kMostGrowthKib ? "" : " memory grows;";
  bad += o.quality_db >= normal_db - kMostLossDb ? "" : " not back to normal after 1.5 s;";
  const double most_ms = kMostDrift * speech.median_ms();
  bad += o.drift_ms() < most_ms && o.median_ms() < speech.median_ms() + most_ms
             ? ""
             : " hops get slower;";
  bad += p99 < kHopMs ? "" : " slower than real time;";
  return bad.empty() ? bad : std::string(name) + ":" + bad + "\n";
}

int run(double minutes, const Subject& subject) {
  const int64_t hops = std::max<int64_t>(100, static_cast<int64_t>(minutes * 6000.0));
  Session fresh(subject.model);
  expect(fresh->set_target(subject.profile));
  double normal_db = quality_db(subject, fresh);
  std::printf(
      "%.1f minutes of each kind; milliseconds of processor time per hop of 10 ms, back to back.\n"
      "SI-SNR: of the voice extracted from 1.5 s after it on; by a fresh session %.2f dB\n"
      "%-16s %8s %8s %8s %8s %8s %8s %6s %9s\n",
      minutes,
      normal_db,
      "kind",
      "p50",
      "p99",
      "p99.9",
      "max",
      "wall max",
      "drift",
      "+KiB",
      "SI-SNR dB");
  std::string bad;
  Outcome speech;
  for (const auto& [kind, name] : kKinds) {
    const Outcome outcome = soak(subject, kind, hops);
    speech = kind == Kind::kSpeech ? outcome : speech;
    bad += report(name, outcome, speech, normal_db);
    normal_db = speech.quality_db;
  }
  std::printf("%s", bad.empty() ? "all well\n" : bad.c_str());
  return bad.empty() ? 0 : 1;
}

}  // namespace
}  // namespace ligero::testing

int main(int argc, char** argv) {
  using namespace ligero::testing;
  try {
    const double minutes = argc > 1 ? std::stod(argv[1]) : 60.0;
    if (argc < 3) {
      return run(minutes, Subject(trained_network().model()));
    }
    const ligero::WholeFile file = expect(ligero::WholeFile::open(argv[2]));
    const ligero::Model model = expect(ligero::Model::open(file.bytes(), ligero::all_ops()));
    return run(minutes, Subject(model));
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "ligero_soak: %s\n", problem.what());
    return 2;
  }
}
