// SPDX-License-Identifier: Apache-2.0
// First bytes of other formats. Not: the formats that some reader of ligero takes.
#include "model/format/foreign_file.h"

#include <algorithm>
#include <string_view>

namespace ligero {
namespace {

using std::string_view_literals::operator""sv;

struct Magic {
  size_t at;
  std::string_view bytes;
  const char* what;
};
constexpr Magic kMagics[] = {
    {0,
     "version https://git-lfs.github.com/"sv,
     "a Git LFS pointer, which stands for the file; fetch the file with git lfs pull"},
    {0,
     "\x89HDF\r\n\x1a\n"sv,
     "an HDF5 file (Keras writes its weights so); expected a checkpoint of PyTorch"},
    {4, "TFL3"sv, "a TensorFlow Lite model; expected the PyTorch checkpoint that it was made from"},
    {0, "GGUF"sv, "a GGUF model; expected the PyTorch checkpoint that it was made from"},
    {0, "\x93NUMPY"sv, "a NumPy array"},
    {0, "LIGEROM\0"sv, "a model file of ligero already"},
    {0, "LIGEROP\0"sv, "a voice profile of ligero"},
    {0, "RIFF"sv, "a RIFF file, as WAV recordings are"},
    {0, "fLaC"sv, "a FLAC recording"},
    {0, "OggS"sv, "an Ogg recording"},
    {0, "ID3"sv, "an MP3 recording"},
    {0, "PK\x03\x04"sv, "a zip archive"},
    {0, "\x1f\x8b"sv, "compressed with gzip; unpack it first"},
    {0, "\xfd"
        "7zXZ\0"sv,
     "compressed with xz; unpack it first"},
    {0, "\x28\xb5\x2f\xfd"sv, "compressed with zstd; unpack it first"},
    {0, "BZh"sv, "compressed with bzip2; unpack it first"},
    {0, "7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive; unpack it first"},
    {0, "Rar!\x1a\x07"sv, "a RAR archive; unpack it first"},
    {257, "ustar"sv, "a tar archive; unpack it first"},
    {0, "%PDF-"sv, "a PDF document"},
    {0, "\x7f"
        "ELF"sv,
     "a program or library (ELF)"},
};

// Lower case of ASCII letters.
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Whether `text` begins with `word`, in either case.
bool begins(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char w, char t) {
           return w == lower(t);
         });
}

const char* text_file(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) {  // byte order mark
    text.remove_prefix(3);
  }
  const size_t first = text.find_first_not_of(" \t\r\n");
  text.remove_prefix(std::min(first, text.size()));
  if (begins(text, "<!doctype html") || begins(text, "<html") || begins(text, "<head")) {
    return "an HTML page, as a server sends it in place of a file that needs a login or another "
           "address";
  }
  if (begins(text, "<?xml")) {
    return "an XML document (servers answer so where they refuse a file)";
  }
  return text.starts_with('{') ? "JSON text" : nullptr;
}

// A message of protocol buffers that begins with the version of ONNX (field 1, a small number) and
// goes on with a text or a message (fields 2 to 8, 14, 20).
bool is_onnx(std::string_view bytes) {
  constexpr std::string_view kNext = "\x12\x1a\x22\x2a\x32\x3a\x42\x72\xa2"sv;
  constexpr char kNewestVersion = 32;  // with room: 11 was written in 2025
  return bytes.size() > 3 && bytes[0] == '\x08' && bytes[1] > 0 && bytes[1] <= kNewestVersion &&
         kNext.find(bytes[2]) != std::string_view::npos;
}

// A pickle without an archive around it: PROTO, and a version.
bool is_pickle(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5;
}

}  // namespace

const char* foreign_file(std::span<const std::byte> bytes) noexcept {
  constexpr size_t kLooked = 512;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              std::min(bytes.size(), kLooked));
  for (const Magic& magic : kMagics) {
    if (text.size() >= magic.at + magic.bytes.size() &&
        text.substr(magic.at, magic.bytes.size()) == magic.bytes) {
      return magic.what;
    }
  }
  if (is_onnx(text)) {
    return "an ONNX model; expected the PyTorch checkpoint that it was made from";
  }
  if (is_pickle(text)) {
    return "a bare pickle; load it in PyTorch and save its state_dict with torch.save";
  }
  return text_file(text);
}

}  // namespace ligero
