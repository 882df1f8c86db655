// SPDX-License-Identifier: Apache-2.0
// The reader of zip archives (PKWARE's APPNOTE 6.3), unpacking by zlib. Not: what the entries hold.
#include "converter/import/zip.h"

#include <zlib.h>

#include <algorithm>
#include <set>
#include <utility>

#include "converter/import/elements.h"

namespace ligero {
namespace {

constexpr uint32_t kLocalMagic = 0x04034b50;
constexpr uint32_t kDirectoryMagic = 0x02014b50;
constexpr uint32_t kEndMagic = 0x06054b50;
constexpr uint32_t kEnd64Magic = 0x06064b50;
constexpr uint32_t kLocator64Magic = 0x07064b50;
constexpr uint64_t kLocalBytes = 30;
constexpr uint64_t kDirectoryBytes = 46;
constexpr uint64_t kEndBytes = 22;
constexpr uint64_t kEnd64Bytes = 56;
constexpr uint64_t kLocator64Bytes = 20;
constexpr uint64_t kMaxComment = 65535;
constexpr uint32_t kSee64 = 0xffffffff;  // the value is in the entry's extra field
constexpr uint16_t kExtra64 = 1;
constexpr uint16_t kEncrypted = 1;  // flag
constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;
constexpr uint64_t kMaxEntries = 1 << 20;
constexpr uint64_t kMaxNameBytes = 4096;
// Weights hardly shrink, and a directory of text by less than this.
constexpr uint64_t kMaxRatio = 100;
constexpr uint64_t kFreeBytes = 1 << 20;

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& source)
      : bytes_(bytes), source_(source) {}

