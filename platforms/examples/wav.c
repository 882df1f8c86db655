/* SPDX-License-Identifier: Apache-2.0 */
/* Just enough of RIFF. Not: compressed, 24-bit or big-endian files. */
#include "wav.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kPcm = 1, kFloat = 3, kExtensible = 0xFFFE, kHeaderBytes = 44 };

static uint32_t get(const unsigned char* p, int bytes) {
  uint32_t value = 0;
  for (int i = bytes - 1; i >= 0; --i) {
    value = value << 8 | p[i];
  }
  return value;
}

static void put(unsigned char* p, int bytes, uint32_t value) {
  for (int i = 0; i < bytes; ++i) {
    p[i] = (unsigned char)(value >> (8 * i));
  }
}

static unsigned char* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  unsigned char* bytes = NULL;
  size_t capacity = 0;
  *size = 0;
  while (file != NULL && !feof(file) && !ferror(file)) {
    if (capacity - *size < 65536) {
      capacity = 2 * capacity + 65536;
      unsigned char* larger = realloc(bytes, capacity);
      if (larger == NULL) {
        break;
      }
      bytes = larger;
    }
    *size += fread(bytes + *size, 1, capacity - *size, file);
  }
  if (file != NULL) {
    fclose(file);
  }
  return bytes;
}

/* Samples of `coding` and `bits` in `data` as floats. */
static const char* decode(const unsigned char* data, size_t bytes, int coding, int bits, wav* sound) {
  if (!(coding == kPcm && bits == 16) && !(coding == kFloat && bits == 32)) {
    return "expected samples of 16 bits or float";
  }
  const size_t count = bytes / (size_t)(bits / 8);
  sound->frames = count / sound->channels;
  sound->samples = malloc((count + 1) * sizeof(float));
  if (sound->samples == NULL) {
    return "not enough memory";
  }
  for (size_t i = 0; i < count; ++i) {
    if (coding == kPcm) {
      sound->samples[i] = (float)(int16_t)get(data + 2 * i, 2) / 32768.0f;
    } else {
      const uint32_t word = get(data + 4 * i, 4);
      memcpy(&sound->samples[i], &word, sizeof(word));
    }
  }
  return NULL;
}

static const char* read_chunks(const unsigned char* file, size_t size, wav* sound) {
  int coding = 0;
  int bits = 0;
  for (size_t at = 12; at + 8 <= size;) {
    const unsigned char* chunk = file + at + 8;
    size_t bytes = get(file + at + 4, 4);
    if (bytes > size - at - 8) {
      bytes = size - at - 8; /* cut short, or still being written */
    }
    if (memcmp(file + at, "fmt ", 4) == 0 && bytes >= 16) {
      coding = (int)get(chunk, 2);
      sound->channels = get(chunk + 2, 2);
      sound->rate_hz = get(chunk + 4, 4);
      bits = (int)get(chunk + 14, 2);
      if (coding == kExtensible && bytes >= 26) {
        coding = (int)get(chunk + 24, 2);
      }
    } else if (memcmp(file + at, "data", 4) == 0) {
      return sound->channels == 0 ? "no format before the samples"
                                  : decode(chunk, bytes, coding, bits, sound);
    }
    at += 8 + bytes + (bytes & 1);
  }
  return "no samples in the file";
}

const char* wav_read(const char* path, wav* sound) {
  memset(sound, 0, sizeof(*sound));
  size_t size = 0;
  unsigned char* file = read_file(path, &size);
  const char* problem = NULL;
  if (file == NULL || size == 0) {
    problem = "cannot be read, or is empty";
  } else if (size >= 12 && memcmp(file, "RIFF", 4) == 0 && memcmp(file + 8, "WAVE", 4) == 0) {
    problem = read_chunks(file, size, sound);
  } else {
    sound->rate_hz = 16000;
    sound->channels = 1;
    problem = decode(file, size, kFloat, 32, sound);
  }
  free(file);
  return problem;
}

const char* wav_write(const char* path, const wav* sound) {
  const uint32_t bytes = (uint32_t)(sound->frames * sound->channels * sizeof(float));
  unsigned char header[kHeaderBytes] = "RIFF....WAVEfmt ";
  put(header + 4, 4, bytes + kHeaderBytes - 8);
  put(header + 16, 4, 16);
  put(header + 20, 2, kFloat);
  put(header + 22, 2, sound->channels);
  put(header + 24, 4, sound->rate_hz);
  put(header + 28, 4, sound->rate_hz * sound->channels * (uint32_t)sizeof(float));
  put(header + 32, 2, sound->channels * (uint32_t)sizeof(float));
  put(header + 34, 2, 32);
  memcpy(header + 36, "data", 4);
  put(header + 40, 4, bytes);
  FILE* file = fopen(path, "wb");
  if (file == NULL) {
    return "cannot be written";
  }
  size_t written = fwrite(header, 1, sizeof(header), file);
  for (size_t i = 0; i < bytes / sizeof(float); ++i) {
    uint32_t word = 0;
    unsigned char little[sizeof(word)];
    memcpy(&word, &sound->samples[i], sizeof(word));
    put(little, sizeof(little), word);
    written += fwrite(little, 1, sizeof(little), file);
  }
  return fclose(file) == 0 && written == sizeof(header) + bytes ? NULL : "cannot be written";
}
