// SPDX-License-Identifier: Apache-2.0
// Where the tensors of ECAPA-TDNN stand in checkpoints of its public implementations (spec 3.2).
// Not: the network (ecapa_tdnn.cc), whose own names are SpeechBrain's after "ecapa.".
#include <initializer_list>

#include "model/systems/ecapa_tdnn.h"

namespace ligero {
namespace {

const char* const kOurs = "ecapa.";
const char* const kTaoRuijiePrefix = "speaker_encoder.";

// A layer of the network and what it is called elsewhere. Both others let the last chunk of a
// Res2Net pass, where SpeechBrain lets the first: their channels are rotated by one chunk.
class Names {
 public:
  Names(std::string prefix, int64_t chunk, Weights* weights)
      : prefix_(std::move(prefix)), chunk_(chunk), weights_(weights) {}

  enum class Rotate { kNone, kRows, kColumns };

  void layer(const std::string& ours, const std::string& theirs, Rotate rotate = Rotate::kNone) {
    add(ours, theirs, {".weight", ".bias"}, rotate);
  }
  void norm(const std::string& ours, const std::string& theirs, Rotate rotate = Rotate::kNone) {
    add(ours, theirs, {".weight", ".bias", ".running_mean", ".running_var"}, rotate);
  }

 private:
  void add(const std::string& ours,
           const std::string& theirs,
           std::initializer_list<const char*> parts,
           Rotate rotate) {
    for (const std::string part : parts) {
      Origin origin{prefix_ + theirs + part, 0, 0};
      origin.rotate_rows = rotate == Rotate::kRows ? chunk_ : 0;
      // A bias has no columns.
      origin.rotate_columns = rotate == Rotate::kColumns && part == ".weight" ? chunk_ : 0;
      weights_->set_origin(kOurs + ours + part, origin);
    }
  }

  std::string prefix_;
  int64_t chunk_;
  Weights* weights_;
};

using Rotate = Names::Rotate;

void speechbrain(Names names, int branches) {
  const auto block = [&](const std::string& name) {
    names.layer(name + ".conv.conv", name + ".conv.conv");
    names.norm(name + ".norm.norm", name + ".norm.norm");
  };
  block("blocks.0");
  for (int i = 1; i <= 3; ++i) {
    const std::string b = "blocks." + std::to_string(i);
    block(b + ".tdnn1");
    for (int j = 0; j < branches; ++j) {
      block(b + ".res2net_block.blocks." + std::to_string(j));
    }
    block(b + ".tdnn2");
    names.layer(b + ".se_block.conv1.conv", b + ".se_block.conv1.conv");
    names.layer(b + ".se_block.conv2.conv", b + ".se_block.conv2.conv");
  }
  block("mfa");
  block("asp.tdnn");
  names.layer("asp.conv.conv", "asp.conv.conv");
  names.norm("asp_bn.norm", "asp_bn.norm");
  names.layer("fc.conv", "fc.conv");
  names.norm("fc_bn.norm", "fc_bn.norm");
}

void taoruijie(Names names, int branches) {
  names.layer("blocks.0.conv.conv", "conv1");
  names.norm("blocks.0.norm.norm", "bn1");
  for (int i = 1; i <= 3; ++i) {
    const std::string b = "blocks." + std::to_string(i);
    const std::string t = "layer" + std::to_string(i);
    names.layer(b + ".tdnn1.conv.conv", t + ".conv1", Rotate::kRows);
    names.norm(b + ".tdnn1.norm.norm", t + ".bn1", Rotate::kRows);
    for (int j = 0; j < branches; ++j) {
      const std::string branch = b + ".res2net_block.blocks." + std::to_string(j);
      names.layer(branch + ".conv.conv", t + ".convs." + std::to_string(j));
      names.norm(branch + ".norm.norm", t + ".bns." + std::to_string(j));
    }
    names.layer(b + ".tdnn2.conv.conv", t + ".conv3", Rotate::kColumns);
    names.norm(b + ".tdnn2.norm.norm", t + ".bn3");
    names.layer(b + ".se_block.conv1.conv", t + ".se.se.1");
    names.layer(b + ".se_block.conv2.conv", t + ".se.se.3");
  }
  names.layer("mfa.conv.conv", "layer4");
  names.layer("asp.tdnn.conv.conv", "attention.0");
  names.norm("asp.tdnn.norm.norm", "attention.2");
  names.layer("asp.conv.conv", "attention.4");
  names.norm("asp_bn.norm", "bn5");
  names.layer("fc.conv", "fc6");
  names.norm("fc_bn.norm", "bn6");
}

void wespeaker(Names names, int branches) {
  names.layer("blocks.0.conv.conv", "layer1.conv");
  names.norm("blocks.0.norm.norm", "layer1.bn");
  for (int i = 1; i <= 3; ++i) {
    const std::string b = "blocks." + std::to_string(i);
    const std::string w = "layer" + std::to_string(i + 1) + ".se_res2block";
    names.layer(b + ".tdnn1.conv.conv", w + ".0.conv", Rotate::kRows);
    names.norm(b + ".tdnn1.norm.norm", w + ".0.bn", Rotate::kRows);
    for (int j = 0; j < branches; ++j) {
      const std::string branch = b + ".res2net_block.blocks." + std::to_string(j);
      names.layer(branch + ".conv.conv", w + ".1.convs." + std::to_string(j));
      names.norm(branch + ".norm.norm", w + ".1.bns." + std::to_string(j));
    }
    names.layer(b + ".tdnn2.conv.conv", w + ".2.conv", Rotate::kColumns);
    names.norm(b + ".tdnn2.norm.norm", w + ".2.bn");
    names.layer(b + ".se_block.conv1.conv", w + ".3.linear1");
    names.layer(b + ".se_block.conv2.conv", w + ".3.linear2");
  }
  names.layer("mfa.conv.conv", "conv");
  names.layer("asp.tdnn.conv.conv", "pool.linear1");
  names.layer("asp.conv.conv", "pool.linear2");
  names.norm("asp_bn.norm", "bn");
  names.layer("fc.conv", "linear");
  names.norm("fc_bn.norm", "fc_bn");
}

}  // namespace

void set_origins(EcapaLayout layout, const EcapaOptions& o, Weights* weights) {
  const int64_t chunk = o.channels / o.scale;
  switch (layout) {
    case EcapaLayout::kSpeechBrain:
      speechbrain({"", chunk, weights}, o.scale - 1);
      return;
    case EcapaLayout::kTaoRuijie: {
      // Its checkpoints hold the training's loss and the front end's tables, too.
      const bool whole = weights->has(std::string(kTaoRuijiePrefix) + "conv1.weight");
      const std::string prefix = whole ? kTaoRuijiePrefix : "";
      weights->ignore("speaker_loss.");
      weights->ignore(prefix + "torchfbank.");
      taoruijie({prefix, chunk, weights}, o.scale - 1);
      return;
    }
    case EcapaLayout::kWeSpeaker:
      weights->ignore("projection.");  // the training's loss
      wespeaker({"", chunk, weights}, o.scale - 1);
      return;
  }
}

}  // namespace ligero
