// SPDX-License-Identifier: Apache-2.0
// The reader of PyTorch's checkpoints: state dict, names, views of storages. Not: zip, pickle.
#include "converter/import/pytorch.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "converter/import/elements.h"
#include "converter/import/pickle.h"
#include "converter/import/zip.h"

namespace ligero {
namespace {

// Where trainers put the state dict; the first that holds tensors is taken.
constexpr const char* kStateNames[] = {
    "average", "model", "state_dict", "model_state_dict", "model_state"};
constexpr int kMaxNesting = 3;
constexpr size_t kMaxTensors = 65536;
constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kMaxAxes = 8;

struct StorageType {
  const char* global;
  ElementType type;
};
constexpr StorageType kStorageTypes[] = {{"torch FloatStorage", ElementType::kF32},
                                         {"torch HalfStorage", ElementType::kF16},
                                         {"torch BFloat16Storage", ElementType::kBf16},
                                         {"torch DoubleStorage", ElementType::kF64},
                                         {"torch LongStorage", ElementType::kI64},
                                         {"torch IntStorage", ElementType::kI32},
                                         {"torch ShortStorage", ElementType::kI16},
                                         {"torch CharStorage", ElementType::kI8},
                                         {"torch ByteStorage", ElementType::kU8},
                                         {"torch BoolStorage", ElementType::kU8}};

using Entries = std::map<std::string, int32_t>;

// The dict's values by name; keys that are no text do not count.
Entries entries_of(const Pickle& pickle, const PickleValue& dict) {
  Entries entries;
  if (dict.kind == PickleKind::kDict) {
    for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const PickleValue& key = pickle.at(dict.items[i]);
      if (key.kind == PickleKind::kText) {
        entries[key.text] = dict.items[i + 1];
      }
    }
  }
  return entries;
}

int64_t count_tensors(const Pickle& pickle, const Entries& entries) {
  return std::count_if(entries.begin(), entries.end(), [&](const auto& entry) {
    return pickle.at(entry.second).kind == PickleKind::kTensor;
  });
}

// A dict and how many tensors it holds.
struct State {
  Entries entries;
  int64_t tensors = 0;
};

// Finds the state dict: what stands under one of kStateNames, else whichever dict holds the most
// tensors. So a tensor beside "model_state_dict" makes no state dict of the dict around both; and
// what an optimizer keeps for one parameter is smaller than the network.
class StateSearch {
 public:
  explicit StateSearch(const Pickle& pickle) : pickle_(pickle) {}

  State find(int32_t index, int nesting) {
    if (!seen_.insert(index).second) {  // a dict may hold itself, or one dict many times
      return {};
    }
    State best{entries_of(pickle_, pickle_.at(index)), 0};
    best.tensors = count_tensors(pickle_, best.entries);
    if (nesting == kMaxNesting) {
      return best;
    }
    for (const char* name : kStateNames) {
      const auto named = best.entries.find(name);
      if (named != best.entries.end()) {
        State found = find(named->second, nesting + 1);
        if (found.tensors > 0) {
          return found;
        }
      }
    }
    std::vector<int32_t> inside;
    for (const auto& [name, value] : best.entries) {
      if (pickle_.at(value).kind == PickleKind::kDict) {
        inside.push_back(value);
      }
    }
    for (const int32_t value : inside) {
      State found = find(value, nesting + 1);
      if (found.tensors > best.tensors) {
        best = std::move(found);
      }
    }
    return best;
  }

 private:
  const Pickle& pickle_;
  std::set<int32_t> seen_;
};

std::string keys_text(const Entries& entries) {
  constexpr size_t kShown = 10;
  constexpr size_t kLongest = 40;
  std::string text;
  size_t count = 0;
  for (const auto& [name, index] : entries) {
    if (count++ < kShown) {
      text += ' ';
      text += name.substr(0, kLongest);
    }
  }
  return entries.empty() ? " none" : text;
}

// What a zip archive is that PyTorch did not write.
std::string what_else(const ZipArchive& zip) {
  for (const ZipEntry& entry : zip.entries()) {
    if (entry.name.ends_with(".npy")) {
      return "an archive of NumPy arrays";
    }
    if (entry.name.ends_with(".weights.h5")) {
      return "a Keras model";
    }
  }
  return "a zip archive";
}

// Reads one archive.
class Reader {
 public:
  Reader(std::span<const std::byte> file, const std::string& source)
      : source_(source), zip_(file, source) {
    for (const ZipEntry& entry : zip_.entries()) {
      elements_left_ += entry.bytes;
    }
  }

