// SPDX-License-Identifier: Apache-2.0
// A profile: what a model must know of one person, in memory and as a file. Not: how it is computed
// from a recording (model/session/recording.h).
#ifndef LIGERO_MODEL_FORMAT_PROFILE_H_
#define LIGERO_MODEL_FORMAT_PROFILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/base/array.h"
#include "runtime/base/status.h"
#include "runtime/graph.h"

namespace ligero {

class Model;

/// Named f32 tensors bound to a model family. Owns its bytes (but for view()), which are those of
/// the file:
///
///   header, 64 bytes: magic "LIGEROP\0" | u16 major | u16 minor | u32 tensors | u64 file bytes |
///                     u64 XXH64 of the file with this field zero | 32 bytes of family
///   per tensor, 128 bytes: name, 96 bytes filled up with zeros | u32 rank | 4 x i32 dims (1 where
///                     unused) | u32 zero | u64 offset in the file, a multiple of 64
///   the tensors, f32, in that order, each filled up with zeros to a multiple of 64 bytes
///
/// All little-endian. Movable; read-only once made, so it may be shared between threads.
class Profile {
 public:
  /// A tensor of the profile; valid as long as the profile.
  struct Entry {
    std::string_view name;
    std::span<const int32_t> dims;
    std::span<const float> values;
  };

  /// Makes a profile of the constants `tensors`, whose `data` points to their f32 values (copied).
  /// kBadArgument: `family` is not 64 lower-case hexadecimal digits, or a tensor is not an f32
  /// constant with data, has a name that files do not take, or a value that is not finite
  /// (Status::index: the tensor). kTooLittleMemory. Load time.
  static Result<Profile> create(std::string_view family, std::span<const Tensor> tensors);

  /// Checks and copies the bytes of a profile file; they may lie anywhere. kBadModel: not a
  /// profile, truncated, damaged or contradicting itself (Status::where: offset). kNewerModel. Load
  /// time.
  static Result<Profile> parse(std::span<const std::byte> file);

  /// The same in place: without a copy, for a board that keeps the file in flash. `file` starts on
  /// a multiple of 8 bytes (else kBadArgument) and outlives the profile.
  static Result<Profile> view(std::span<const std::byte> file);

  /// Reads a file. As parse(), and kBadArgument as WholeFile::open().
  static Result<Profile> load(const char* path);

  /// Writes a file, whole or not at all; as write_file_atomic().
  Status save(const char* path) const;

  /// Ok where the profile fits `graph` of `model`: of the same family, and with a tensor of equal
  /// name and shape for each constant input. kBadArgument "profile of another family", or which
  /// tensor is missing or differs (Status::index: its index in `graph`). Any thread.
  Status bind(const Model& model, const Graph& graph) const;

  size_t size() const {
    return num_tensors_;
  }
  Entry entry(size_t i) const;
  /// The values of the tensor of that name; an empty span where there is none.
  std::span<const float> find(std::string_view name) const;
  /// 64 hexadecimal digits.
  std::string_view family() const {
    return {family_, sizeof(family_)};
  }
  /// The file's bytes.
  std::span<const std::byte> bytes() const {
    return bytes_;
  }

 private:
  Array<std::byte> own_;  ///< empty where the bytes are the caller's
  std::span<const std::byte> bytes_;
  size_t num_tensors_ = 0;
  char family_[64] = {};
};

}  // namespace ligero

#endif  // LIGERO_MODEL_FORMAT_PROFILE_H_
