// SPDX-License-Identifier: Apache-2.0
// Handing out a checkpoint's tensors. Not: which tensors a network has (the systems).
#include "model/systems/checkpoint.h"

#include <algorithm>
#include <utility>

namespace ligero {
namespace {

constexpr size_t kMaxShown = 12;  // of each kind of misfit

// A linear layer's [outputs, inputs] is a convolution's [outputs, inputs, 1].
std::vector<int64_t> without_ones(std::vector<int64_t> shape) {
  while (!shape.empty() && shape.back() == 1) {
    shape.pop_back();
  }
  return shape;
}

// Every run of `size` values begins with what were its last `count`.
void rotate(std::vector<float>* values, int64_t size, int64_t count) {
  for (auto at = values->begin(); at != values->end(); at += size) {
    std::rotate(at, at + (size - count), at + size);
  }
}

void rotate(const Origin& origin, const std::vector<int64_t>& shape, std::vector<float>* values) {
  const auto all = static_cast<int64_t>(values->size());
  const int64_t row = all / shape[0];
  if (origin.rotate_rows > 0) {
    rotate(values, all, origin.rotate_rows * row);
  }
  if (origin.rotate_columns > 0 && shape.size() > 1) {
    rotate(values, row, origin.rotate_columns * (row / shape[1]));
  }
}

// A message of several lines, so many of each kind.
class Listing {
 public:
  explicit Listing(std::string head) : text_(std::move(head)) {}

  void add(const std::string& line) {
    text_ += "\n  " + line;
  }
  template <typename Item, typename Line>
  void add_some(const std::vector<Item>& items, Line line) {
    for (size_t i = 0; i < items.size() && i < kMaxShown; ++i) {
      add(line(items[i]));
    }
    if (items.size() > kMaxShown) {
      add("and " + std::to_string(items.size() - kMaxShown) + " more like these");
    }
  }
  const std::string& text() const {
    return text_;
  }

 private:
  std::string text_;
};

}  // namespace

bool is_counter(const std::string& name) {
  return name.ends_with("num_batches_tracked") || name == "n_averaged";
}

std::string unwrapped(const std::string& name, const std::string& wrapper) {
  return name.starts_with(wrapper) ? name.substr(wrapper.size()) : name;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

Weights::Weights(Checkpoint checkpoint) : values_(std::move(checkpoint)) {
  for (const auto& [name, tensor] : values_) {
    left_[name] = tensor.shape;
  }
}

Weights Weights::trial(CheckpointShapes shapes) {
  Weights weights{Checkpoint()};
  weights.left_ = std::move(shapes);
  weights.trial_ = true;
  return weights;
}

void Weights::set_origin(const std::string& name, Origin origin) {
  origins_[name] = std::move(origin);
}

bool Weights::has(const std::string& name) const {
  return left_.contains(name);
}

bool Weights::has_any(const std::string& prefix) const {
  const auto first = left_.lower_bound(prefix);
  return first != left_.end() && first->first.starts_with(prefix);
}

void Weights::complain(std::string error) {
  complaints_.insert(complaints_.begin(), std::move(error));
}

void Weights::ignore(const std::string& prefix) {
  ignored_.push_back(prefix);
}

std::vector<float> Weights::take(const std::string& name, const std::vector<int64_t>& shape) {
  size_t count = 1;
  for (int64_t n : shape) {
    count *= static_cast<size_t>(n);
  }
  const auto origin = origins_.find(name);
  const bool moved = origin != origins_.end();
  const std::string& stored = moved ? origin->second.name : name;
  const auto found = left_.find(stored);
  if (found == left_.end()) {
    missing_.push_back({stored, shape});
    return std::vector<float>(count);
  }
  const std::vector<int64_t> there = std::move(found->second);
  left_.erase(found);
  ++taken_;
  std::vector<float> values =
      trial_ ? std::vector<float>(count) : std::move(values_.at(stored).values);
  const bool fits = there == shape || (moved && without_ones(there) == without_ones(shape));
  if (!fits || values.size() != count) {
    misshapen_.push_back({stored, there, shape});
    return std::vector<float>(count);
  }
  if (moved && count > 0) {
    rotate(origin->second, shape, &values);
  }
  return values;
}

std::vector<std::string> Weights::left_over() const {
  std::vector<std::string> names;
  for (const auto& [name, shape] : left_) {
    const bool ignored =
        std::any_of(ignored_.begin(), ignored_.end(), [&name = name](const std::string& prefix) {
          return name.starts_with(prefix);
        });
    if (!ignored && !is_counter(name)) {
      names.push_back(name);
    }
  }
  return names;
}

size_t Weights::misfits() const {
  return complaints_.size() + missing_.size() + misshapen_.size() + left_over().size();
}

// The left-over tensor whose name has the most characters in common with the missing one's, counted
// from both ends; at equal names the one of equal shape. None where less than half is in common.
std::string Weights::closest(const Missing& missing, const std::vector<std::string>& left) const {
  std::string best;
  size_t most = 0;
  for (const std::string& name : left) {
    const size_t longest = std::min(name.size(), missing.name.size());
    size_t ahead = 0;
    while (ahead < longest && name[ahead] == missing.name[ahead]) {
      ++ahead;
    }
    size_t behind = 0;
    while (behind < longest - ahead &&
           name[name.size() - 1 - behind] == missing.name[missing.name.size() - 1 - behind]) {
      ++behind;
    }
    const bool same = without_ones(left_.at(name)) == without_ones(missing.shape);
    const size_t score = 2 * (ahead + behind) + (same ? 1 : 0);
    if (2 * (ahead + behind) >= missing.name.size() && score > most) {
      most = score;
      best = name;
    }
  }
  return best;
}

void Weights::finish(const std::string& prefix) const {
  if (misfits() == 0) {
    return;
  }
  const std::vector<std::string> left = left_over();
  Listing text("checkpoint does not fit the configuration");
  if (taken_ == 0 && !left.empty()) {
    text.add("none of the checkpoint's " + std::to_string(left.size()) +
             " tensors has a name of this network");
  }
  for (const std::string& complaint : complaints_) {
    text.add(complaint);
  }
  text.add_some(missing_, [&](const Missing& m) {
    const std::string near = closest(m, left);
    return "missing tensor " + prefix + m.name + ": expected shape " + shape_text(m.shape) +
           (near.empty() ? ""
                         : "; the closest name in the checkpoint is " + prefix + near + " " +
                               shape_text(left_.at(near)));
  });
  text.add_some(misshapen_, [&](const Misshapen& m) {
    return "tensor " + prefix + m.name + " has shape " + shape_text(m.shape) + ", expected " +
           shape_text(m.expected);
  });
  text.add_some(left, [&](const std::string& name) {
    return "surplus tensor " + prefix + name + " of shape " + shape_text(left_.at(name)) +
           ": the configured network has none of this name";
  });
  throw SystemError(text.text());
}

}  // namespace ligero
