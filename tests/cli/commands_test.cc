// SPDX-License-Identifier: Apache-2.0
// The tool's commands on good input, end to end. Not: refusals (refusals_test.cc).
#include <doctest/doctest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/session/ports.h"
#include "platforms/cli/npy.h"
#include "platforms/cli/sound/sound.h"
#include "runtime/base/version.h"
#include "tests/cli/tool.h"
#include "tests/support/test_run.h"
#include "tests/support/without_low.h"

namespace ligero::testing {
namespace {

std::string model_and_profile(const Workplace& at) {
  return "--model " + at / "tiny.lgm" + " --profile " + at / "who.profile ";
}

TEST_CASE("--version: the tool and the converter say the same") {
  const Outcome tool = run_tool("--version");
  CHECK(tool.code == 0);
  CHECK(tool.text.rfind(std::string("ligero ") + version() + " (C API 5, ", 0) == 0);
  const Outcome convert = run_line(LIGERO_CONVERT " --version");
  CHECK(convert.code == 0);
  CHECK(convert.text == "ligero-convert" + tool.text.substr(std::strlen("ligero")));
}

TEST_CASE(
    "enroll, extract: the output has the input's length and coding, and what the graph says") {
  const Workplace at;
  const Outcome done =
      run_tool("extract " + model_and_profile(at) + at / "mix.wav" + " -o " + at / "out.wav");
  INFO(done.text);
  REQUIRE(done.code == 0);
  const cli::Sound out = cli::read_sound(at / "out.wav");
  const cli::Sound mix = cli::read_sound(at / "mix.wav");
  CHECK(out.sixteen_bit);
  REQUIRE(out.samples.size() == mix.samples.size());
  const cli::Sound anchor = cli::read_sound(at / "anchor.wav");
  const std::vector<float> voice = heard(anchor.samples);
  std::vector<float> power(kHopSamples);  // of each place of a hop
  for (size_t i = 0; i < voice.size(); ++i) {
    power[i % kHopSamples] += voice[i] * voice[i];
  }
  const int64_t frames = hops_of(static_cast<int64_t>(voice.size()), kHopSamples);
  std::vector<float> expected = heard(mix.samples);
  for (size_t i = 0; i < expected.size(); ++i) {
    expected[i] *= 100.0f * power[i % kHopSamples] / static_cast<float>(frames);
  }
  restore(std::vector<float>(expected), 16000, expected);
  constexpr size_t kPlace = 160 * 20 + 37;
  CHECK(out.samples[kPlace] == doctest::Approx(expected[kPlace]).epsilon(0.01));
}

TEST_CASE("extract: --enroll gives what --profile gives, and float samples where asked") {
  const Workplace at;
  const std::string tail = at / "mix.wav" + " --samples float -o ";
  CHECK(run_tool("extract " + model_and_profile(at) + tail + at / "a.wav").code == 0);
  CHECK(run_tool("extract --model " + at / "tiny.lgm" + " --enroll " + at / "anchor.wav " + tail +
                 at / "b.wav")
            .code == 0);
  const cli::Sound a = cli::read_sound(at / "a.wav");
  CHECK_FALSE(a.sixteen_bit);
  CHECK(a.samples == cli::read_sound(at / "b.wav").samples);
}

TEST_CASE("extract: a float mixture gives float, FLAC and OGG are written by their ending") {
  const Workplace at;
  write_wav(at / "float.wav", tone(16000, 330.0f), {.coding = SF_FORMAT_FLOAT});
  for (const char* name : {"out.wav", "out.flac", "out.ogg"}) {
    CAPTURE(name);
    CHECK(
        run_tool("extract " + model_and_profile(at) + at / "float.wav" + " -o " + at / name).code ==
        0);
    const cli::Sound out = cli::read_sound(at / name);
    CHECK(out.samples.size() == 16000);
    CHECK_FALSE(out.sixteen_bit);
  }
}

TEST_CASE("extract: samples beyond full scale are clipped to 16 bits, counted and said") {
  const Workplace at;
  write_wav(at / "loud.wav", tone(32000, 220.0f, 1.0f));
  const Outcome done = run_tool("extract --model " + at / "tiny.lgm" + " --enroll " +
                                at / "loud.wav " + at / "mix.wav" + " -o " + at / "out.wav");
  INFO(done.text);
  CHECK(done.code == 0);
  CHECK(done.says("beyond full scale and clipped"));
}

TEST_CASE("extract: --threads computes the same") {
  const Workplace at;
  const std::string tail = at / "mix.wav" + " -o ";
  CHECK(run_tool("extract " + model_and_profile(at) + tail + at / "a.wav").code == 0);
  CHECK(run_tool("extract " + model_and_profile(at) + "--threads 1 " + tail + at / "b.wav").code ==
        0);
  CHECK(read_file(at / "a.wav") == read_file(at / "b.wav"));
}

TEST_CASE("enroll: several anchors make one profile") {
  const Workplace at;
  const Outcome done = run_tool("enroll --model " + at / "tiny.lgm " + at / "anchor.wav " +
                                at / "mix.wav" + " -o " + at / "two.profile");
  INFO(done.text);
  CHECK(done.code == 0);
  CHECK(read_file(at / "two.profile") != read_file(at / "who.profile"));
}

TEST_CASE("enroll: of recordings of hours the beginnings are used, and that is said") {
  const Workplace at;
  const std::vector<float> hour = tone(150 * 16000, 220.0f);
  write_wav(at / "hour.wav", hour);
  write_wav(at / "all.wav", std::span(hour).first(120 * 16000));
  write_wav(at / "half.wav", std::span(hour).first(60 * 16000));
  const auto enroll = [&](const std::string& anchors, const std::string& name) {
    const Outcome done =
        run_tool("enroll --model " + at / "tiny.lgm " + anchors + " -o " + at / name);
    INFO(done.text);
    CHECK(done.code == 0);
    return done;
  };
  CHECK(enroll(at / "hour.wav", "a").says("hour.wav': only its first 120 s are used"));
  CHECK_FALSE(enroll(at / "anchor.wav", "b").says("are used"));
  enroll(at / "all.wav", "b");
  CHECK(read_file(at / "a") == read_file(at / "b"));
  const Outcome two = enroll(at / "hour.wav " + at / "anchor.wav", "a");
  CHECK(two.says("hour.wav': only its first 60 s are used"));
  CHECK_FALSE(two.says("anchor.wav': only"));
  enroll(at / "half.wav " + at / "anchor.wav", "b");
  CHECK(read_file(at / "a") == read_file(at / "b"));
}

TEST_CASE("extract: a recording may come through a pipe") {
  const Workplace at;
  const std::string tool = LIGERO_TOOL " extract " + model_and_profile(at);
  REQUIRE(run_line(tool + at / "mix.wav -o " + at / "file.wav").code == 0);
  const Outcome done =
      run_line("cat " + at / "mix.wav | " + tool + "/dev/stdin -o " + at / "pipe.wav");
  INFO(done.text);
  CHECK(done.code == 0);
  CHECK(read_file(at / "pipe.wav") == read_file(at / "file.wav"));
}

TEST_CASE("NaN and infinities in a float WAV become zero, are counted and said") {
  const Workplace at;
  std::vector<float> samples = tone(16000, 330.0f);
  samples[5] = std::nanf("");
  samples[6000] = INFINITY;
  samples[6001] = -INFINITY;
  write_wav(at / "nan.wav", samples, {.coding = SF_FORMAT_FLOAT});
  const Outcome done =
      run_tool("extract " + model_and_profile(at) + at / "nan.wav" + " -o " + at / "out.wav");
  INFO(done.text);
  CHECK(done.code == 0);
  CHECK(done.says("nan.wav"));
  CHECK(done.says("3 samples were NaN or infinite"));
  const cli::Sound out = cli::read_sound(at / "out.wav");
  CHECK(out.cleaned == 0);
  for (const size_t i : {5u, 6000u, 6001u}) {
    samples[i] = 0.0f;
  }
  write_wav(at / "zero.wav", samples, {.coding = SF_FORMAT_FLOAT});
  CHECK(run_tool("extract " + model_and_profile(at) + at / "zero.wav" + " -o " + at / "same.wav")
            .code == 0);
  CHECK(read_file(at / "same.wav") == read_file(at / "out.wav"));
  // The same bytes at any time of day: no chunk of the file says when it was written.
  CHECK(read_file(at / "out.wav").find("PEAK") == std::string::npos);
}

TEST_CASE("score: values and JSON") {
  const Folder at;
  const std::vector<float> reference = tone(16000, 220.0f);
  std::vector<float> estimate = tone(16000, 777.0f, 0.03f);
  std::vector<float> mixture = tone(16000, 777.0f, 0.3f);
  for (size_t i = 0; i < reference.size(); ++i) {
    estimate[i] += 0.5f * reference[i];
    mixture[i] += reference[i];
  }
  write_wav(at / "r.wav", reference, {.coding = SF_FORMAT_FLOAT});
  write_wav(at / "e.wav", estimate, {.coding = SF_FORMAT_FLOAT});
  write_wav(at / "m.wav", mixture, {.coding = SF_FORMAT_FLOAT});
  const std::string files =
      "score --reference " + at / "r.wav " + at / "e.wav" + " --mixture " + at / "m.wav";
  const Outcome plain = run_tool(files);
  CHECK(plain.code == 0);
  CHECK(plain.says("SI-SNR improvement"));
  const Outcome json = run_tool(files + " --json");
  REQUIRE(json.code == 0);
  const nlohmann::json report = nlohmann::json::parse(json.text);
  CHECK(report["si_snr_db"].get<double>() == doctest::Approx(13.98).epsilon(0.01));
  CHECK(std::abs(report["mixture_si_snr_db"].get<double>()) < 0.1);
  CHECK(report["si_snr_improvement_db"].get<double>() == doctest::Approx(13.98).epsilon(0.01));
}

TEST_CASE("score: recordings of a higher rate are compared at it, and band by band") {
  const Folder at;
  const auto write = [&](const char* name, float low, float high, int rate_hz = 48000) {
    std::vector<float> x(static_cast<size_t>(rate_hz));
    for (size_t i = 0; i < x.size(); ++i) {
      const float t = static_cast<float>(i) / static_cast<float>(rate_hz);
      x[i] = 0.3f * std::sin(6.2831853f * 1000.0f * t) + low * std::sin(6.2831853f * 1300.0f * t) +
             0.1f * std::sin(6.2831853f * 12000.0f * t) + high * std::sin(6.2831853f * 15000.0f * t);
    }
    write_wav(at / name, x, {.rate_hz = rate_hz, .coding = SF_FORMAT_FLOAT});
  };
  write("r.wav", 0.0f, 0.0f);
  write("e.wav", 0.03f, 0.02f);
  const std::string line = "score --reference " + at / "r.wav" + " ";
  const Outcome done = run_tool(line + at / "e.wav" + " --mixture " + at / "e.wav" + " --json");
  REQUIRE(done.code == 0);
  const nlohmann::json report = nlohmann::json::parse(done.text);
  CHECK(report["speech_si_snr_db"].get<double>() == doctest::Approx(20.0).epsilon(0.02));
  CHECK(report["top_si_snr_db"].get<double>() == doctest::Approx(13.98).epsilon(0.02));
  CHECK(report["si_snr_db"].get<double>() == doctest::Approx(18.86).epsilon(0.02));
  CHECK(std::abs(report["top_si_snr_improvement_db"].get<double>()) < 1e-6);
  CHECK(run_tool(line + at / "e.wav").says("13.9"));
  write("low.wav", 0.03f, 0.0f, 16000);  // what is above is in one of them alone
  REQUIRE(run_tool(line + at / "low.wav" + " --json --align").code == 0);
  CHECK_FALSE(run_tool(line + at / "low.wav" + " --json --align").says("top_"));
}

TEST_CASE("info: JSON has graphs, bytes, licence, family; --verify passes") {
  const Workplace at;
  const Outcome done = run_tool("info --json --verify " + at / "tiny.lgm");
  INFO(done.text);
  REQUIRE(done.code == 0);
  const nlohmann::json report = nlohmann::json::parse(done.text);
  CHECK(report["system"] == "test");
  CHECK(report["licence"] == "Apache-2.0");
  CHECK(report["family"] == std::string(64, 'a'));
  CHECK(report["weights_verified"] == true);
  CHECK(report["bytes"]["weights"]["segment"] == 640);
  CHECK(report["bytes"]["profile"] == read_file(at / "who.profile").size());
  REQUIRE(report["graphs"].size() == 2);
  CHECK(report["graphs"][1]["layers"] == 2);
  CHECK(report["graphs"][1]["parameters"] == 160);
  CHECK(report["graphs"][1]["arena_bytes_4s"]["total"] > 0);
  CHECK(report["graphs"][1]["latency"]["whole_recording"] == false);
  CHECK(run_tool("info " + at / "tiny.lgm").says("graph extract"));
}

TEST_CASE("info --arena: the bytes alone, or in the JSON; refused for a model that hears whole recordings") {
  const Workplace at;
  const Outcome done = run_tool("info --arena " + at / "tiny.lgm");
  INFO(done.text);
  REQUIRE(done.code == 0);
  const long bytes = std::stol(done.text);
  CHECK(done.text == std::to_string(bytes) + "\n");
  CHECK(bytes > 5000);
  CHECK(bytes < 50000);
  CHECK(nlohmann::json::parse(run_tool("info --json --arena " + at / "tiny.lgm").text)["arena_bytes"] == bytes);
  const Outcome whole = run_tool("info --arena " LIGERO_SOURCE_DIR "/model/pretrained/lgr-tse-small-int8.lgm");
  CHECK(whole.code == 1);
  CHECK(whole.says("lgr-tse-small-int8.lgm' in an arena"));
}

TEST_CASE("info --json --nodes: nodes, tensors, time, and where in the file weights are") {
  const Workplace at;
  const Outcome done = run_tool("info --json --nodes " + at / "tiny.lgm");
  INFO(done.text);
  REQUIRE(done.code == 0);
  const nlohmann::json graph = nlohmann::json::parse(done.text)["graphs"][1]["graph"];
  CHECK(graph["inputs"] == nlohmann::json({"hops", "speaker"}));
  CHECK(graph["outputs"] == nlohmann::json({"voice"}));
  REQUIRE(graph["nodes"].size() == 2);
  const nlohmann::json& scaled = graph["nodes"][0];
  CHECK(scaled["op"] == "multiply");
  CHECK(scaled["time"][0] == nlohmann::json({"pointwise", 0, 0}));
  const std::string file = read_file(at / "tiny.lgm");
  for (const nlohmann::json& tensor : graph["tensors"]) {
    if (tensor["name"] == scaled["inputs"][1]) {
      float first = 0.0f;
      REQUIRE(tensor["offset"].get<size_t>() + sizeof(first) <= file.size());
      std::memcpy(&first, file.data() + tensor["offset"].get<size_t>(), sizeof(first));
      CHECK(first == 100.0f);
      CHECK(tensor["bytes"] == 640);
    }
  }
  CHECK(run_tool("info --nodes " + at / "tiny.lgm").code == 2);
}

TEST_CASE("run: outputs, and with --tap all every node's output under its name") {
  const Workplace at;
  const std::vector<float> hops = tone(5 * 160, 330.0f);
  cli::write_npy(at / "hops.npy", std::vector<int64_t>{5, 1, 160}, hops);
  cli::write_npy(at / "speaker.npy", std::vector<int64_t>{1, 160}, std::vector<float>(160, 0.25f));
  const std::string line = "run --model " + at / "tiny.lgm" +
                           " --graph extract --input hops=" + at / "hops.npy" +
                           " --input speaker=" + at / "speaker.npy" + " --output ";
  const Outcome done = run_tool(line + at / "out");
  INFO(done.text);
  REQUIRE(done.code == 0);
  CHECK(at.folder.names().count("out/voice.npy") == 1);
  CHECK(at.folder.names().count("out/layer.scaled.npy") == 0);
  REQUIRE(run_tool(line + at / "taps" + " --tap all").code == 0);
  const cli::NpyArray scaled = cli::read_npy(at / "taps/layer.scaled.npy");
  const cli::NpyArray voice = cli::read_npy(at / "taps/voice.npy");
  CHECK(scaled.shape == std::vector<int64_t>{5, 1, 160});
  CHECK(scaled.values[300] == doctest::Approx(100.0f * hops[300]));
  CHECK(voice.values[300] == doctest::Approx(25.0f * hops[300]));
}

TEST_CASE("run --repeat: what each run took, and the memory") {
  const Workplace at;
  cli::write_npy(at / "hops.npy", std::vector<int64_t>{4, 1, 160}, std::vector<float>(640, 0.5f));
  const Outcome done = run_tool("run --model " + at / "tiny.lgm" +
                                " --graph enroll --repeat 3 --input hops=" + at / "hops.npy" +
                                " --output " + at / "out");
  INFO(done.text);
  REQUIRE(done.code == 0);
  const nlohmann::json report = nlohmann::json::parse(done.text);
  CHECK(report["ms"].size() == 3);
  CHECK(report["peak_bytes"] >= 0);
  CHECK(cli::read_npy(at / "out/speaker.npy").values[159] == doctest::Approx(0.25f));
}

TEST_CASE("run: a graph from hops to a constant") {
  const Workplace at;
  cli::write_npy(at / "hops.npy", std::vector<int64_t>{4, 1, 160}, std::vector<float>(640, 0.5f));
  const Outcome done = run_tool("run --model " + at / "tiny.lgm" + " --graph enroll --input hops=" +
                                at / "hops.npy" + " --output " + at / "out");
  INFO(done.text);
  REQUIRE(done.code == 0);
  const cli::NpyArray speaker = cli::read_npy(at / "out/speaker.npy");
  CHECK(speaker.shape == std::vector<int64_t>{1, 160});
  CHECK(speaker.values[159] == doctest::Approx(0.25f));
}

TEST_CASE("--help: every command shows an example of itself") {
  CHECK(run_tool("--help").says(
      "Example:\n  ligero extract --enroll ann.wav meeting.wav -o ann_only.wav"));
  for (const std::string name :
       {"info", "enroll", "extract", "score", "run", "verify", "live", "bench"}) {
    CAPTURE(name);
    const Outcome help = run_tool(name + " --help");
    CHECK(help.code == 0);
    CHECK(help.says("Example:\n  ligero " + name + " "));
  }
  for (const char* hidden : {"manual", "completion"}) {
    CHECK_FALSE(run_tool("--help").says(hidden));
  }
  const Outcome help = run_line(LIGERO_CONVERT " --help");
  CHECK(help.code == 0);
  CHECK(help.says("Example:\n  ligero-convert "));
}

TEST_CASE("manual, completion: every command and every option of its help is in both") {
  const Folder at;
  const std::string manual = run_tool("manual").text;
  write_file(at / "completion", run_tool("completion").text);
  const auto complete = [&](const std::string& words, int place) {
    return run_line("bash -c 'source " + at / "completion" + "; COMP_WORDS=(" + words +
                    "); COMP_CWORD=" + std::to_string(place) +
                    "; _ligero; printf \"%s\\n\" \"${COMPREPLY[@]}\"'");
  };
  CHECK(complete("ligero ve", 1).text == "verify\n");
  CHECK(complete("ligero extract --enr", 2).text == "--enroll\n");
  CHECK(complete("ligero extract " + at / "compl", 2).text == at / "completion" + "\n");
  for (const std::string name :
       {"info", "enroll", "extract", "score", "run", "verify", "live", "bench"}) {
    CAPTURE(name);
    CHECK(manual.find("\n.SH \"ligero " + name + "\"\n") != std::string::npos);
    const std::string help = run_tool(name + " --help").text;
    const std::string known = "\n" + complete("ligero " + name + " --", 2).text;
    for (size_t from = help.find("\n  -"); from != std::string::npos;
         from = help.find("\n  -", from + 1)) {
      const size_t begin = help.find("--", from);
      const std::string option = help.substr(begin, help.find_first_of(" ,\n", begin) - begin);
      CAPTURE(option);
      CHECK(known.find("\n" + option + "\n") != std::string::npos);
    }
  }
  if (run_line("command -v man").code == 0) {
    write_file(at / "ligero.1", manual);
    const Outcome shown = run_line("MANROFFSEQ= man --warnings -l " + at / "ligero.1");
    CHECK(shown.says("ligero extract"));
    CHECK_FALSE(shown.says("warning"));
  } else {
    std::puts("skipped: no man (how the manual page is set)");
  }
}

}  // namespace
}  // namespace ligero::testing
