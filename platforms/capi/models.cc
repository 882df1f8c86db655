// SPDX-License-Identifier: Apache-2.0
// Models of the C API on the heap. Bare-metal builds lack them; they open a model in an arena
// (ligero.cc).
#include <memory>
#include <new>
#include <utility>

#include "platforms/capi/handles.h"
#include "platforms/capi/refusal.h"

using ligero::Code;
using ligero::Result;
using ligero::capi::null_argument;
using ligero::capi::open_model;
using ligero::capi::refuse;

namespace {

/// Of a file, which the model then holds, or of the caller's bytes.
ligero_status open_on_heap(ligero::WholeFile file,
                           std::span<const std::byte> bytes,
                           ligero_model** model) {
  std::unique_ptr<ligero_model> m(new (std::nothrow) ligero_model);
  if (m == nullptr) {
    return refuse(Code::kTooLittleMemory, "no memory for a model");
  }
  m->file = std::move(file);
  const ligero_status opened =
      open_model(bytes.data() != nullptr ? bytes : m->file.bytes(), m.get());
  *model = opened == LIGERO_OK ? m.release() : nullptr;
  return opened;
}

}  // namespace

ligero_status ligero_model_open(const char* path, ligero_model** model) {
  if (path == nullptr || model == nullptr) {
    return null_argument("path, model");
  }
  *model = nullptr;
  Result<ligero::WholeFile> file = ligero::WholeFile::open(path);
  if (!file.ok()) {
    return refuse(file.status(), path);
  }
  return open_on_heap(std::move(file.value()), {}, model);
}

ligero_status ligero_model_open_memory(const void* data, size_t bytes, ligero_model** model) {
  if (data == nullptr || model == nullptr) {
    return null_argument("data, model");
  }
  *model = nullptr;
  return open_on_heap({}, {static_cast<const std::byte*>(data), bytes}, model);
}