  [[noreturn]] void refuse(uint64_t offset, const std::string& what) const {
    throw ImportError(source_ + ": zip archive, offset " + std::to_string(offset) + ": " + what);
  }
  void need(uint64_t offset, uint64_t count, const char* what) const {
    if (offset > bytes_.size() || count > bytes_.size() - offset) {
      refuse(offset,
             std::string(what) + " needs " + std::to_string(count) +
                 " bytes, but the file ends at " + std::to_string(bytes_.size()));
    }
  }
  template <typename T>
  T at(uint64_t offset) const {
    return load_little<T>(bytes_.data() + offset);
  }
  std::string text(uint64_t offset, uint64_t count) const {
    return {reinterpret_cast<const char*>(bytes_.data() + offset), static_cast<size_t>(count)};
  }
  uint64_t size() const {
    return bytes_.size();
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& source_;
};

struct Directory {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t entries = 0;
};

uint64_t find_end(const Reader& file) {
  if (file.size() >= kEndBytes) {
    const uint64_t last = file.size() - kEndBytes;
    const uint64_t first = last - std::min(last, kMaxComment);
    for (uint64_t at = last + 1; at-- > first;) {
      if (file.at<uint32_t>(at) == kEndMagic && file.at<uint16_t>(at + 20) == last - at) {
        return at;
      }
    }
  }
  file.refuse(file.size(), "no end of a directory: truncated, or not a zip archive");
}

Directory find_directory(const Reader& file) {
  const uint64_t end = find_end(file);
  Directory directory;
  directory.entries = file.at<uint16_t>(end + 10);
  uint64_t bytes = file.at<uint32_t>(end + 12);
  directory.begin = file.at<uint32_t>(end + 16);
  bool one_disk = file.at<uint16_t>(end + 4) == 0 && file.at<uint16_t>(end + 6) == 0;
  if (end >= kLocator64Bytes && file.at<uint32_t>(end - kLocator64Bytes) == kLocator64Magic) {
    const auto end64 = file.at<uint64_t>(end - kLocator64Bytes + 8);
    file.need(end64, kEnd64Bytes, "the 64-bit end of the directory");
    if (file.at<uint32_t>(end64) != kEnd64Magic) {
      file.refuse(end64, "expected the 64-bit end of the directory");
    }
    one_disk = file.at<uint32_t>(end64 + 16) == 0 && file.at<uint32_t>(end64 + 20) == 0;
    directory.entries = file.at<uint64_t>(end64 + 32);
    bytes = file.at<uint64_t>(end64 + 40);
    directory.begin = file.at<uint64_t>(end64 + 48);
  }
  if (!one_disk) {
    file.refuse(end, "the archive is on several disks, expected one");
  }
  if (directory.begin > end || bytes > end - directory.begin) {
    file.refuse(directory.begin,
                "a directory of " + std::to_string(bytes) +
                    " bytes does not lie before its end at " + std::to_string(end));
  }
  directory.end = directory.begin + bytes;
  if (directory.entries > std::min(kMaxEntries, bytes / kDirectoryBytes)) {
    file.refuse(directory.begin,
                std::to_string(directory.entries) + " entries do not fit a directory of " +
                    std::to_string(bytes) + " bytes, or are more than " +
                    std::to_string(kMaxEntries));
  }
  return directory;
}

// Replaces what the 32-bit fields leave to the extra field [at, end).
void read_extra64(const Reader& file, uint64_t at, uint64_t end, ZipEntry* entry) {
  uint64_t* const fields[] = {&entry->bytes, &entry->stored_bytes, &entry->header};
  const bool wanted = std::any_of(
      std::begin(fields), std::end(fields), [](const uint64_t* f) { return *f == kSee64; });
  while (wanted && end - at >= 4) {
    const auto id = file.at<uint16_t>(at);
    const uint64_t count = file.at<uint16_t>(at + 2);
    at += 4;
    if (count > end - at) {
      file.refuse(at, entry->name + ": an extra field reaches past its end");
    }
    if (id == kExtra64) {
      uint64_t field_at = at;
      for (uint64_t* field : fields) {
        if (*field == kSee64) {
          if (field_at + 8 > at + count) {
            file.refuse(at, entry->name + ": the 64-bit extra field is too short");
          }
          *field = file.at<uint64_t>(field_at);
          field_at += 8;
        }
      }
      return;
    }
    at += count;
  }
  if (wanted) {
    file.refuse(at, entry->name + ": no 64-bit extra field where the sizes ask for one");
  }
}

void check_method(
    const Reader& file, uint64_t at, uint16_t flags, uint16_t method, const std::string& name) {
  if (flags & kEncrypted) {
    file.refuse(at, name + ": is encrypted");
  }
  if (method != kStored && method != kDeflated) {
    file.refuse(at,
                name + ": compression method " + std::to_string(method) +
                    ", expected 0 (stored) or 8 (deflated)");
  }
}

// Finds the entry's data behind its local header, which must say the same.
void find_data(const Reader& file, uint64_t limit, ZipEntry* entry) {
  const uint64_t at = entry->header;
  file.need(at, kLocalBytes, "a local header");
  const uint64_t name_bytes = file.at<uint16_t>(at + 26);
  const uint64_t extra_bytes = file.at<uint16_t>(at + 28);
  if (file.at<uint32_t>(at) != kLocalMagic) {
    file.refuse(at, entry->name + ": expected a local header");
  }
  file.need(at, kLocalBytes + name_bytes + extra_bytes, "a local header");
  const auto method = file.at<uint16_t>(at + 8);
  check_method(file, at, file.at<uint16_t>(at + 6), method, entry->name);
  if (file.text(at + kLocalBytes, name_bytes) != entry->name ||
      (method == kDeflated) != entry->deflated) {
    file.refuse(at, entry->name + ": the local header has another name or method");
  }
  entry->data = at + kLocalBytes + name_bytes + extra_bytes;
  if (entry->data > limit || entry->stored_bytes > limit - entry->data) {
    file.refuse(at,
                entry->name + ": its " + std::to_string(entry->stored_bytes) +
                    " bytes reach past the directory at " + std::to_string(limit));
  }
}

void check_size(const Reader& file, const ZipEntry& entry) {
  if (!entry.deflated && entry.bytes != entry.stored_bytes) {
    file.refuse(entry.header,
                entry.name + ": is stored, but has two sizes, " + std::to_string(entry.bytes) +
                    " and " + std::to_string(entry.stored_bytes));
  }
  if (entry.bytes > kFreeBytes && (entry.bytes - kFreeBytes) / kMaxRatio > entry.stored_bytes) {
    file.refuse(entry.header,
                entry.name + ": would unpack " + std::to_string(entry.stored_bytes) + " bytes to " +
                    std::to_string(entry.bytes) + ", expected at most " +
                    std::to_string(kMaxRatio) + " times as many");
  }
}

uint64_t read_entry(const Reader& file, uint64_t at, const Directory& directory, ZipEntry* entry) {
  if (directory.end - at < kDirectoryBytes || file.at<uint32_t>(at) != kDirectoryMagic) {
    file.refuse(at, "expected an entry of the directory");
  }
  const uint64_t name_bytes = file.at<uint16_t>(at + 28);
  const uint64_t extra_bytes = file.at<uint16_t>(at + 30);
  const uint64_t comment_bytes = file.at<uint16_t>(at + 32);
  const uint64_t bytes = kDirectoryBytes + name_bytes + extra_bytes + comment_bytes;
  if (bytes > directory.end - at || name_bytes == 0 || name_bytes > kMaxNameBytes) {
    file.refuse(at, "an entry of the directory reaches past its end, or has no name");
  }
  entry->name = file.text(at + kDirectoryBytes, name_bytes);
  const auto method = file.at<uint16_t>(at + 10);
  check_method(file, at, file.at<uint16_t>(at + 8), method, entry->name);
  entry->deflated = method == kDeflated;
  entry->crc = file.at<uint32_t>(at + 16);
  entry->stored_bytes = file.at<uint32_t>(at + 20);
  entry->bytes = file.at<uint32_t>(at + 24);
  entry->header = file.at<uint32_t>(at + 42);
  const uint64_t extra = at + kDirectoryBytes + name_bytes;
  read_extra64(file, extra, extra + extra_bytes, entry);
  find_data(file, directory.begin, entry);
  check_size(file, *entry);
  return at + bytes;
}

void check_overlap(const Reader& file, const std::vector<ZipEntry>& entries) {
  std::vector<const ZipEntry*> by_place;
  std::set<std::string> names;
  for (const ZipEntry& entry : entries) {
    by_place.push_back(&entry);
    if (!names.insert(entry.name).second) {
      file.refuse(entry.header, entry.name + ": occurs twice");
    }
  }
  std::sort(by_place.begin(), by_place.end(), [](const ZipEntry* a, const ZipEntry* b) {
    return a->header < b->header;
  });
  for (size_t i = 1; i < by_place.size(); ++i) {
    if (by_place[i - 1]->data + by_place[i - 1]->stored_bytes > by_place[i]->header) {
      file.refuse(by_place[i]->header, by_place[i]->name + ": overlaps " + by_place[i - 1]->name);
    }
  }
}

// zlib's counters are 32-bit, so that a large entry goes in parts. False where the stream is
// damaged or has another size than the target.
bool inflate_all(std::span<const std::byte> packed, std::span<std::byte> target) {
  constexpr size_t kPart = size_t{1} << 30;
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {  // negative: no zlib header
    return false;
  }
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.next_out = reinterpret_cast<Bytef*>(target.data());
  size_t in_left = packed.size();
  size_t out_left = target.size();
  int state = Z_OK;
  while (state == Z_OK) {
    const size_t in = std::min(in_left, kPart);
    const size_t out = std::min(out_left, kPart);
    stream.avail_in = static_cast<uInt>(in);
    stream.avail_out = static_cast<uInt>(out);
    state = inflate(&stream, Z_NO_FLUSH);
    in_left -= in - stream.avail_in;
    out_left -= out - stream.avail_out;
  }
  inflateEnd(&stream);
  return state == Z_STREAM_END && in_left == 0 && out_left == 0;
}

}  // namespace

