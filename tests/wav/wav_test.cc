// SPDX-License-Identifier: Apache-2.0
// The stand-in for libsndfile: what it writes and reads again, what it refuses. Not: the tool's use of
// it (tests/cli), which ./run test-cross checks against libsndfile itself.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sndfile.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

struct TemporaryFile {
  std::string path = (std::filesystem::temp_directory_path() / "ligero-wav-XXXXXX").string();
  TemporaryFile() {
    close(mkstemp(path.data()));
  }
  ~TemporaryFile() {
    std::remove(path.c_str());
  }
  void write(const std::string& bytes) const {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  std::string read() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
};

std::string number(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) {
    out += static_cast<char>(value >> (8 * i));
  }
  return out;
}

std::string chunk(const std::string& name, const std::string& content) {
  return name + number(content.size(), 4) + content + std::string(content.size() % 2, '\0');
}

std::string format_chunk(int tag, int channels, int bits, const std::string& more = "") {
  return chunk("fmt ",
               number(static_cast<uint64_t>(tag), 2) + number(static_cast<uint64_t>(channels), 2) +
                   number(16000, 4) + number(static_cast<uint64_t>(16000 * channels * bits / 8), 4) +
                   number(static_cast<uint64_t>(channels * bits / 8), 2) +
                   number(static_cast<uint64_t>(bits), 2) + more);
}

std::string riff(const std::string& chunks) {
  return "RIFF" + number(4 + chunks.size(), 4) + "WAVE" + chunks;
}

const std::string kThree = number(0x4000, 2) + number(0xC000, 2) + number(0x7FFF, 2);
const std::vector<float> kThreeValues = {0.5f, -0.5f, 32767.0f / 32768.0f};

/// All samples of a file; empty where it is refused.
std::vector<float> read_all(const std::string& path, SF_INFO* info) {
  std::vector<float> out;
  SNDFILE* file = sf_open(path.c_str(), SFM_READ, info);
  if (file == nullptr) {
    return out;
  }
  float block[7];
  for (sf_count_t got = 0; (got = sf_read_float(file, block, 7)) > 0;) {
    out.insert(out.end(), block, block + got);
  }
  CHECK(sf_error(nullptr) == SF_ERR_NO_ERROR);
  CHECK(sf_error(file) == SF_ERR_NO_ERROR);
  CHECK(sf_close(file) == 0);
  return out;
}

std::vector<float> read_all(const std::string& path) {
  SF_INFO info = {};
  return read_all(path, &info);
}

std::string refusal(const std::string& bytes) {
  const TemporaryFile file;
  file.write(bytes);
  SF_INFO info = {};
  CHECK(sf_open(file.path.c_str(), SFM_READ, &info) == nullptr);
  CHECK(sf_error(nullptr) == SF_ERR_UNRECOGNISED_FORMAT);
  return sf_strerror(nullptr);
}

}  // namespace

