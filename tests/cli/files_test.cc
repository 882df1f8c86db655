// SPDX-License-Identifier: Apache-2.0
// The tool's own formats and figures, without the tool: .npy, SI-SNR, letters.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "platforms/cli/npy.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/measure.h"
#include "platforms/cli/sound/sound.h"
#include "tests/cli/tool.h"
#include "tests/support/random.h"

namespace ligero::testing {
namespace {

TEST_CASE("npy: what is written is read, for every rank") {
  const Folder at;
  const std::vector<std::vector<int64_t>> shapes = {{}, {7}, {3, 5}, {2, 3, 5}, {0, 4}};
  for (const std::vector<int64_t>& shape : shapes) {
    CAPTURE(cli::shape_text(shape));
    int64_t count = 1;
    for (const int64_t dimension : shape) {
      count *= dimension;
    }
    const std::vector<float> values = Random(3).floats(static_cast<size_t>(count));
    cli::write_npy(at / "a.b.npy", shape, values);
    const cli::NpyArray read = cli::read_npy(at / "a.b.npy");
    CHECK(read.shape == shape);
    CHECK(read.values == values);
    CHECK((read_file(at / "a.b.npy").size() - values.size() * sizeof(float)) % 64 == 0);
  }
}

std::string npy_bytes(const std::string& header, size_t value_bytes) {
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size());
  bytes += '\0';
  return bytes + header + std::string(value_bytes, '\0');
}

TEST_CASE("npy: every damage is refused") {
  const Folder at;
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  write_file(at / "good.npy", npy_bytes(good, 24));
  CHECK(cli::read_npy(at / "good.npy").values.size() == 6);
  const std::vector<std::string> bad = {
      "",
      "\x93NUMPY",
      npy_bytes(good, 23),
      npy_bytes(good, 25),
      npy_bytes(good, 24).substr(0, 30),
      npy_bytes("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", 48),
      npy_bytes("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 24),
      npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }", 24),
      npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3", 24),
      npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3), }",
                24),
      npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 0),
      npy_bytes("{'descr': '<f4', 'fortran_order': False, }", 24),
  };
  for (const std::string& bytes : bad) {
    CAPTURE(bytes);
    write_file(at / "bad.npy", bytes);
    CHECK_THROWS_AS(cli::read_npy(at / "bad.npy"), cli::Refusal);
  }
  CHECK_THROWS_AS(cli::read_npy(at / "gone.npy"), cli::Refusal);
}

TEST_CASE("sound: a WAV that would be too large for its header is RF64, and WAV where it is not") {
  const Folder at;
  const std::vector<float> samples = tone(16000, 220.0f);
  for (const int64_t promised : {int64_t{0}, int64_t{1} << 31}) {
    CAPTURE(promised);
    cli::SoundWriter writer(at / "a.wav", cli::Encoding::kPcm16, 16000, promised);
    writer.write(samples);
    CHECK(writer.commit() == 0);
    CHECK(read_file(at / "a.wav").substr(0, 4) == "RIFF");
    CHECK(cli::read_sound(at / "a.wav").samples.size() == samples.size());
  }
}

TEST_CASE("SI-SNR: scale and offset do not matter, known ratios come out") {
  Random random(5);
  std::vector<float> reference = random.floats(16000);
  std::vector<float> scaled(reference.size());
  std::vector<float> noisy(reference.size());
  const std::vector<float> noise = random.floats(16000);
  for (size_t i = 0; i < reference.size(); ++i) {
    scaled[i] = 0.1f * reference[i] + 0.25f;
    noisy[i] = reference[i] + 0.1f * noise[i];
  }
  CHECK(cli::si_snr_db(scaled, reference) > 80.0);
  CHECK(cli::si_snr_db(noisy, reference) == doctest::Approx(20.0).epsilon(0.02));
  CHECK(cli::si_snr_db(std::vector<float>(reference.size(), 0.0f), reference) ==
        doctest::Approx(0.0));
}

}  // namespace
}  // namespace ligero::testing
