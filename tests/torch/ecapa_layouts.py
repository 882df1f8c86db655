# SPDX-License-Identifier: Apache-2.0
"""ECAPA-TDNN in the layouts of TaoRuijie and WeSpeaker, and the three front ends, for tests.

Written after spec 3.2: the same formulas and tensor names as the public implementations.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from ligero_torch.nets import features

BRANCHES = 7


def branches(width, dilation):
    return (nn.ModuleList(nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
                          for _ in range(BRANCHES)),
            nn.ModuleList(nn.BatchNorm1d(width) for _ in range(BRANCHES)))


def res2net(chunks, convs, bns):
    """The last chunk passes; each other one takes the result of the one before."""
    out = []
    for i, (conv, bn) in enumerate(zip(convs, bns)):
        out.append(bn(F.relu(conv(chunks[i] + out[-1] if out else chunks[i]))))
    return torch.cat([*out, chunks[-1]], dim=1)


def weighted_statistics(x, weight, floor):
    mean = (x * weight).sum(2)
    return torch.cat([mean, ((x * x * weight).sum(2) - mean * mean).clamp(min=floor).sqrt()], 1)


def context(x, floor):
    return torch.cat([x, x.mean(2, keepdim=True).expand_as(x),
                      x.var(2, keepdim=True).clamp(min=floor).sqrt().expand_as(x)], 1)


class TaoBlock(nn.Module):
    def __init__(self, channels, dilation, squeezed=128):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv1d(channels, channels, 1), nn.BatchNorm1d(channels)
        self.convs, self.bns = branches(channels // 8, dilation)
        self.conv3, self.bn3 = nn.Conv1d(channels, channels, 1), nn.BatchNorm1d(channels)
        self.se = nn.Module()
        self.se.se = nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Conv1d(channels, squeezed, 1),
                                   nn.ReLU(), nn.Conv1d(squeezed, channels, 1), nn.Sigmoid())

    def forward(self, x):
        y = self.bn1(F.relu(self.conv1(x)))
        y = self.bn3(F.relu(self.conv3(res2net(y.chunk(8, 1), self.convs, self.bns))))
        return x + y * self.se.se(y)


class TaoEcapa(nn.Module):
    def __init__(self, channels=64, mfa=96, embedding=24):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv1d(80, channels, 5, padding=2), nn.BatchNorm1d(channels)
        for i in (1, 2, 3):
            setattr(self, f"layer{i}", TaoBlock(channels, i + 1))
        self.layer4 = nn.Conv1d(3 * channels, mfa, 1)
        self.attention = nn.Sequential(nn.Conv1d(3 * mfa, 256, 1), nn.ReLU(), nn.BatchNorm1d(256),
                                       nn.Tanh(), nn.Conv1d(256, mfa, 1), nn.Softmax(2))
        self.bn5, self.fc6 = nn.BatchNorm1d(2 * mfa), nn.Linear(2 * mfa, embedding)
        self.bn6 = nn.BatchNorm1d(embedding)

    def forward(self, feats):
        x = self.bn1(F.relu(self.conv1(feats.transpose(1, 2))))
        x1 = self.layer1(x)
        x2 = self.layer2(x + x1)
        x3 = self.layer3(x + x1 + x2)
        x = F.relu(self.layer4(torch.cat([x1, x2, x3], 1)))
        pooled = weighted_statistics(x, self.attention(context(x, 1e-4)), 1e-4)
        return self.bn6(self.fc6(self.bn5(pooled)))


class ConvReluBn(nn.Module):
    def __init__(self, inputs, outputs, kernel=1):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)
        self.bn = nn.BatchNorm1d(outputs)

    def forward(self, x):
        return self.bn(F.relu(self.conv(x)))


class WeRes2Net(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.convs, self.bns = branches(channels // 8, dilation)

    def forward(self, x):
        return res2net(x.chunk(8, 1), self.convs, self.bns)


class WeSqueeze(nn.Module):
    def __init__(self, channels, squeezed=128):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(channels, squeezed), nn.Linear(squeezed, channels)

    def forward(self, x):
        return x * self.linear2(F.relu(self.linear1(x.mean(2)))).sigmoid()[:, :, None]


class WeBlock(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.se_res2block = nn.Sequential(
            ConvReluBn(channels, channels), WeRes2Net(channels, dilation),
            ConvReluBn(channels, channels), WeSqueeze(channels))

    def forward(self, x):
        return x + self.se_res2block(x)


class WeEcapa(nn.Module):
    def __init__(self, channels=64, embedding=24, global_context=False):
        super().__init__()
        wide = 3 * channels
        self.layer1 = ConvReluBn(80, channels, 5)
        for i in (2, 3, 4):
            setattr(self, f"layer{i}", WeBlock(channels, i))
        self.conv = nn.Conv1d(wide, wide, 1)
        self.global_context = global_context
        self.pool = nn.Module()
        self.pool.linear1 = nn.Conv1d(3 * wide if global_context else wide, 128, 1)
        self.pool.linear2 = nn.Conv1d(128, wide, 1)
        self.bn, self.linear = nn.BatchNorm1d(2 * wide), nn.Linear(2 * wide, embedding)

    def forward(self, feats):
        outputs = [self.layer1(feats.transpose(1, 2))]
        for i in (2, 3, 4):
            outputs.append(getattr(self, f"layer{i}")(outputs[-1]))
        x = F.relu(self.conv(torch.cat(outputs[1:], 1)))
        y = context(x, 1e-10) if self.global_context else x
        weight = self.pool.linear2(torch.tanh(self.pool.linear1(y))).softmax(2)
        return self.linear(self.bn(weighted_statistics(x, weight, 1e-10)))


def triangles(n_fft, lowest_hz, highest_hz, to_mel, from_mel, in_mel):
    """80 triangular filters, [n_fft / 2 + 1, 80], double."""
    mels = torch.linspace(to_mel(lowest_hz), to_mel(highest_hz), 82, dtype=torch.double)
    edges = mels if in_mel else torch.tensor([from_mel(float(m)) for m in mels])
    hz = torch.linspace(0, 8000, n_fft // 2 + 1, dtype=torch.double)
    at = torch.tensor([to_mel(float(f)) for f in hz]) if in_mel else hz
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    up, down = (at[:, None] - low) / (mid - low), (high - at[:, None]) / (high - mid)
    return torch.minimum(up, down).clamp(min=0)


def without_mean(levels):
    return (levels - levels.mean(1, keepdim=True)).float()


def speechbrain_features(wave):
    return features.fbank(wave)


def tao_features(wave):
    """Pre-emphasis, mirrored at the beginning; power mel spectrum; ln(x + 1e-6)."""
    wave = wave.double()
    wave = wave - 0.97 * F.pad(wave[:, None], (1, 0), "reflect")[:, 0, :-1]
    window = torch.hamming_window(400, dtype=torch.double)
    spectrum = torch.stft(wave, 512, 160, 400, window, return_complex=True).abs() ** 2
    filters = triangles(512, 20, 7600, lambda f: 2595 * math.log10(1 + f / 700),
                        lambda m: 700 * (10 ** (m / 2595) - 1), False)
    return without_mean((spectrum.transpose(1, 2) @ filters + 1e-6).log())


def povey():
    return torch.hann_window(400, False, dtype=torch.double) ** 0.85


def kaldi_levels(frames, window):
    """Of frames [T, 400], double."""
    frames = frames - frames.mean(1, keepdim=True)
    frames = frames - 0.97 * F.pad(frames[:, None], (1, 0), "replicate")[:, 0, :-1]
    power = torch.fft.rfft(frames * window, 512).abs() ** 2
    filters = triangles(512, 20, 8000, lambda f: 1127 * math.log(1 + f / 700), None, True)
    return (power @ filters).clamp(min=torch.finfo(torch.float32).eps).log()


def kaldi_features(wave, window, scale=32768, mirrored=True):
    """Kaldi's frames; mirrored: one more before and two after them, as the runtime has."""
    wave = wave.double() * scale
    if mirrored:
        wave = F.pad(wave[:, None], (160, 240), "reflect")[:, 0]
    return without_mean(kaldi_levels(wave[0].unfold(0, 400, 160), window)[None])


def wespeaker_features(wave):
    return kaldi_features(wave, torch.hamming_window(400, False, dtype=torch.double))


FRONTS = {
    "speechbrain": speechbrain_features,
    "taoruijie": tao_features,
    "wespeaker": wespeaker_features,
    "kaldi": lambda wave: kaldi_features(wave, povey()),
    "3dspeaker": lambda wave: kaldi_features(wave, povey(), 1),
}


@torch.no_grad()
def randomised(model, seed):
    """Statistics of batch norms that fit, affine parameters that matter."""
    torch.manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.weight.normal_(1.0, 0.2)
            module.bias.normal_(0.0, 0.2)
            module.momentum = None
    model.train()
    model(10 * torch.randn(4, 120, 80).cumsum(1).sub_(0) / 30)
    return model.eval()