TEST_CASE("wav: what is written is read again, in every coding, even and odd lengths, one and two channels") {
  const int codings[] = {SF_FORMAT_PCM_U8, SF_FORMAT_PCM_16, SF_FORMAT_PCM_24, SF_FORMAT_PCM_32,
                         SF_FORMAT_FLOAT,  SF_FORMAT_DOUBLE, SF_FORMAT_ULAW,   SF_FORMAT_ALAW};
  // The widest step of both laws is 1/32 of full scale, between values of 14 and 13 bits.
  const double steps[] = {0x1p-7, 0x1p-15, 0x1p-23, 0x1p-24, 0, 0, 0x1.02p-5, 0x1.02p-5};
  for (int container : {SF_FORMAT_WAV, SF_FORMAT_RAW, SF_FORMAT_RF64}) {
    for (size_t c = 0; c < std::size(codings); ++c) {
      for (int channels : {1, 2}) {
        std::vector<float> x(static_cast<size_t>(channels) * 9001);
        for (size_t i = 0; i < x.size(); ++i) {
          x[i] = 0.9f * static_cast<float>(std::sin(0.01 * static_cast<double>(i)));
        }
        const TemporaryFile path;
        SF_INFO info = {0, 48000, channels, container | codings[c]};
        SNDFILE* file = sf_open(path.path.c_str(), SFM_WRITE, &info);
        REQUIRE(file != nullptr);
        CHECK(sf_write_float(file, x.data(), static_cast<sf_count_t>(x.size())) ==
              static_cast<sf_count_t>(x.size()));
        CHECK(sf_close(file) == 0);
        SF_INFO found = container == SF_FORMAT_RAW ? info : SF_INFO{};
        const std::vector<float> y = read_all(path.path, &found);
        CAPTURE(codings[c]);
        CAPTURE(container);
        CHECK(found.samplerate == 48000);
        CHECK(found.channels == channels);
        CHECK((found.format & SF_FORMAT_SUBMASK) == codings[c]);
        CHECK((container == SF_FORMAT_RAW || found.frames == 9001));
        REQUIRE(y.size() == x.size());
        double worst = 0;
        for (size_t i = 0; i < x.size(); ++i) {
          worst = std::fmax(worst, std::fabs(static_cast<double>(x[i]) - static_cast<double>(y[i])));
        }
        CHECK(worst <= 0.5 * steps[c]);
      }
    }
  }
}

TEST_CASE("wav: 16-bit samples are written as they are; sizes fit; what is small is no RF64") {
  for (int container : {SF_FORMAT_WAV, SF_FORMAT_RF64}) {
    const TemporaryFile path;
    SF_INFO info = {0, 16000, 1, container | SF_FORMAT_PCM_16};
    SNDFILE* file = sf_open(path.path.c_str(), SFM_WRITE, &info);
    const int16_t x[] = {-32768, 0, 32767};
    CHECK(sf_write_short(file, x, 3) == 3);
    CHECK(sf_close(file) == 0);
    const std::string bytes = path.read();
    CHECK(bytes.substr(0, 8) == "RIFF" + number(bytes.size() - 8, 4));
    CHECK(bytes.substr(bytes.size() - 14) ==
          "data" + number(6, 4) + number(0x8000, 2) + number(0, 2) + number(0x7FFF, 2));
  }
}

TEST_CASE("wav: float beyond full scale is clipped in integers and kept in float") {
  const float x[] = {1.5f, -1.5f};
  for (int coding : {SF_FORMAT_PCM_16, SF_FORMAT_FLOAT}) {
    const TemporaryFile path;
    SF_INFO info = {0, 16000, 1, SF_FORMAT_WAV | coding};
    SNDFILE* file = sf_open(path.path.c_str(), SFM_WRITE, &info);
    CHECK(sf_write_float(file, x, 2) == 2);
    CHECK(sf_close(file) == 0);
    const bool integers = coding == SF_FORMAT_PCM_16;
    CHECK(read_all(path.path) == std::vector<float>{integers ? 32767.0f / 32768.0f : 1.5f,
                                                    integers ? -1.0f : -1.5f});
  }
}

TEST_CASE("wav: other chunks, odd ones too, are passed over; the extensible format is read") {
  const TemporaryFile file;
  const std::string tag = number(22, 2) + number(16, 2) + number(4, 4) + number(1, 2) +
                          std::string("\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71", 14);
  file.write(riff(chunk("LIST", "odd") + format_chunk(0xFFFE, 1, 16, tag) + chunk("fact", "1234") +
                  chunk("data", kThree) + chunk("LIST", "behind")));
  CHECK(read_all(file.path) == kThreeValues);
}

