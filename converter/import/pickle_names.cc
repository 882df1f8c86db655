// SPDX-License-Identifier: Apache-2.0
// The lists of names. Not: what is done with them.
#include "converter/import/pickle_names.h"

#include <algorithm>
#include <iterator>

namespace ligero {
namespace {

struct Known {
  std::string_view global;
  Callee callee;
};
constexpr Known kKnown[] = {
    {"collections OrderedDict", Callee::kDict},
    {"collections defaultdict", Callee::kDict},
    {"collections Counter", Callee::kDict},
    {"torch Size", Callee::kSize},
    {"torch._utils _rebuild_tensor_v2", Callee::kTensor},
    {"torch._utils _rebuild_parameter", Callee::kParameter},
    {"torch FloatStorage", Callee::kType},
    {"torch HalfStorage", Callee::kType},
    {"torch BFloat16Storage", Callee::kType},
    {"torch DoubleStorage", Callee::kType},
    {"torch LongStorage", Callee::kType},
    {"torch IntStorage", Callee::kType},
    {"torch ShortStorage", Callee::kType},
    {"torch CharStorage", Callee::kType},
    {"torch ByteStorage", Callee::kType},
    {"torch BoolStorage", Callee::kType},
};

// What trainers store beside tensors: values and options, no code.
struct Harmless {
  std::string_view module;
  std::string_view names;  // separated by spaces
};
constexpr std::string_view kPaths =
    "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath";
constexpr Harmless kHarmless[] = {
    {"builtins", "bool bytearray bytes complex dict float frozenset int list range set slice str"},
    {"builtins", "tuple"},
    {"__builtin__", "bool bytearray complex dict float frozenset int list long set slice str"},
    {"__builtin__", "tuple unicode xrange"},
    {"_codecs", "encode"},  // how protocol 2 writes bytes
    {"argparse", "Namespace"},
    {"collections", "deque"},
    {"datetime", "date datetime time timedelta timezone"},
    {"decimal", "Decimal"},
    {"fractions", "Fraction"},
    {"pathlib", kPaths},
    {"pathlib._local", kPaths},
    {"types", "SimpleNamespace"},
    {"typing", "Any"},
    {"uuid", "UUID"},
    {"numpy", "bool bool_ dtype float16 float32 float64 int16 int32 int64 int8 ndarray"},
    {"numpy", "uint16 uint32 uint64 uint8"},
    {"numpy.core.multiarray", "_reconstruct scalar"},
    {"numpy._core.multiarray", "_reconstruct scalar"},
    {"numpy.core.numeric", "_frombuffer"},
    {"numpy._core.numeric", "_frombuffer"},
    {"numpy.random._mt19937", "MT19937"},
    {"numpy.random._pcg64", "PCG64"},
    {"numpy.random._pickle", "__bit_generator_ctor __generator_ctor __randomstate_ctor"},
    {"numpy.random.bit_generator", "SeedSequence __pyx_unpickle_SeedSequence"},
    {"torch", "bfloat16 bool device float16 float32 float64 int16 int32 int64 int8 uint8"},
    {"omegaconf.base", "ContainerMetadata Metadata"},
    {"omegaconf.dictconfig", "DictConfig"},
    {"omegaconf.listconfig", "ListConfig"},
    {"omegaconf.nodes", "AnyNode BooleanNode BytesNode EnumNode FloatNode IntegerNode PathNode"},
    {"omegaconf.nodes", "StringNode"},
    {"pytorch_lightning.utilities.parsing", "AttributeDict"},
    {"lightning.pytorch.utilities.parsing", "AttributeDict"},
    {"lightning.fabric.utilities.data", "AttributeDict"},
    {"lightning_fabric.utilities.data", "AttributeDict"},
    {"addict.addict", "Dict"},
    {"easydict", "EasyDict"},
    {"munch", "Munch"},
    {"yacs.config", "CfgNode"},
};

// Whether `name` is one of `names`.
bool lists(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const size_t end = std::min(names.find(' '), names.size());
    if (names.substr(0, end) == name) {
      return true;
    }
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

}  // namespace

Callee callee_of(std::string_view global) {
  const auto* known = std::find_if(
      std::begin(kKnown), std::end(kKnown), [&](const Known& k) { return k.global == global; });
  if (known != std::end(kKnown)) {
    return known->callee;
  }
  const size_t space = std::min(global.find(' '), global.size());
  const std::string_view module = global.substr(0, space);
  const std::string_view name = global.substr(std::min(space + 1, global.size()));
  const bool harmless =
      std::any_of(std::begin(kHarmless), std::end(kHarmless), [&](const Harmless& h) {
        return h.module == module && lists(h.names, name);
      });
  return harmless ? Callee::kObject : Callee::kNone;
}

}  // namespace ligero
