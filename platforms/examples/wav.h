/* SPDX-License-Identifier: Apache-2.0 */
/* Sound files for the examples: WAV of 16-bit or float samples, and headerless float. Not: anything
 * that a sound library would be used for. */
#ifndef LIGERO_PLATFORMS_EXAMPLES_WAV_H_
#define LIGERO_PLATFORMS_EXAMPLES_WAV_H_

#include <stddef.h>
#include <stdint.h>

typedef struct wav {
  float* samples; /* interleaved, full scale 1; free() it */
  size_t frames;
  uint32_t rate_hz;
  uint32_t channels;
} wav;

/* Reads `path`; a file that does not begin like a WAV is taken as mono float samples of 16 kHz in the
 * machine's byte order. Returns NULL, or why not. */
const char* wav_read(const char* path, wav* sound);

/* Writes float samples. Returns NULL, or why not. */
const char* wav_write(const char* path, const wav* sound);

#endif /* LIGERO_PLATFORMS_EXAMPLES_WAV_H_ */