TEST_CASE("wav: the laws of telephony have G.711's values, and every code comes back") {
  struct Known {
    int format;
    uint8_t code;
    float value;  // of G.711's tables, 14 and 13 bits
  };
  const Known known[] = {{SF_FORMAT_ULAW, 0x00, -8031.0f / 8192}, {SF_FORMAT_ULAW, 0x80, 8031.0f / 8192},
                         {SF_FORMAT_ULAW, 0xFF, 0.0f},            {SF_FORMAT_ULAW, 0xFE, 2.0f / 8192},
                         {SF_FORMAT_ALAW, 0x2A, -4032.0f / 4096}, {SF_FORMAT_ALAW, 0xAA, 4032.0f / 4096},
                         {SF_FORMAT_ALAW, 0xD5, 1.0f / 4096},     {SF_FORMAT_ALAW, 0x55, -1.0f / 4096}};
  for (const Known& k : known) {
    const TemporaryFile file;
    file.write(std::string(1, static_cast<char>(k.code)));
    SF_INFO info = {0, 8000, 1, SF_FORMAT_RAW | k.format};
    CHECK(read_all(file.path, &info) == std::vector<float>{k.value});
  }
  std::string codes;
  for (int c = 0; c < 256; ++c) {
    codes += static_cast<char>(c);
  }
  for (const auto& [format, tag] : {std::pair{SF_FORMAT_ULAW, 7}, std::pair{SF_FORMAT_ALAW, 6}}) {
    const TemporaryFile in;
    const TemporaryFile out;
    in.write(riff(format_chunk(tag, 1, 8) + chunk("data", codes)));
    const std::vector<float> values = read_all(in.path);
    REQUIRE(values.size() == 256);
    SF_INFO info = {0, 8000, 1, SF_FORMAT_RAW | format};
    SNDFILE* file = sf_open(out.path.c_str(), SFM_WRITE, &info);
    CHECK(sf_write_float(file, values.data(), 256) == 256);
    CHECK(sf_close(file) == 0);
    CHECK(read_all(out.path, &info) == values);
  }
}

TEST_CASE("wav: a file that ends early, or whose length nobody knew, is read as far as it goes") {
  const std::string header = format_chunk(1, 1, 16) + "data";
  for (const uint64_t promised : {uint64_t{1000}, uint64_t{0xFFFFFFFF}}) {
    const TemporaryFile file;
    file.write(riff(header + number(promised, 4) + kThree));
    CHECK(read_all(file.path) == kThreeValues);
  }
  const std::string rf64 = "RF64" + number(0xFFFFFFFF, 4) + "WAVE";
  const std::string sizes =
      chunk("ds64", number(100, 8) + number(6, 8) + number(3, 8) + number(0, 4));
  const TemporaryFile wide;
  wide.write(rf64 + sizes + header + number(0xFFFFFFFF, 4) + kThree + "behind");
  CHECK(read_all(wide.path) == kThreeValues);
  const std::string no_sizes = chunk("ds64", std::string(28, '\0'));
  for (const std::string& file : {rf64 + header, rf64 + no_sizes + header}) {
    for (const uint64_t promised : {uint64_t{0}, uint64_t{0xFFFFFFFF}}) {
      const TemporaryFile unfinished;
      unfinished.write(file + number(promised, 4) + kThree);
      CHECK(read_all(unfinished.path) == kThreeValues);
    }
  }
}

TEST_CASE("wav: a length of 0 with sound behind it is read to the end, with nothing behind it is empty") {
  const std::string many = kThree + kThree + kThree + kThree;  // more than the reader looks ahead
  for (const int bits : {8, 16, 24, 32}) {
    CAPTURE(bits);
    const std::string header = format_chunk(1, 1, bits) + "data" + number(0, 4);
    const TemporaryFile file;
    file.write("RIFF" + number(0, 4) + "WAVE" + header + many);
    SF_INFO info = {};
    CHECK(read_all(file.path, &info).size() == 24u / static_cast<size_t>(bits / 8));
    CHECK(info.frames == 24 * 8 / bits);
    const TemporaryFile finished;
    finished.write(riff(format_chunk(1, 1, bits) + chunk("data", many)));
    CHECK(read_all(file.path) == read_all(finished.path));
    const TemporaryFile empty;
    for (const std::string& rest : {std::string(), chunk("LIST", "INFO and so on")}) {
      empty.write(riff(header + rest));
      CHECK(read_all(empty.path).empty());
    }
  }
}

