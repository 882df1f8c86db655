// SPDX-License-Identifier: Apache-2.0
// The sound nodes of the ops. Not: those that a test of its op adds.
#include "tests/support/sound_nodes.h"

#include <utility>

namespace ligero::testing {
namespace {

constexpr Kind kSeq = Kind::kSequence;
constexpr Kind kConst = Kind::kConstant;
constexpr Kind kPlain = Kind::kWeight;

std::vector<SoundNode>& nodes() {
  static std::vector<SoundNode> nodes = {
      {"linear", {{kSeq, 3, 8}, {kPlain, 8, 5}, {kPlain, 1, 5}}, {{"activation", 1}}},
      {"conv2d",
       {{kSeq, 66, 32}, {kPlain, 288, 32}, {kPlain, 1, 32}},  // as winograd.h takes it
       {{"kernel_t", 3},
        {"kernel_f", 3},
        {"stride_f", 1},
        {"pad_f", 1},
        {"past", 2},
        {"future", 0},
        {"dilation_t", 1},
        {"dilation_f", 1},
        {"reflect_t", 0},
        {"groups", 1},
        {"activation", 1}}},
      {"conv2d_transposed",
       {{kSeq, 4, 4}, {kPlain, 36, 5}, {kPlain, 1, 5}},
       {{"kernel_t", 3},
        {"kernel_f", 3},
        {"stride_f", 2},
        {"pad_f", 1},
        {"out_pad_f", 1},
        {"past", 1},
        {"future", 1},
        {"groups", 1},
        {"activation", 1}}},
      {"conv2d_map",
       {{kConst, 9, 4}, {kPlain, 36, 5}},
       {{"kernel_t", 3},
        {"kernel_f", 3},
        {"stride_f", 2},
        {"pad_f", 1},
        {"past", 2},
        {"future", 0}}},
      {"lstm",
       {{kSeq, 1, 6}, {kPlain, 6, 16}, {kPlain, 4, 16}, {kPlain, 1, 16}},
       {{"axis", 0}, {"reverse", 0}},
       {"cell_limit"}},
      {"gru",
       {{kSeq, 1, 6}, {kPlain, 6, 12}, {kPlain, 4, 12}, {kPlain, 1, 12}, {kPlain, 1, 12}},
       {{"axis", 0}, {"reverse", 0}}},
      {"attention",
       {{kSeq, 1, 8}, {kSeq, 1, 8}, {kSeq, 1, 8}},
       {{"axis", 0}, {"window", 4}, {"heads", 2}},
       {"scale"}},
      {"stft",
       {{kSeq, 1, 160}},
       {{"window", 320}, {"hop", 160}, {"synthesis_samples", 320}, {"analysis", 1}, {"synthesis", 1}}},
      {"istft",
       {{kSeq, 161, 2}},
       {{"window", 320}, {"hop", 160}, {"synthesis_samples", 320}, {"analysis", 1}, {"synthesis", 1}}},
      {"fbank",
       {{kSeq, 1, 160}, {kPlain, 201, 80}},
       {{"window", 400}, {"n_fft", 400}, {"hop", 160}, {"past", 2}, {"future", 1}}},
      {"floor_db", {{kSeq, 1, 80}}, {}, {"range"}},
      {"rms", {{kSeq, 1, 160}}, {}},
      {"input_level", {{kSeq, 1, 160}}, {{"mode", 1}, {"window", 100}}},
      {"deep_filter",
       {{kSeq, 161, 30}, {kSeq, 161, 2}},
       {{"kernel_t", 5}, {"kernel_f", 3}, {"past", 2}, {"future", 2}}},
      {"magnitude", {{kSeq, 161, 2}}, {}, {"floor"}},
      {"compress", {{kSeq, 161, 2}}, {}, {"exponent"}},
      {"complex_multiply", {{kSeq, 161, 2}, {kConst, 161, 2}}, {}},
      {"add", {{kSeq, 3, 16}, {kPlain, 1, 16}}, {{"activation", 1}}},
      {"subtract", {{kSeq, 3, 16}, {kConst, 3, 1}}, {{"activation", 3}}},
      {"multiply", {{kConst, 1, 16}, {kSeq, 3, 16}}, {{"activation", 4}}},
      {"divide", {{kSeq, 3, 16}, {kSeq, 1, 1}}, {{"activation", 5}}},
      {"relu", {{kSeq, 3, 16}}, {}},
      {"sigmoid", {{kSeq, 3, 16}}, {}},
      {"tanh", {{kSeq, 3, 16}}, {}},
      {"gelu", {{kSeq, 3, 16}}, {}},
      {"elu", {{kSeq, 3, 16}}, {}},
      {"square", {{kSeq, 3, 16}}, {}},
      {"sqrt", {{kSeq, 3, 16}}, {}},
      {"power", {{kSeq, 3, 16}}, {}, {"exponent"}},
      {"prelu", {{kSeq, 3, 16}, {kPlain, 1, 16}}, {}},
      {"batch_norm",
       {{kSeq, 3, 16}, {kPlain, 1, 16}, {kPlain, 1, 16}, {kPlain, 1, 16}, {kPlain, 1, 16}},
       {},
       {"epsilon"}},
      {"layer_norm", {{kSeq, 3, 16}, {kPlain, 1, 16}, {kPlain, 1, 16}}, {}, {"epsilon"}},
      {"cumulative_norm", {{kSeq, 3, 16}, {kPlain, 1, 16}, {kPlain, 1, 16}}, {}, {"epsilon"}},
      {"softmax", {{kSeq, 3, 16}}, {{"axis", 0}}},
      {"concat", {{kSeq, 3, 16}, {kSeq, 3, 2}, {kConst, 3, 4}}, {}},
      {"slice", {{kSeq, 3, 16}}, {{"begin", 2}, {"count", 3}}},
      {"reshape", {{kSeq, 3, 16}}, {{"bins", 1}, {"channels", 48}}},
      {"transpose", {{kSeq, 3, 16}}, {}},
      {"sum_chunks", {{kSeq, 3, 16}}, {{"chunks", 4}}},
      {"time_mean", {{kSeq, 3, 16}, {kSeq, 3, 16}}, {}},
      {"time_std", {{kSeq, 3, 16}, {kConst, 3, 16}, {kSeq, 3, 16}}, {}, {"epsilon"}},
  };
  return nodes;
}

}  // namespace

const std::vector<SoundNode>& sound_nodes() {
  return nodes();
}

AddSoundNode::AddSoundNode(SoundNode node) {
  nodes().push_back(std::move(node));
}

}  // namespace ligero::testing
