// SPDX-License-Identifier: Apache-2.0
// The pages to look at and to listen with: what is in the file, and what a browser makes of it.
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "platforms/cli/report/listen_page.h"
#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

struct Place : Workplace {
  const std::string extract = LIGERO_TOOL " extract --model " + (*this) / "tiny.lgm" +
                              " --profile " + (*this) / "who.profile ";
};

/// What a browser says of a page: a script at its end writes JSON into the title. Empty: no browser
/// here.
std::string browse(const Place& at, const std::string& page, const std::string& script) {
  if (run_line("command -v chromium").code != 0) {
    std::puts("skipped: no chromium (what a browser makes of the report)");
    return "";
  }
  std::string content = read_file(page);
  content.insert(content.find("</body>"), "<script>" + script + "</script>");
  write_file(at / "watched.html", content);
  const Outcome done =
      run_line("timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir=" +
               at / "browser" + " --virtual-time-budget=5000 --dump-dom file://" +
               at / "watched.html" + " 2>/dev/null");
  CAPTURE(done.text.substr(0, 400));
  REQUIRE(done.code == 0);
  const size_t begin = done.text.find("<title>") + 7;
  return done.text.substr(begin, done.text.find("</title>") - begin);
}

// Brightest row of a column in the middle, as kHz; columns with a green mark; seconds of the
// player.
const char* const kLook = R"js(
function look(canvas) {
  const g = canvas.getContext('2d'), rate = Number(canvas.dataset.rate);
  const column = g.getImageData(44 + 480, 8, 1, 256).data, bar = g.getImageData(44, 3, 960, 1).data;
  let row = 0, marked = [];
  for (let y = 0; y < 256; y++)
    if (column[4 * y] + column[4 * y + 1] > column[4 * row] + column[4 * row + 1]) row = y;
  for (let x = 0; x < 960; x++) if (bar[4 * x + 1] > 100 && bar[4 * x] < 60) marked.push(x);
  return {khz: (255 - row) / 256 * rate / 2000, marked: marked.length, first: marked[0],
    last: marked[marked.length - 1], seconds: canvas.nextElementSibling.duration};
}
window.onload = () => setTimeout(() => {
  document.title = JSON.stringify(Array.from(document.querySelectorAll('canvas'), look));
}, 500);
)js";

TEST_CASE(
    "extract --report: a panel with a player each for mixture, voice and reference, in one file") {
  const Place at;
  const std::string mix = at / "mix.wav";
  REQUIRE(run_line(at.extract + mix + " -o " + at / "out.wav --report " + at / "two.html").code ==
          0);
  const Outcome done = run_line(at.extract + mix + " -o " + at / "out.wav --report " +
                                at / "three.html --reference " + mix);
  REQUIRE(done.code == 0);
  CHECK(done.says("report: '" + at / "three.html" + "'"));
  const std::string two = read_file(at / "two.html");
  const std::string three = read_file(at / "three.html");
  CHECK(count(two, "<canvas") == 2);
  CHECK(count(three, "<canvas") == 3);
  CHECK(count(three, "<audio") == 3);
  CHECK(count(three, "src=\"data:audio/wav;base64,UklGR") == 3);
  CHECK(count(three, "src=") == 3);  // nothing is loaded from elsewhere
  CHECK(count(three, "http") + count(three, "<link") + count(three, "@import") == 0);
  CHECK(count(three, "SI-SNR ") == 2);  // title and heading
  CHECK(three.ends_with("</html>\n"));
  const std::string seen = browse(at, at / "three.html", kLook);
  if (!seen.empty()) {
    CAPTURE(seen);
    const nlohmann::json panels = nlohmann::json::parse(seen);
    REQUIRE(panels.size() == 3);
    for (const nlohmann::json& panel : panels) {
      CHECK(panel["khz"] == doctest::Approx(0.33).epsilon(0.15));
      CHECK(panel["marked"] == 0);
      CHECK(panel["seconds"] == doctest::Approx(16077 / 16000.0).epsilon(0.01));
    }
  }
}

TEST_CASE("enroll --report: marks where speech was found in each anchor, and only there") {
  const Place at;
  // Sound in the first and the last third.
  std::vector<float> samples = tone(48000, 220.0f);
  std::fill(samples.begin() + 16000, samples.begin() + 32000, 0.0f);
  write_wav(at / "pause.wav", samples);
  const Outcome done = run_tool("enroll --model " + at / "tiny.lgm" + " -o " + at / "p.profile " +
                                at / "pause.wav " + at / "anchor.wav --report " + at / "p.html");
  INFO(done.text);
  REQUIRE(done.code == 0);
  const std::string page = read_file(at / "p.html");
  CHECK(count(page, "<canvas") == 2);
  // What LowCut leaves of the tone's end lasts a frame longer.
  CHECK(count(page, "data-marks=\"0-1.02 2-3\"") == 1);
  const std::string seen = browse(at, at / "p.html", kLook);
  if (!seen.empty()) {
    CAPTURE(seen);
    const nlohmann::json panels = nlohmann::json::parse(seen);
    REQUIRE(panels.size() == 2);
    CHECK(panels[0]["marked"] == doctest::Approx(647).epsilon(0.01));
    CHECK(panels[0]["first"] == 0);
    CHECK(panels[0]["last"] == 959);
    CHECK(panels[1]["marked"] > 400);  // two of three seconds at most
    CHECK(panels[1]["last"] <= 640);
  }
}

TEST_CASE("--report: names are text, whatever is in them, and a page to stdout is the page alone") {
  const Place at;
  const std::string odd = at / "<script>alert(1)<.wav";
  std::filesystem::copy_file(at / "mix.wav", odd);
  REQUIRE(
      run_line(at.extract + "'" + odd + "' -o " + at / "o.wav --report " + at / "r.html").code ==
      0);
  const std::string page = read_file(at / "r.html");
  CHECK(count(page, "mixture &lt;script&gt;alert(1)&lt;.wav") == 1);
  CHECK(count(page, "<script>") == 1);
  const Outcome out =
      run_line("( " + at.extract + "'" + odd + "' -o " + at / "o.wav --report - 2>/dev/null )");
  CHECK(out.text == page);
}

TEST_CASE("--report: of a long recording the page has the first ten minutes, and says so") {
  const std::vector<float> eleven(660 * 8000, 0.1f);
  const cli::Panel panel = {"long", eleven, {}, 8000};
  const std::string page = cli::listen_page("t", {&panel, 1});
  CHECK(count(page, "the first 10 minutes") == 1);
  CHECK(page.size() < (44 + 600 * 8000 * 2) / 3 * 4 + 20000);
  const cli::Panel brief = {"brief", std::span(eleven).first(8000), {}, 8000};
  CHECK(count(cli::listen_page("t", {&brief, 1}), "the first 10 minutes") == 0);
}

TEST_CASE("enroll: a report that cannot be written is refused before any work") {
  const Place at;
  const Outcome refused = run_tool("enroll --model " + at / "tiny.lgm " + at / "anchor.wav" +
                                   " -o " + at / "new.profile --report " + at / "no/p.html");
  CHECK(refused.code == 1);
  CHECK(refused.says("no/p.html"));
  CHECK(at.folder.names().count("new.profile") == 0);
}

}  // namespace
}  // namespace ligero::testing
