// SPDX-License-Identifier: Apache-2.0
// Which tensors a random network has is learned from its own refusals: it names what it misses, and
// the shape. Not: any network.
#include "tests/support/random_network.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

#include "converter/convert.h"
#include "converter/import/import.h"
#include "model/format/writer.h"
#include "model/systems/systems.h"
#include "tests/support/random.h"

namespace ligero::testing {
namespace {

/// "[16, 4, 3, 3]" as numbers.
std::vector<int64_t> parse_shape(const std::string& text) {
  std::vector<int64_t> shape;
  std::istringstream numbers(text.substr(1));
  for (int64_t n = 0; numbers >> n; numbers.ignore()) {
    shape.push_back(n);
  }
  return shape;
}

/// Matrices keep the power of what passes through them; norms and slopes stay near one; variances
/// are positive.
CheckpointTensor random_tensor(std::string_view name, std::vector<int64_t> shape, Random* random) {
  CheckpointTensor tensor;
  size_t count = 1;
  for (int64_t n : shape) {
    count *= static_cast<size_t>(n);
  }
  float low = -0.1f;
  float high = 0.1f;
  if (shape.size() > 1) {
    const double inner = static_cast<double>(count) / static_cast<double>(shape[0]);
    high = static_cast<float>(std::sqrt(6.0 / inner));
    low = -high;
  } else if (name.ends_with("weight") || name.ends_with("running_var")) {
    low = 0.6f;
    high = 1.4f;
  }
  tensor.shape = std::move(shape);
  tensor.values = random->floats(count, low, high);
  return tensor;
}

/// Adds the tensors that `refusal` says are missing; false where it names none.
bool add_missing(const std::string& refusal, Random* random, Checkpoint* checkpoint) {
  constexpr std::string_view kMissing = "missing tensor ";
  constexpr std::string_view kShape = ": expected shape ";
  bool added = false;
  std::istringstream lines(refusal);
  for (std::string line; std::getline(lines, line);) {
    const size_t name = line.find(kMissing);
    const size_t shape = line.find(kShape);
    if (name == std::string::npos || shape == std::string::npos) {
      continue;
    }
    const size_t begin = name + kMissing.size();
    const std::string key = line.substr(begin, shape - begin);
    (*checkpoint)[key] =
        random_tensor(key, parse_shape(line.substr(shape + kShape.size())), random);
    added = true;
  }
  return added;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::vector<std::byte> pretrained_network(const std::string& source,
                                          const std::string& name,
                                          Type weights) {
  const std::string path = source + "/model/pretrained/" + name;
  ConvertOptions options;
  options.passes.weights = weights;
  return write_model(
      convert(read_text(path + ".json"), name, read_checkpoint(path + ".safetensors"), options)
          .model);
}

std::vector<std::byte> random_network(const std::string& config_path, uint64_t seed, Type weights) {
  const std::string config = read_text(config_path);
  Random random(seed);
  Checkpoint checkpoint;
  for (bool complete = false; !complete;) {
    try {
      build_system(config, config_path, checkpoint);
      complete = true;
    } catch (const SystemError& refusal) {
      if (!add_missing(refusal.what(), &random, &checkpoint)) {
        throw;
      }
    }
  }
  ConvertOptions options;
  options.passes.weights = weights;
  return write_model(convert(config, config_path, checkpoint, options).model);
}

}  // namespace ligero::testing
