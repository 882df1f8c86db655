// Reading and writing of WAV, RF64 and RAW, piece by piece. Not: what is done with the samples.
#include <sndfile.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

static_assert(std::endian::native == std::endian::little, "files are little-endian, and so is memory");

namespace {

constexpr uint16_t kPcm = 1;
constexpr uint16_t kFloat = 3;
constexpr uint16_t kExtensible = 0xFFFE;
constexpr int kMaxChannels = 1024;
constexpr uint32_t kUnknown32 = 0xFFFFFFFFu;  // a length that is elsewhere, or that nobody knew
constexpr uint32_t kSizesBytes = 28;          // of RF64's chunk of 64-bit lengths
constexpr sf_count_t kBlockSamples = 4096;

thread_local const char* open_error = "";

template <typename T>
T load(const unsigned char* p) {
  T value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

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
void encode_pcm(float x, unsigned char* p) {
  const double half = std::ldexp(1.0, kBits - 1);
  const double value = std::isnan(x) ? 0.0 : std::nearbyint(static_cast<double>(x) * half);
  const auto word = static_cast<int32_t>(std::clamp(value, -half, half - 1.0));
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
  return static_cast<float>(load<T>(p));
}

template <typename T>
void encode_float(float x, unsigned char* p) {
  const T value = x;
  std::memcpy(p, &value, sizeof(value));
}

struct Coding {
  int format;    ///< of SF_FORMAT_SUBMASK
  uint16_t tag;  ///< in WAV
  int bytes;     ///< of a sample
  float (*decode)(const unsigned char*);
  void (*encode)(float, unsigned char*);
};
constexpr Coding kCodings[] = {
    {SF_FORMAT_PCM_U8, kPcm, 1, decode_u8, encode_u8},
    {SF_FORMAT_PCM_16, kPcm, 2, decode_pcm<16>, encode_pcm<16>},
    {SF_FORMAT_PCM_24, kPcm, 3, decode_pcm<24>, encode_pcm<24>},
    {SF_FORMAT_PCM_32, kPcm, 4, decode_pcm<32>, encode_pcm<32>},
    {SF_FORMAT_FLOAT, kFloat, 4, decode_float<float>, encode_float<float>},
    {SF_FORMAT_DOUBLE, kFloat, 8, decode_float<double>, encode_float<double>},
};

template <typename Predicate>
const Coding* find_coding(Predicate wanted) {
  const Coding* found = std::find_if(std::begin(kCodings), std::end(kCodings), wanted);
  return found != std::end(kCodings) ? found : nullptr;
}

}  // namespace

struct sf_private_tag {
  std::FILE* file = nullptr;
  const Coding* coding = nullptr;
  int channels = 1;
  int container = SF_FORMAT_RAW;
  bool writes = false;
  sf_count_t left = INT64_MAX;  ///< samples of all channels to be read
  sf_count_t written = 0;       ///< samples
  int rate_hz = 0;
  const char* error = nullptr;
  ~sf_private_tag() {
    if (file != nullptr) {
      std::fclose(file);
    }
  }
};

namespace {

bool read_all(std::FILE* file, void* data, size_t bytes) {
  return std::fread(data, 1, bytes, file) == bytes;
}

/// Forward, in a pipe too.
bool skip(std::FILE* file, uint64_t bytes) {
  unsigned char block[4096];
  while (bytes > 0) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(bytes, sizeof(block)));
    if (!read_all(file, block, n)) {
      return false;
    }
    bytes -= n;
  }
  return true;
}

const char* read_format(SNDFILE* s, uint32_t bytes) {
  unsigned char format[40] = {};
  const uint32_t part = std::min<uint32_t>(bytes, sizeof(format));
  if (part < 16 || !read_all(s->file, format, part) ||
      !skip(s->file, uint64_t{bytes} - part + (bytes & 1))) {
    return "the format chunk is cut short.";
  }
  uint16_t tag = load<uint16_t>(format);
  if (tag == kExtensible && part >= 26) {
    tag = load<uint16_t>(format + 24);
  }
  const int bits = load<uint16_t>(format + 14);
  s->channels = load<uint16_t>(format + 2);
  const auto rate_hz = load<uint32_t>(format + 4);
  s->rate_hz = static_cast<int>(std::min<uint32_t>(rate_hz, INT_MAX));
  s->coding = find_coding([&](const Coding& c) { return c.tag == tag && c.bytes * 8 == bits; });
  if (s->coding == nullptr) {
    return "its samples are compressed or of an unknown kind.";
  }
  if (s->channels < 1 || s->channels > kMaxChannels) {
    return "it has no channels, or more than 1024.";
  }
  return load<uint16_t>(format + 12) == s->coding->bytes * s->channels
             ? nullptr
             : "the size of a frame does not fit its channels.";
}