  Checkpoint read();

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw ImportError(source_ + ": " + what);
  }
  const ZipEntry& find_pickle();
  void check_byte_order() const;
  CheckpointTensor tensor(const Pickle& pickle, const PickleValue& value, const std::string& name);
  std::span<const std::byte> storage(const std::string& key,
                                     uint64_t bytes,
                                     const std::string& name);

  const std::string& source_;
  ZipArchive zip_;
  // Tied weights and views of one buffer repeat elements: up to one for each byte.
  uint64_t elements_left_ = 0;
  std::string folder_;  // in the archive
  std::string unpacked_key_;
  std::vector<std::byte> unpacked_;
};

// PyTorch puts everything into one folder, whose name is of no meaning.
const ZipEntry& Reader::find_pickle() {
  const std::string wanted = "data.pkl";
  const ZipEntry* found = nullptr;
  for (const ZipEntry& entry : zip_.entries()) {
    const size_t slash = entry.name.rfind('/');
    if (slash == std::string::npos || entry.name.substr(slash + 1) != wanted) {
      continue;
    }
    if (found) {
      refuse("has both " + found->name + " and " + entry.name + ", expected one of them");
    }
    found = &entry;
    folder_ = entry.name.substr(0, slash + 1);
  }
  if (!found) {
    refuse("is " + what_else(zip_) +
           " without a data.pkl in a folder, so not a checkpoint of torch.save");
  }
  if (zip_.find(folder_ + "constants.pkl")) {
    refuse("is a TorchScript archive, which is code; expected a state_dict saved by torch.save");
  }
  return *found;
}