ZipArchive::ZipArchive(std::span<const std::byte> file, std::string source)
    : file_(file), source_(std::move(source)) {
  const Reader reader(file_, source_);
  const Directory directory = find_directory(reader);
  uint64_t at = directory.begin;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    at = read_entry(reader, at, directory, &entries_.emplace_back());
  }
  if (at != directory.end) {
    reader.refuse(at, "surplus bytes in the directory");
  }
  check_overlap(reader, entries_);
  std::sort(entries_.begin(), entries_.end(), [](const ZipEntry& a, const ZipEntry& b) {
    return a.name < b.name;
  });
}

const ZipEntry* ZipArchive::find(const std::string& name) const {
  const auto found = std::lower_bound(
      entries_.begin(), entries_.end(), name, [](const ZipEntry& entry, const std::string& wanted) {
        return entry.name < wanted;
      });
  return found == entries_.end() || found->name != name ? nullptr : &*found;
}

std::span<const std::byte> ZipArchive::read(const ZipEntry& entry,
                                            std::vector<std::byte>* unpacked) const {
  const Reader reader(file_, source_);
  std::span<const std::byte> content = file_.subspan(entry.data, entry.stored_bytes);
  if (entry.deflated) {
    unpacked->resize(entry.bytes);
    // zlib wants a place to write even where there is nothing to write.
    std::byte nothing[1];
    const bool whole = inflate_all(
        content, entry.bytes ? std::span(*unpacked) : std::span<std::byte>(nothing, size_t{0}));
    if (!whole) {
      reader.refuse(
          entry.data,
          entry.name + ": cannot be unpacked to " + std::to_string(entry.bytes) + " bytes");
    }
    content = *unpacked;
  }
  const auto crc = static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()));
  if (crc != entry.crc) {
    reader.refuse(entry.data,
                  entry.name +
                      ": its bytes do not have the checksum that the directory states "
                      "(damaged, or saved without checksums)");
  }
  return content;
}

}  // namespace ligero