/// Chunks up to the samples; nullptr or what is wrong.
const char* read_header(SNDFILE* s) {
  unsigned char head[12];
  const bool whole = read_all(s->file, head, sizeof(head));
  if (!whole || (std::memcmp(head, "RIFF", 4) != 0 && std::memcmp(head, "RF64", 4) != 0) ||
      std::memcmp(head + 8, "WAVE", 4) != 0) {
    return "this build of ligero reads WAV and RAW alone.";
  }
  uint64_t wide_bytes = 0;
  unsigned char chunk[8];
  while (read_all(s->file, chunk, sizeof(chunk))) {
    const auto bytes = load<uint32_t>(chunk + 4);
    if (std::memcmp(chunk, "fmt ", 4) == 0) {
      if (const char* problem = read_format(s, bytes); problem != nullptr) {
        return problem;
      }
    } else if (std::memcmp(chunk, "data", 4) == 0) {
      if (s->coding == nullptr) {
        return "its samples come before their format.";
      }
      const uint64_t data = bytes != kUnknown32 ? bytes : wide_bytes != 0 ? wide_bytes : INT64_MAX;
      const auto frame = static_cast<uint64_t>(s->coding->bytes * s->channels);
      s->left = static_cast<sf_count_t>(data / frame * static_cast<uint64_t>(s->channels));
      return nullptr;
    } else if (std::memcmp(chunk, "ds64", 4) == 0 && bytes >= 16) {
      unsigned char sizes[16];
      if (!read_all(s->file, sizes, sizeof(sizes)) ||
          !skip(s->file, uint64_t{bytes} - sizeof(sizes) + (bytes & 1))) {
        return "its lengths are cut short.";
      }
      wide_bytes = std::min<uint64_t>(load<uint64_t>(sizes + 8), INT64_MAX);
    } else if (!skip(s->file, uint64_t{bytes} + (bytes & 1))) {
      break;
    }
  }
  return "it ends before its samples.";
}

/// The header of what has been written so far; room for 64-bit lengths where RF64 was asked for.
bool write_header(SNDFILE* s) {
  const uint64_t data = static_cast<uint64_t>(s->written) * static_cast<uint64_t>(s->coding->bytes);
  const bool roomy = s->container == SF_FORMAT_RF64;
  const uint64_t riff = 4 + (roomy ? 8 + kSizesBytes : 0) + 8 + 16 + 8 + data + (data & 1);
  const bool wide = riff > kUnknown32;
  if (wide && !roomy) {
    s->error = "it is larger than a WAV file can be";
    return false;
  }
  unsigned char header[8 + 4 + 8 + kSizesBytes + 8 + 16 + 8];
  unsigned char* p = header;
  const auto put = [&p](const auto& value) {
    std::memcpy(p, &value, sizeof(value));
    p += sizeof(value);
  };
  const auto name = [&p](const char* four) {
    std::memcpy(p, four, 4);
    p += 4;
  };
  name(wide ? "RF64" : "RIFF");
  put(wide ? kUnknown32 : static_cast<uint32_t>(riff));
  name("WAVE");
  if (roomy) {
    name(wide ? "ds64" : "JUNK");
    put(kSizesBytes);
    put(wide ? riff : uint64_t{0});
    put(wide ? data : uint64_t{0});
    put(wide ? static_cast<uint64_t>(s->written / s->channels) : uint64_t{0});
    put(uint32_t{0});
  }
  const auto frame = static_cast<uint32_t>(s->coding->bytes * s->channels);
  name("fmt ");
  put(uint32_t{16});
  put(s->coding->tag);
  put(static_cast<uint16_t>(s->channels));
  put(static_cast<uint32_t>(s->rate_hz));
  put(static_cast<uint32_t>(s->rate_hz) * frame);
  put(static_cast<uint16_t>(frame));
  put(static_cast<uint16_t>(s->coding->bytes * 8));
  name("data");
  put(wide ? kUnknown32 : static_cast<uint32_t>(data));
  const auto bytes = static_cast<size_t>(p - header);
  return std::fwrite(header, 1, bytes, s->file) == bytes;
}

sf_count_t write_bytes(SNDFILE* s, const void* data, sf_count_t samples) {
  const auto size = static_cast<size_t>(s->coding->bytes);
  const size_t done = std::fwrite(data, size, static_cast<size_t>(samples), s->file);
  s->written += static_cast<sf_count_t>(done);
  if (static_cast<sf_count_t>(done) != samples) {
    s->error = "the system refuses to write";
  }
  return static_cast<sf_count_t>(done);
}

/// Samples that have the file's coding already.
sf_count_t write_as_they_are(SNDFILE* s, const void* data, sf_count_t count, int format) {
  if (s->coding->format != format) {
    s->error = "this build of ligero does not write such samples";
    return 0;
  }
  return write_bytes(s, data, count);
}

