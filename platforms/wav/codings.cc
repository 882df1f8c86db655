// SPDX-License-Identifier: Apache-2.0
// Integers, floats, and the two laws of telephony (ITU-T G.711). Not: anything compressed further.
#include "platforms/wav/codings.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>

#include "runtime/base/target.h"

namespace ligero::wav {
namespace {

constexpr uint16_t kPcm = 1;
constexpr uint16_t kFloat = 3;
constexpr uint16_t kALaw = 6;
constexpr uint16_t kMuLaw = 7;

// As libsndfile numbers them.
enum Format {
  kPcmS8 = 0x0001,
  kPcm16 = 0x0002,
  kPcm24 = 0x0003,
  kPcm32 = 0x0004,
  kPcmU8 = 0x0005,
  kFloat32 = 0x0006,
  kFloat64 = 0x0007,
  kULaw = 0x0010,
  kALawFormat = 0x0011,
};

/// A signed integer of kBits in the top of 32 bits.
template <int kBits>
int32_t load_top(const unsigned char* p) {
  uint32_t word = 0;
  std::memcpy(reinterpret_cast<unsigned char*>(&word) + (4 - kBits / 8), p, kBits / 8);
  return static_cast<int32_t>(word);
}

template <int kBits>
float decode_pcm(const unsigned char* p) {
  return static_cast<float>(load_top<kBits>(p)) * 0x1p-31f;
}

template <int kBits>
int32_t rounded(float x) {
  const double half = std::ldexp(1.0, kBits - 1);
  const double value = std::isnan(x) ? 0.0 : std::nearbyint(static_cast<double>(x) * half);
  return static_cast<int32_t>(std::clamp(value, -half, half - 1.0));
}

template <int kBits>
void encode_pcm(float x, unsigned char* p) {
  const int32_t word = rounded<kBits>(x);
  std::memcpy(p, &word, kBits / 8);
}

float decode_u8(const unsigned char* p) {
  return static_cast<float>(*p - 128) * 0x1p-7f;
}

void encode_u8(float x, unsigned char* p) {
  encode_pcm<8>(x, p);
  *p ^= 0x80u;
}

template <typename T>
float decode_float(const unsigned char* p) {
  T value;
  std::memcpy(&value, p, sizeof(value));
  return static_cast<float>(value);
}

template <typename T>
void encode_float(float x, unsigned char* p) {
  const T value = x;
  std::memcpy(p, &value, sizeof(value));
}

// Both laws hold a sign, three bits of exponent and four of mantissa.
constexpr int kExponentShift = 4;
constexpr int kMantissa = 0x0F;
constexpr int kSign = 0x80;

/// 14 bits, the two lowest of 16 left out.
float decode_mu_law(const unsigned char* p) {
  constexpr int kBias = 33;
  const int code = ~*p & 0xFF;
  const int exponent = (code >> kExponentShift) & 7;
  const int size = ((2 * (code & kMantissa) + kBias) << exponent) - kBias;
  return static_cast<float>((code & kSign) != 0 ? -size : size) * 0x1p-13f;
}

void encode_mu_law(float x, unsigned char* p) {
  constexpr int kBias = 33;
  constexpr int kMost = 8158;  // the largest that the code has
  const int linear = rounded<14>(x);
  const int size = std::min(std::abs(linear), kMost) + kBias;
  int exponent = 0;
  while ((size >> exponent) > 63) {
    ++exponent;
  }
  const int code = (exponent << kExponentShift) | ((size >> (exponent + 1)) & kMantissa);
  *p = static_cast<unsigned char>(~((linear < 0 ? kSign : 0) | code));
}

constexpr int kEvenBits = 0x55;  // A-law turns every other bit

/// 13 bits.
float decode_a_law(const unsigned char* p) {
  const int code = *p ^ kEvenBits;
  const int exponent = (code >> kExponentShift) & 7;
  const int steps = 2 * (code & kMantissa) + 1;
  const int size = exponent == 0 ? steps : (steps + 32) << (exponent - 1);
  return static_cast<float>((code & kSign) != 0 ? size : -size) * 0x1p-12f;
}

void encode_a_law(float x, unsigned char* p) {
  constexpr int kMost = 4095;
  const int linear = rounded<13>(x);
  const int size = std::min(linear < 0 ? -linear - 1 : linear, kMost);
  int exponent = 0;
  while ((size >> exponent) > 63) {
    ++exponent;
  }
  const int code = size < 32 ? size >> 1
                             : ((exponent + 1) << kExponentShift) | ((size >> (exponent + 1)) & kMantissa);
  *p = static_cast<unsigned char>(((linear < 0 ? 0 : kSign) | code) ^ kEvenBits);
}

constexpr Coding kCodings[] = {
    {kPcmS8, 0, 1, decode_pcm<8>, encode_pcm<8>},
    {kPcmU8, kPcm, 1, decode_u8, encode_u8},
    {kPcm16, kPcm, 2, decode_pcm<16>, encode_pcm<16>},
    {kPcm24, kPcm, 3, decode_pcm<24>, encode_pcm<24>},
    {kPcm32, kPcm, 4, decode_pcm<32>, encode_pcm<32>},
    {kFloat32, kFloat, 4, decode_float<float>, encode_float<float>},
    {kFloat64, kFloat, 8, decode_float<double>, encode_float<double>},
    {kULaw, kMuLaw, 1, decode_mu_law, encode_mu_law},
    {kALawFormat, kALaw, 1, decode_a_law, encode_a_law},
};

struct TagName {
  uint16_t tag;
  const char* name;
};
constexpr TagName kTagNames[] = {
    {0x0002, "Microsoft ADPCM"}, {0x0011, "IMA ADPCM"},    {0x0031, "GSM 6.10"},
    {0x0040, "G.721 ADPCM"},     {0x0045, "G.726 ADPCM"},  {0x0050, "MPEG audio"},
    {0x0055, "MP3"},             {0x00FF, "AAC"},          {0x0161, "Windows Media Audio"},
    {0x674F, "Ogg Vorbis"},      {0xA109, "Speex"},
};

template <typename Predicate>
const Coding* find_coding(Predicate wanted) {
  const Coding* found = std::find_if(std::begin(kCodings), std::end(kCodings), wanted);
  return found != std::end(kCodings) ? found : nullptr;
}

}  // namespace

const Coding* coding_of_format(int format) {
  return find_coding([&](const Coding& c) { return c.format == format; });
}

const Coding* coding_of_tag(uint16_t tag, int bits) {
  return find_coding(
      [&](const Coding& c) { return c.tag == tag && c.tag != 0 && c.bytes * 8 == bits; });
}

const char* name_of_tag(uint16_t tag) {
  const auto* found = std::find_if(
      std::begin(kTagNames), std::end(kTagNames), [&](const TagName& t) { return t.tag == tag; });
  return found != std::end(kTagNames) ? found->name : "";
}

}  // namespace ligero::wav