void Reader::check_byte_order() const {
  const ZipEntry* entry = zip_.find(folder_ + "byteorder");
  if (!entry) {
    return;  // older versions: little
  }
  std::vector<std::byte> unpacked;
  const std::span<const std::byte> bytes = zip_.read(*entry, &unpacked);
  const std::string order(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (order != "little") {
    refuse(entry->name + " says " + order.substr(0, 20) + ", expected little");
  }
}

std::span<const std::byte> Reader::storage(const std::string& key,
                                           uint64_t bytes,
                                           const std::string& name) {
  const ZipEntry* entry = zip_.find(folder_ + "data/" + key);
  if (!entry) {
    refuse("tensor " + name + ": the archive has no " + folder_ + "data/" +
           key.substr(0, kMaxNameBytes));
  }
  if (entry->bytes != bytes) {
    refuse("tensor " + name + ": " + entry->name + " has " + std::to_string(entry->bytes) +
           " bytes, expected " + std::to_string(bytes));
  }
  if (entry->deflated && unpacked_key_ == key) {
    return unpacked_;
  }
  unpacked_key_ = entry->deflated ? key : "";
  return zip_.read(*entry, &unpacked_);
}

// A tensor's part of its storage, in elements.
struct View {
  std::vector<uint64_t> sizes;
  std::vector<uint64_t> strides;
  uint64_t offset = 0;
  uint64_t count = 1;
};

// Reads a view of a storage of `available` elements; `most`: elements that it may have. Where it
// cannot be right, returns what is wrong.
std::string read_view(
    const Pickle& pickle, const PickleValue& value, uint64_t available, uint64_t most, View* view) {
  for (int32_t index : pickle.at(value.items[1]).items) {
    view->sizes.push_back(static_cast<uint64_t>(pickle.at(index).integer));
  }
  for (int32_t index : pickle.at(value.items[2]).items) {
    view->strides.push_back(static_cast<uint64_t>(pickle.at(index).integer));
  }
  if (view->sizes.size() > kMaxAxes) {
    return "has more than " + std::to_string(kMaxAxes) + " axes";
  }
  view->offset = static_cast<uint64_t>(value.integer);
  if (std::find(view->sizes.begin(), view->sizes.end(), 0) != view->sizes.end()) {
    view->count = 0;
    return "";
  }
  uint64_t last = view->offset;
  for (size_t i = 0; i < view->sizes.size() && last < available; ++i) {
    const uint64_t size = view->sizes[i];
    const uint64_t stride = view->strides[i];
    if (size > most / view->count) {
      return "has more elements than the archive has bytes";
    }
    view->count *= size;
    const bool beyond = stride > 0 && size - 1 > (available - 1 - last) / stride;
    last = beyond ? available : last + (size - 1) * stride;
  }
  if (last >= available) {
    return "reaches past the " + std::to_string(available) + " elements of its storage";
  }
  return "";
}

// Row by row, the last axis fastest. Returns the first place that is not finite, or the count.
size_t gather(const View& view, ElementType type, const std::byte* bytes, std::vector<float>* out) {
  std::vector<uint64_t> at(view.sizes.size());
  uint64_t place = view.offset;
  out->reserve(view.count);
  while (out->size() < view.count) {
    const float x = element(type, bytes + place * bytes_of(type));
    if (!std::isfinite(x)) {
      return out->size();
    }
    out->push_back(x);
    for (size_t axis = at.size(); axis-- > 0;) {
      place += view.strides[axis];
      if (++at[axis] < view.sizes[axis]) {
        break;
      }
      place -= view.strides[axis] * view.sizes[axis];
      at[axis] = 0;
    }
  }
  return out->size();
}

CheckpointTensor Reader::tensor(const Pickle& pickle,
                                const PickleValue& value,
                                const std::string& name) {
  const PickleValue& source = pickle.at(value.items[0]);
  const std::string& global = pickle.at(source.items[0]).text;
  const auto* type = std::find_if(std::begin(kStorageTypes),
                                  std::end(kStorageTypes),
                                  [&](const StorageType& t) { return t.global == global; });
  if (type == std::end(kStorageTypes)) {
    refuse("tensor " + name + ": its storage is a " + global +
           ", expected floats, integers or bools");
  }
  const auto available = static_cast<uint64_t>(source.integer);
  if (available > INT64_MAX / bytes_of(type->type)) {
    refuse("tensor " + name + ": a storage of " + std::to_string(available) + " elements");
  }
  View view;
  const std::string error = read_view(pickle, value, available, elements_left_, &view);
  if (!error.empty()) {
    refuse("tensor " + name + ": " + error);
  }
  elements_left_ -= view.count;
  CheckpointTensor tensor;
  tensor.shape.assign(view.sizes.begin(), view.sizes.end());
  const std::span<const std::byte> bytes =
      storage(source.text, available * bytes_of(type->type), name);
  const size_t done = gather(view, type->type, bytes.data(), &tensor.values);
  if (done < view.count) {
    refuse("tensor " + name + ": element " + std::to_string(done) + " is not a finite float");
  }
  return tensor;
}

Checkpoint Reader::read() {
  const ZipEntry& entry = find_pickle();
  check_byte_order();
  std::vector<std::byte> unpacked;
  const Pickle pickle = read_pickle(zip_.read(entry, &unpacked), source_ + ": " + entry.name);
  const State state = StateSearch(pickle).find(pickle.root, 0);
  if (state.tensors == 0) {
    refuse(
        "holds no state dict: expected tensors by name in a dict, at the top or at most " +
        std::to_string(kMaxNesting) + " dicts below it, found at the top:" +
        keys_text(entries_of(pickle, pickle.at(pickle.root))));
  }
  if (state.entries.size() > kMaxTensors) {
    refuse("the state dict has " + std::to_string(state.entries.size()) +
           " entries, expected at most " + std::to_string(kMaxTensors));
  }
  Checkpoint checkpoint;
  for (const auto& [name, index] : state.entries) {
    if (name.empty() || name.size() > kMaxNameBytes) {
      refuse("a tensor's name has " + std::to_string(name.size()) + " bytes, expected 1 to " +
             std::to_string(kMaxNameBytes));
    }
    if (pickle.at(index).kind == PickleKind::kTensor) {
      checkpoint[name] = tensor(pickle, pickle.at(index), name);
    }
  }
  return checkpoint;
}

}  // namespace

Checkpoint read_pytorch(std::span<const std::byte> file, const std::string& source) {
  return Reader(file, source).read();
}

}  // namespace ligero