const char* open_stream(SNDFILE* s, SF_INFO* info) {
  const int format = info->format & SF_FORMAT_SUBMASK;
  const int container = info->format & SF_FORMAT_TYPEMASK;
  if (s->writes || container == SF_FORMAT_RAW) {
    s->container = container;
    s->channels = info->channels;
    s->rate_hz = info->samplerate;
    s->coding = find_coding([&](const Coding& c) { return c.format == format; });
    if (s->coding == nullptr || (container != SF_FORMAT_RAW && container != SF_FORMAT_WAV &&
                                 container != SF_FORMAT_RF64)) {
      return "this build of ligero writes WAV and RAW alone.";
    }
    if (s->writes) {
      std::setvbuf(s->file, nullptr, _IONBF, 0);  // what is live is not held back
      return container == SF_FORMAT_RAW || write_header(s) ? nullptr : "the system refuses to write.";
    }
  } else if (const char* problem = read_header(s); problem != nullptr) {
    return problem;
  } else {
    info->format = SF_FORMAT_WAV | s->coding->format;
    info->samplerate = s->rate_hz;
    info->channels = s->channels;
  }
  info->frames = s->left == INT64_MAX ? INT64_MAX : s->left / s->channels;
  return nullptr;
}

SNDFILE* open_file(std::FILE* file, int mode, SF_INFO* info) {
  std::unique_ptr<SNDFILE> s(new (std::nothrow) SNDFILE);
  if (file == nullptr || s == nullptr) {
    open_error = "the system cannot open it.";
    if (file != nullptr) {
      std::fclose(file);
    }
    return nullptr;
  }
  s->file = file;
  s->writes = mode == SFM_WRITE;
  open_error = open_stream(s.get(), info);
  return open_error == nullptr ? s.release() : nullptr;
}

}  // namespace

extern "C" {

SNDFILE* sf_open(const char* path, int mode, SF_INFO* info) {
  return open_file(std::fopen(path, mode == SFM_WRITE ? "wb" : "rb"), mode, info);
}

SNDFILE* sf_open_fd(int fd, int mode, SF_INFO* info, int close_fd) {
  const int own = close_fd == SF_TRUE ? fd : dup(fd);
  return open_file(fdopen(own, mode == SFM_WRITE ? "wb" : "rb"), mode, info);
}

int sf_close(SNDFILE* file) {
  const std::unique_ptr<SNDFILE> s(file);
  bool good = s->error == nullptr;
  if (s->writes && s->container != SF_FORMAT_RAW) {
    const bool odd = (s->written * s->coding->bytes & 1) != 0;
    good = good && (!odd || std::fputc(0, s->file) != EOF);
    good = good && std::fseek(s->file, 0, SEEK_SET) == 0 && write_header(s.get());
  }
  good = std::fclose(s->file) == 0 && good;
  s->file = nullptr;
  open_error = good ? nullptr : s->error != nullptr ? s->error : "the system refuses to write";
  return good ? SF_ERR_NO_ERROR : SF_ERR_SYSTEM;
}

int sf_error(SNDFILE* file) {
  return file->error == nullptr ? SF_ERR_NO_ERROR : SF_ERR_SYSTEM;
}

const char* sf_strerror(SNDFILE* file) {
  const char* error = file != nullptr ? file->error : open_error;
  return error != nullptr ? error : "no error";
}

int sf_command(SNDFILE*, int, void*, int) {
  return 0;
}

sf_count_t sf_read_float(SNDFILE* file, float* samples, sf_count_t count) {
  unsigned char block[kBlockSamples * sizeof(double)];
  const auto size = static_cast<size_t>(file->coding->bytes);
  sf_count_t done = 0;
  count = std::min(count, file->left);
  while (done < count) {
    const auto wanted = static_cast<size_t>(std::min(count - done, kBlockSamples));
    const size_t got = std::fread(block, size, wanted, file->file);
    for (size_t i = 0; i < got; ++i) {
      samples[done + static_cast<sf_count_t>(i)] = file->coding->decode(block + i * size);
    }
    done += static_cast<sf_count_t>(got);
    if (got < wanted) {
      if (std::ferror(file->file) != 0) {
        file->error = "the system cannot read on";
      }
      file->left = done;  // the header had promised more
      break;
    }
  }
  file->left -= done;
  return done;
}

sf_count_t sf_readf_float(SNDFILE* file, float* frames, sf_count_t count) {
  return sf_read_float(file, frames, count * file->channels) / file->channels;
}

sf_count_t sf_write_float(SNDFILE* file, const float* samples, sf_count_t count) {
  unsigned char block[kBlockSamples * sizeof(double)];
  const auto size = static_cast<size_t>(file->coding->bytes);
  sf_count_t done = 0;
  while (done < count && file->error == nullptr) {
    const sf_count_t n = std::min(count - done, kBlockSamples);
    for (sf_count_t i = 0; i < n; ++i) {
      file->coding->encode(samples[done + i], block + static_cast<size_t>(i) * size);
    }
    done += write_bytes(file, block, n);
  }
  return done;
}

sf_count_t sf_write_short(SNDFILE* file, const int16_t* samples, sf_count_t count) {
  return write_as_they_are(file, samples, count, SF_FORMAT_PCM_16);
}

sf_count_t sf_write_int(SNDFILE* file, const int32_t* samples, sf_count_t count) {
  return write_as_they_are(file, samples, count, SF_FORMAT_PCM_32);
}

}  // extern "C"