TEST_CASE("wav: RAW goes through descriptors that stay open") {
  const TemporaryFile path;
  const int fd = open(path.path.c_str(), O_RDWR);
  REQUIRE(fd >= 0);
  SF_INFO info = {0, 16000, 1, SF_FORMAT_RAW | SF_ENDIAN_LITTLE | SF_FORMAT_FLOAT};
  SNDFILE* out = sf_open_fd(fd, SFM_WRITE, &info, SF_FALSE);
  CHECK(sf_write_float(out, kThreeValues.data(), 3) == 3);
  CHECK(path.read().size() == 12);  // at once, not when it is closed
  CHECK(sf_close(out) == 0);
  CHECK(lseek(fd, 0, SEEK_SET) == 0);
  SNDFILE* in = sf_open_fd(fd, SFM_READ, &info, SF_FALSE);
  float read[4];
  CHECK(sf_readf_float(in, read, 4) == 3);
  CHECK(std::vector<float>(read, read + 3) == kThreeValues);
  CHECK(sf_close(in) == 0);
  CHECK(close(fd) == 0);
}

TEST_CASE("wav: what cannot be read is refused with the reason") {
  CHECK(refusal("") == "it does not begin as a WAV file");
  CHECK(refusal("fLaC and what follows it") == "it does not begin as a WAV file");
  const std::string data = chunk("data", kThree);
  CHECK(refusal(riff(data)) == "its samples come before their format");
  CHECK(refusal(riff(format_chunk(1, 1, 16))) == "it ends before its samples");
  CHECK(refusal(riff(format_chunk(2, 1, 4) + data)) ==
        "its samples are Microsoft ADPCM, which is not read here; convert it to PCM");
  CHECK(refusal(riff(format_chunk(0x1234, 1, 4) + data)) ==
        "its samples have 4 bits of coding 0x1234, which is not read here; convert it to PCM");
  CHECK(refusal(riff(format_chunk(1, 0, 16) + data)) == "it has 0 channels; expected 1 to 1024");
  CHECK(refusal(riff(format_chunk(1, 1025, 16) + data)) ==
        "it has 1025 channels; expected 1 to 1024");
  CHECK(refusal(riff(chunk("fmt ", "short") + data)) == "the format chunk is cut short");
  std::string frame = riff(format_chunk(1, 2, 16) + data);
  frame[32] = 2;
  CHECK(refusal(frame) == "the size of a frame does not fit its channels");
  const std::string whole = riff(format_chunk(1, 1, 16) + data);
  for (size_t n = 0; n < 44; ++n) {
    CHECK(refusal(whole.substr(0, n)) != "");
  }
  SF_INFO flac = {0, 16000, 1, SF_FORMAT_FLAC | SF_FORMAT_PCM_16};
  const TemporaryFile path;
  CHECK(sf_open(path.path.c_str(), SFM_WRITE, &flac) == nullptr);
  CHECK(std::string(sf_strerror(nullptr)) == "this build of ligero reads and writes WAV and RAW alone");
}

TEST_CASE("wav: a full disk is told") {
  if (access("/dev/full", W_OK) != 0) {
    return;
  }
  SF_INFO info = {0, 16000, 1, SF_FORMAT_RAW | SF_FORMAT_FLOAT};
  SNDFILE* file = sf_open("/dev/full", SFM_WRITE, &info);
  REQUIRE(file != nullptr);
  const std::vector<float> x(100000);
  CHECK(sf_write_float(file, x.data(), 100000) < 100000);
  CHECK(std::string(sf_strerror(file)) == "the system refuses to write");
  CHECK(sf_close(file) != 0);
}
