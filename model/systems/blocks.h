// SPDX-License-Identifier: Apache-2.0
// Blocks that several networks share, after spec 1, 2 and 3. Not: whole networks.
// Prefixes: `ck` names the checkpoint's tensors, `name` the nodes (the reference's taps).
#ifndef LIGERO_MODEL_SYSTEMS_BLOCKS_H_
#define LIGERO_MODEL_SYSTEMS_BLOCKS_H_

#include <string>
#include <vector>

#include "model/systems/builder.h"
#include "model/systems/conv.h"
#include "model/systems/recurrent.h"

namespace ligero {

/// Slopes of a PReLU: one per channel, or one for the layer.
enum class Slopes { kChannel, kLayer };

/// conv2d of kernel 3 x 3, stride (1, 2) (spec 2.2) -> batch norm -> PReLU: name.conv, name.bn,
/// name.prelu.
int conv_block(
    GraphBuilder& g, const std::string& name, int x, int outputs, Slopes slopes, bool causal);

/// What follows a transposed convolution.
enum class LastActivation { kBnPrelu, kTanh, kLinear };

struct DeconvShape {
  int outputs = 1;
  int out_pad_f = 0;  ///< bins added at the top, which hold the bias
  bool last = false;  ///< whether it is the decoder's last layer
};

/// Transposed conv2d of that kernel, then batch norm and PReLU or the activation of the last layer.
int deconv_block(GraphBuilder& g,
                 const std::string& name,
                 int x,
                 DeconvShape shape,
                 LastActivation activation,
                 Slopes slopes,
                 bool causal);

/// The ARN of spec 1.1 and its switches.
struct ArnOptions {
  int size = 0;             ///< N
  Axis axis = Axis::kTime;  ///< along time, or along the bins of one frame
  bool causal = false;      ///< LSTM(N) and attention to the past; else BLSTM(N / 2 per direction)
  int window = 0;           ///< causal: frames that attention sees
  bool norm_input = true;   ///< whether step 1, LN_in, is there
  bool q_norm = false;
  bool two_linear = false;  ///< feed-forward with a second linear instead of split-and-add
};
int arn(GraphBuilder& g, const std::string& name, int x, const ArnOptions& options);

/// How a convolution of ECAPA-TDNN pads time.
enum class Edge { kReflect, kZero };

struct TdnnShape {
  int outputs = 1;
  int kernel = 1;
  int dilation = 1;
  bool norm = true;  ///< whether the batch norm is there
};

/// conv1d -> ReLU -> batch norm over time: name.conv, name.relu, name.norm.
int tdnn_block(GraphBuilder& g,
               const std::string& ck,
               const std::string& name,
               int x,
               TdnnShape shape,
               Edge edge);

struct SeRes2Shape {
  int kernel = 3;
  int dilation = 1;
  int scale = 8;
  int squeezed = 128;
};
/// x + SE(T2(R(T1(x)))), R the Res2Net of `scale` chunks, SE squeeze and excitation over time.
int se_res2_block(GraphBuilder& g,
                  const std::string& ck,
                  const std::string& name,
                  int x,
                  SeRes2Shape shape,
                  Edge edge);

struct PoolingShape {
  int attention = 256;
  bool global_context = true;    ///< attention also sees the mean and deviation over time
  bool norm = true;              ///< ReLU and batch norm between its first layer and the tanh
  bool unbiased = false;         ///< whether that deviation divides by one frame less
  float context_floor = 1e-12f;  ///< least variance there
  float floor = 1e-12f;          ///< least weighted variance
};
/// Attentive statistics pooling: a constant, weighted mean then weighted deviation.
int attentive_pooling(GraphBuilder& g,
                      const std::string& ck,
                      const std::string& name,
                      int x,
                      PoolingShape shape,
                      Edge edge);

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_BLOCKS_H_
