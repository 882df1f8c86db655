// Long runs of a live session on speech and on what no microphone should give: time per hop,
// memory, recovery. Not: correctness sample by sample (the tests beside it).
//   ligero_soak [MINUTES of each kind, default 60] [MODEL.lgm PROFILE, default small-live at
//   random]
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "model/format/mapped_file.h"
#include "tests/stream/live.h"

namespace ligero::testing {
namespace {

constexpr double kMostDrift = 1.5;     // of the median time, first tenth to last, and to speech
constexpr double kHopMs = 10.0;        // the 99th percentile must stay below
constexpr long kMostGrowthKib = 1024;  // of the process
constexpr double kBackDb = 30.0;       // difference to an undisturbed session, 1.5 s later
constexpr size_t kRecovery = 24000;
constexpr size_t kSpeechSamples = 60 * 16000;

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

long resident_kib() {
  long pages = 0;
  long resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

double percentile(std::vector<float> values, double share) {
  const auto k = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + k, values.end());
  return static_cast<double>(values[static_cast<size_t>(k)]);
}

/// Model and profile: of files, or at random.
struct Subject {
  MappedFile file;
  Model own;
  Profile own_profile;
  const Model* model = nullptr;
  const Profile* profile = nullptr;
};

Subject open_subject(const char* model, const char* profile) {
  Subject s;
  s.file = expect(MappedFile::open(model));
  s.own = expect(Model::open(s.file.bytes(), all_ops()));
  s.own_profile = expect(Profile::load(profile));
  return s;
}

/// How far below the sound the difference lies between a session after garbage and a fresh one.
double recovery_db(Session& disturbed, Session& fresh, const std::vector<float>& speech) {
  const std::vector<float> x(speech.begin(), speech.begin() + 2 * kRecovery);
  const std::vector<float> y = disturbed.run(x, 160);
  const std::vector<float> z = fresh.run(x, 160);
  double wanted = 0.0;
  double error = 1e-30;
  for (size_t i = kRecovery; i < x.size(); ++i) {
    wanted += static_cast<double>(z[i]) * static_cast<double>(z[i]);
    error += std::pow(static_cast<double>(y[i]) - static_cast<double>(z[i]), 2.0);
  }
  return 10.0 * std::log10(wanted / error);
}

struct Outcome {
  std::vector<float> hop_ms;
  double longest_ms = 0.0;  ///< by the clock on the wall
  bool finite = true;
  long growth_kib = 0;
  double back_db = 0.0;

  double drift() const {
    const auto tenth = static_cast<std::ptrdiff_t>(hop_ms.size() / 10);
    return percentile({hop_ms.end() - tenth, hop_ms.end()}, 0.5) /
           percentile({hop_ms.begin(), hop_ms.begin() + tenth}, 0.5);
  }
};

Outcome soak(const Subject& subject, Kind kind, int64_t hops, const std::vector<float>& speech) {
  Outcome outcome;
  outcome.hop_ms.assign(static_cast<size_t>(hops), 0.0f);
  Session session(*subject.model);
  Session fresh(*subject.model);
  expect(session->set_target(*subject.profile));
  expect(fresh->set_target(*subject.profile));
  Random random(40);
  float block[kHopSamples];
  const long before = resident_kib();
  for (int64_t hop = 0; hop < hops; ++hop) {
    for (int64_t i = 0; i < kHopSamples; ++i) {
      const int64_t index = hop * kHopSamples + i;
      block[i] =
          sample_of(kind, speech[static_cast<size_t>(index) % speech.size()], index, &random);
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
  outcome.growth_kib = resident_kib() - before;
  outcome.back_db = recovery_db(session, fresh, speech);
  return outcome;
}

/// One line; empty where all is well, else what is not.
std::string report(const char* name, const Outcome& o, double speech_ms) {
  const double median = percentile(o.hop_ms, 0.5);
  const double p99 = percentile(o.hop_ms, 0.99);
  std::printf("%-18s %8.3f %8.3f %8.3f %8.3f %8.1f %8.2f %8ld %8.1f\n",
              name,
              median,
              p99,
              percentile(o.hop_ms, 0.999),
              percentile(o.hop_ms, 1.0),
              o.longest_ms,
              o.drift(),
              o.growth_kib,
              o.back_db);
  std::fflush(stdout);
  std::string bad;
  bad += o.finite ? "" : " output not finite;";
  bad += o.growth_kib <= kMostGrowthKib ? "" : " memory grows;";
  bad += o.back_db > kBackDb ? "" : " not back to normal after 1.5 s;";
  bad += o.drift() < kMostDrift && median < kMostDrift * speech_ms ? "" : " hops get slower;";
  bad += p99 < kHopMs ? "" : " slower than real time;";
  return bad.empty() ? bad : std::string(name) + ":" + bad + "\n";
}

int run(double minutes, const Subject& subject) {
  const int64_t hops = std::max<int64_t>(100, static_cast<int64_t>(minutes * 6000.0));
  const std::vector<float> speech = babble(kSpeechSamples, 41);
  std::printf(
      "%.1f minutes of each kind; milliseconds of processor time per hop of 10 ms, back to back\n"
      "%-18s %8s %8s %8s %8s %8s %8s %8s %8s\n",
      minutes,
      "kind",
      "p50",
      "p99",
      "p99.9",
      "max",
      "wall max",
      "drift",
      "+KiB",
      "back dB");
  std::string bad;
  double speech_ms = 0.0;
  for (const auto& [kind, name] : kKinds) {
    const Outcome outcome = soak(subject, kind, hops, speech);
    speech_ms = kind == Kind::kSpeech ? percentile(outcome.hop_ms, 0.5) : speech_ms;
    bad += report(name, outcome, speech_ms);
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
    Subject subject;
    if (argc == 4) {
      subject = open_subject(argv[2], argv[3]);
      subject.model = &subject.own;
      subject.profile = &subject.own_profile;
    } else {
      subject.model = &network().model();
      subject.profile = &network().alice();
    }
    return run(minutes, subject);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "ligero_soak: %s\n", problem.what());
    return 2;
  }
}
