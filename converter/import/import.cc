// SPDX-License-Identifier: Apache-2.0
// The choice among formats of checkpoints. Not: the formats.
#include "converter/import/import.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "converter/import/elements.h"
#include "converter/import/pytorch.h"
#include "converter/import/safetensors.h"
#include "model/format/foreign_file.h"
#include "model/format/whole_file.h"

namespace ligero {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kZip = "PK\x03\x04"sv;
constexpr std::string_view kEmptyZip = "PK\x05\x06"sv;
// The pickled number that began a file of torch.save before its version 1.6.
constexpr std::string_view kOldPyTorch =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."sv;

// The length of a header that fits into the file, and a brace.
bool begins_as_safetensors(std::span<const std::byte> bytes) {
  constexpr size_t kLengthBytes = 8;
  return bytes.size() > kLengthBytes && bytes[kLengthBytes] == std::byte{'{'} &&
         load_little<uint64_t>(bytes.data()) <= bytes.size() - kLengthBytes;
}

// The header of a safetensors file begins with a length, whose high bytes are zeros.
bool is_text(std::string_view bytes) {
  constexpr size_t kEnough = 64;
  const std::string_view head = bytes.substr(0, kEnough);
  return std::all_of(head.begin(), head.end(), [](char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
  });
}

}  // namespace

Checkpoint read_checkpoint(const std::string& path) {
  Result<WholeFile> file = WholeFile::open(path.c_str());
  if (!file.ok()) {
    const Status& status = file.status();
    throw ImportError(
        path + ": cannot be read: " +
        (status.where > 0 ? std::strerror(static_cast<int>(status.where)) : status.message));
  }
  const std::span<const std::byte> bytes = file.value().bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with(kZip) || text.starts_with(kEmptyZip)) {
    return read_pytorch(bytes, path);
  }
  if (text.starts_with(kOldPyTorch)) {
    throw ImportError(path +
                      ": is of a PyTorch before 1.6, which wrote bare pickles; load it in "
                      "PyTorch and save its state_dict again");
  }
  const char* foreign = begins_as_safetensors(bytes) ? nullptr : foreign_file(bytes);
  if (foreign) {
    throw ImportError(path + ": this is " + foreign + "; a checkpoint is .safetensors or what " +
                      "torch.save wrote");
  }
  if (is_text(text)) {
    throw ImportError(path +
                      ": this is plain text (servers answer so where they refuse a file); a "
                      "checkpoint is .safetensors or what torch.save wrote");
  }
  return read_safetensors(path);
}

}  // namespace ligero
