/* SPDX-License-Identifier: Apache-2.0 */
/* As much of libsndfile's interface as ligero uses, for WAV and RAW files alone: what static tools and
 * boards without libsndfile are built on. Each function means what libsndfile's of that name means;
 * other formats are refused with a message. Not: FLAC, OGG, compressed WAV. */
#ifndef LIGERO_PLATFORMS_WAV_SNDFILE_H_
#define LIGERO_PLATFORMS_WAV_SNDFILE_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  SF_FORMAT_WAV = 0x010000,
  SF_FORMAT_RAW = 0x040000,
  SF_FORMAT_FLAC = 0x170000,
  SF_FORMAT_OGG = 0x200000,
  SF_FORMAT_RF64 = 0x220000,
  SF_FORMAT_PCM_S8 = 0x0001,
  SF_FORMAT_PCM_16 = 0x0002,
  SF_FORMAT_PCM_24 = 0x0003,
  SF_FORMAT_PCM_32 = 0x0004,
  SF_FORMAT_PCM_U8 = 0x0005,
  SF_FORMAT_FLOAT = 0x0006,
  SF_FORMAT_DOUBLE = 0x0007,
  SF_FORMAT_ULAW = 0x0010,
  SF_FORMAT_ALAW = 0x0011,
  SF_FORMAT_VORBIS = 0x0060,
  SF_ENDIAN_LITTLE = 0x10000000,
  SF_FORMAT_SUBMASK = 0x0000FFFF,
  SF_FORMAT_TYPEMASK = 0x0FFF0000
};
enum { SFM_READ = 0x10, SFM_WRITE = 0x20 };
enum { SF_FALSE = 0, SF_TRUE = 1 };
enum {
  SF_ERR_NO_ERROR = 0,
  SF_ERR_UNRECOGNISED_FORMAT = 1,
  SF_ERR_SYSTEM = 2,
  SF_ERR_MALFORMED_FILE = 3,
  SF_ERR_UNSUPPORTED_ENCODING = 4
};
enum { SFC_SET_ADD_PEAK_CHUNK = 0x1050, SFC_RF64_AUTO_DOWNGRADE = 0x1210 };

typedef struct sf_private_tag SNDFILE;
typedef int64_t sf_count_t;

typedef struct {
  sf_count_t frames;  /* INT64_MAX where nobody knows */
  int samplerate;
  int channels;
  int format;
} SF_INFO;

SNDFILE* sf_open(const char* path, int mode, SF_INFO* info);
/* `close_fd`: whether sf_close() closes it. */
SNDFILE* sf_open_fd(int fd, int mode, SF_INFO* info, int close_fd);
int sf_close(SNDFILE* file);
/* Both: of the last sf_open() where NULL. */
int sf_error(SNDFILE* file);
const char* sf_strerror(SNDFILE* file);
/* Nothing: an RF64 file that turns out small always ends as WAV, and no file has a PEAK chunk. */
int sf_command(SNDFILE* file, int command, void* data, int size);

sf_count_t sf_read_float(SNDFILE* file, float* samples, sf_count_t count);
sf_count_t sf_readf_float(SNDFILE* file, float* frames, sf_count_t count);
/* Any coding; what is beyond full scale is clipped. */
sf_count_t sf_write_float(SNDFILE* file, const float* samples, sf_count_t count);
/* SF_FORMAT_PCM_16 alone. */
sf_count_t sf_write_short(SNDFILE* file, const int16_t* samples, sf_count_t count);
/* SF_FORMAT_PCM_32 alone. */
sf_count_t sf_write_int(SNDFILE* file, const int32_t* samples, sf_count_t count);

#ifdef __cplusplus
}
#endif

#endif /* LIGERO_PLATFORMS_WAV_SNDFILE_H_ */
