// The pictures that the tool draws, read back from their PNG files.
#include <doctest/doctest.h>
#include <png.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

struct Picture {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgb;

  bool green(int x, int y) const {
    const uint8_t* dot = &rgb[3 * (static_cast<size_t>(y) * width + x)];
    return dot[1] > 2 * dot[0] && dot[1] > dot[2] + 40;
  }
  int greens() const {
    int found = 0;
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        found += green(x, y) ? 1 : 0;
      }
    }
    return found;
  }
};

Picture read_png(const std::string& path) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  REQUIRE(png_image_begin_read_from_file(&image, path.c_str()) != 0);
  image.format = PNG_FORMAT_RGB;
  Picture picture = {static_cast<int>(image.width), static_cast<int>(image.height), {}};
  picture.rgb.resize(PNG_IMAGE_SIZE(image));
  REQUIRE(png_image_finish_read(&image, nullptr, picture.rgb.data(), 0, nullptr) != 0);
  return picture;
}

TEST_CASE("extract: --plot draws a panel each for mixture, voice and reference") {
  const Workplace at;
  const std::string extract = "extract --model " + at / "tiny.lgm" + " --profile " +
                              at / "who.profile " + at / "mix.wav" + " -o " + at / "out.wav" +
                              " --plot ";
  REQUIRE(run_tool(extract + at / "two.png").code == 0);
  REQUIRE(run_tool(extract + at / "three.png --reference " + at / "mix.wav").code == 0);
  const Picture two = read_png(at / "two.png");
  const Picture three = read_png(at / "three.png");
  CHECK(two.width == three.width);
  CHECK(three.height - two.height > 256);  // a dot for each bin
  CHECK(two.greens() == 0);
}

TEST_CASE("enroll: --plot marks where speech was found in each anchor, and only there") {
  const Workplace at;
  // Sound in the first and the last third.
  std::vector<float> samples = tone(48000, 220.0f);
  std::fill(samples.begin() + 16000, samples.begin() + 32000, 0.0f);
  write_wav(at / "pause.wav", samples);
  const std::string enroll =
      "enroll --model " + at / "tiny.lgm" + " -o " + at / "p.profile" + " --plot ";
  const Outcome one = run_tool(enroll + at / "one.png " + at / "pause.wav");
  INFO(one.text);
  REQUIRE(one.code == 0);
  CHECK(one.says("spectrograms: '" + at / "one.png" + "'"));
  const Picture picture = read_png(at / "one.png");
  int bar = 0;
  while (bar < picture.height && !picture.green(picture.width / 6, bar)) {
    ++bar;
  }
  REQUIRE(bar < picture.height);
  int first = -1;
  int last = -1;
  int marked = 0;
  int changes = 0;
  for (int x = 1; x < picture.width; ++x) {
    const bool green = picture.green(x, bar);
    first = green && first < 0 ? x : first;
    last = green ? x : last;
    marked += green ? 1 : 0;
    changes += green != picture.green(x - 1, bar) ? 1 : 0;
  }
  CHECK(changes == 4);  // two stretches
  CHECK(marked == doctest::Approx((last - first + 1) * 2.0 / 3.0).epsilon(0.03));
  // A second anchor, louder and without a pause: one panel and one bar more.
  const Outcome both = run_tool(enroll + at / "both.png " + at / "pause.wav " + at / "anchor.wav");
  REQUIRE(both.code == 0);
  const Picture two = read_png(at / "both.png");
  CHECK(two.height - picture.height > 256);
  CHECK(two.greens() > picture.greens());
}

TEST_CASE("enroll: a picture that cannot be written is refused before any work") {
  const Workplace at;
  const Outcome refused = run_tool("enroll --model " + at / "tiny.lgm " + at / "anchor.wav" +
                                   " -o " + at / "new.profile" + " --plot " + at / "no/p.png");
  CHECK(refused.code == 1);
  CHECK(refused.says("no/p.png"));
  CHECK(at.folder.names().count("new.profile") == 0);
}

}  // namespace
}  // namespace ligero::testing
