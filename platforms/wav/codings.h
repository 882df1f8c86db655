// SPDX-License-Identifier: Apache-2.0
// How samples are stored in WAV and RAW files. Not: the files around them (reader.h, wav.cc).
#ifndef LIGERO_PLATFORMS_WAV_CODINGS_H_
#define LIGERO_PLATFORMS_WAV_CODINGS_H_

#include <cstdint>

namespace ligero::wav {

struct Coding {
  int format;    ///< the subtype that libsndfile numbers so
  uint16_t tag;  ///< in WAV; 0: none
  int bytes;     ///< of a sample
  float (*decode)(const unsigned char*);
  void (*encode)(float, unsigned char*);  ///< clips what is beyond full scale
};

/// The coding of libsndfile's subtype, or nullptr.
const Coding* coding_of_format(int format);
/// The coding that a WAV header names, or nullptr.
const Coding* coding_of_tag(uint16_t tag, int bits);
/// What WAV numbers `tag` so: "IMA ADPCM"; "" where it is unknown.
const char* name_of_tag(uint16_t tag);

inline constexpr uint16_t kExtensible = 0xFFFE;  ///< the tag is elsewhere

}  // namespace ligero::wav

#endif  // LIGERO_PLATFORMS_WAV_CODINGS_H_
