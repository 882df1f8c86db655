# SPDX-License-Identifier: Apache-2.0
"""BSRNN: a band-split recurrent network with a local-global speaker representation.

Band split as in BSRNN (Luo and Yu, 2023), the speaker as in personalised BSRNN, light enough for a hop
on a small core: within a frame the bands talk to each other through one two-way LSTM, over time each
band goes its own way through one LSTM whose weights all bands share. No convolution, no norm over
time, no attention. Order of the parts:

    wave -> analysis -> spectrum -> features (at the running level) -> encoder
         -> blocks x (band half, time half) -> decoder -> deep filter on the spectrum -> synthesis
                                            `-> activity (where the configuration has it)
    embedding, anchor statistics -> conditioning -> one vector per band -> maps for every part

Letters in the shapes: B items, T frames (10 ms), 257 bins, 32 bands, C channels, H cells, D directions,
M speaker values per band, E values of the embedding. bsrnn_stream.py runs it hop by hop;
train/fast/fused.py computes it faster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import features
from .asymmetric import ANALYSIS, BINS, istft, running_gain, stft
from .config import SystemConfig, choice, count, exponent, fail
from .extractor import Extractor
from .taps import tap

FLOOR = 1e-8       # under the power of a bin
NORM_FLOOR = 1e-5  # under the variance of a layer norm
TAPS = 5           # frames of the deep filter: t, t - 1, ... t - 4
PLANES = 7         # features of a bin

# Groups of equally wide bands: (bands, bins of each). 256 bins; bin 256 belongs to no band.
GROUPS = ((16, 4), (8, 8), (8, 16))
BANDS = sum(count for count, _ in GROUPS)
WIDTHS = [width for count, width in GROUPS for _ in range(count)]


@dataclass
class BsrnnConfig(SystemConfig):
    """The defaults are the sizes of bsrnn-live.

    cell_limit: the cells of the time halves stay within +-cell_limit, so that nothing that went on for
                long, noise or another voice, leaves a state that speech takes long to change; 0: no
                bound.
    activity: hidden values of the network that tells whether the person speaks; 0: there is none.
    """

    window: int = field(default=ANALYSIS, metadata={"choices": (ANALYSIS,)})
    input_level: str = choice("window", "file", "window", "none")
    compression: float = exponent(0.3)
    channels: int = count(48)        # C, between the parts
    time_hidden: int = count(48)     # H of the time halves
    band_hidden: int = count(32)     # H of the band halves, in each direction
    blocks: int = count(8)
    speaker: int = count(64)         # M
    decoder_hidden: int = count(96)
    cell_limit: float = field(default=0.0, metadata={"above": -1e-9, "most": 1e6})
    activity: int = count(0, least=0)

    def check(self, path):
        super().check(path)
        if self.normalise_embedding:
            fail(f"{path}.normalise_embedding", True, "false: this system has no use for it")


# ---------------------------------------------------------------------------------------------
# bands


def band_windows(x: Tensor) -> list[Tensor]:
    """Bins of every band and one more on each side: [.., 257] -> per group [.., bands, width + 2].
    Bin -1 is zero."""
    padded, start, out = F.pad(x, (1, 1)), 0, []
    for number, width in GROUPS:
        part = padded[..., start:start + number * width + 2]
        out.append(part.unfold(-1, width + 2, width))
        start += number * width
    return out


def by_group(weight: Tensor, rows: list[int]) -> list[Tensor]:
    """A matrix whose rows lie band by band: [sum, N] -> per group [bands, rows, N].
    rows: of one band of each group."""
    parts = weight.split([number * n for (number, _), n in zip(GROUPS, rows)])
    return [p.unflatten(0, (number, n)) for p, (number, _), n in zip(parts, GROUPS, rows)]


def band_matrices(sizes: list[int], columns: int) -> nn.Parameter:
    """One random matrix per band, row below row. sizes: rows of one band of each group."""
    return nn.Parameter(torch.cat([torch.randn(n, columns) / math.sqrt(n)
                                   for (number, _), n in zip(GROUPS, sizes)
                                   for _ in range(number)]))


# ---------------------------------------------------------------------------------------------
# speaker


class AnchorStatistics(nn.Module):
    """The local network: it has no weights. Mean and deviation (over T - 1) along time of |S|^p in
    each bin of an anchor at rms 1: the one map [B, 2, 257]."""

    def __init__(self, power: float):
        super().__init__()
        self.power = power

    def forward(self, spectrum, mask=None):
        """spectrum: complex [B, T, 257]; mask: [B, T], 0 in the padding, or None."""
        power = spectrum.real.square() + spectrum.imag.square() + FLOOR
        magnitude = tap("anchor.magnitude", power.pow(self.power / 2), "btf")
        if mask is None:
            mean, deviation = magnitude.mean(1), magnitude.std(1)
        else:
            weight, frames = mask[:, :, None], mask.sum(1)[:, None]
            mean = (magnitude * weight).sum(1) / frames
            squares = ((magnitude - mean[:, None]).square() * weight).sum(1)
            deviation = (squares / (frames - 1)).sqrt()
        return [torch.stack([mean, deviation], 1)]


class Conditioning(nn.Module):
    """The enrolled voice as one vector per band.

    u[f] = silu(join(silu(embedding(e)), tanh(anchor[f]))). anchor[f] is a linear map of what band f
    and one more bin on each side hold of the anchor's statistics, standardised by constants of the
    training data. The forms `local` and `global` join one of the two.
    """

    def __init__(self, c: BsrnnConfig):
        super().__init__()
        self.sizes = [2 * (width + 2) for _, width in GROUPS]
        if c.has_global:
            self.embedding = nn.Linear(c.ecapa.embedding, c.speaker)
        if c.has_local:
            self.anchor_weight = band_matrices(self.sizes, c.speaker)
        self.join = nn.Linear((c.has_global + c.has_local) * c.speaker, c.speaker)
        if c.has_local:
            self.register_buffer("anchor_mean", torch.zeros(2, BINS))
            self.register_buffer("anchor_scale", torch.ones(2, BINS))

    def forward(self, embedding, statistics) -> Tensor:
        """embedding [B, E] and statistics [B, 2, 257], either None where the form lacks it
        -> u [B, 32, M]."""
        parts = []
        if embedding is not None:
            whole = tap("speaker.embedding", F.silu(self.embedding(embedding)), "bc")
            parts.append(whole[:, None].expand(-1, BANDS, -1))
        if statistics is not None:
            anchor = (statistics - self.anchor_mean) * self.anchor_scale
            weights = by_group(self.anchor_weight, self.sizes)
            local = torch.cat([torch.einsum("bfk,fkm->bfm", x.permute(0, 2, 1, 3).flatten(2), w)
                               for x, w in zip(band_windows(anchor), weights)], 1)
            parts.append(tap("speaker.local", torch.tanh(local), "bc"))
        return tap("speaker.bands", F.silu(self.join(torch.cat(parts, -1))), "bc")


class Norm(nn.Module):
    """Layer norm over the channels, then a map of the speaker: scale * LN(z) + shift.

    scale = own_scale (1 + G u), shift = own_shift + B u: constants of a speaker, [B, 32, C].
    """

    def __init__(self, c: BsrnnConfig, spread: float = 0.0):
        super().__init__()
        self.own_scale = nn.Parameter(torch.ones(BANDS, c.channels))
        self.own_shift = nn.Parameter(torch.zeros(BANDS, c.channels))
        self.speaker = nn.Linear(c.speaker, 2 * c.channels)
        nn.init.normal_(self.speaker.weight, 0.0, spread / math.sqrt(c.speaker))
        nn.init.zeros_(self.speaker.bias)

    def maps(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """u [B, 32, M] -> scale, shift [B, 32, C]."""
        scale, shift = self.speaker(u).chunk(2, -1)
        return self.own_scale * (1 + scale), self.own_shift + shift

    @staticmethod
    def apply_maps(z: Tensor, maps: tuple[Tensor, Tensor]) -> Tensor:
        """z [B, 32, C], or with frames [B, T, 32, C]; maps [B, 32, C]."""
        scale, shift = maps if z.dim() == 3 else (m[:, None] for m in maps)
        return F.layer_norm(z, z.shape[-1:], eps=NORM_FLOOR) * scale + shift


def norm_maps(profile: dict, index: int) -> tuple[Tensor, Tensor]:
    """Scale and shift of a norm: band half, time half, band half, ... decoder."""
    return profile[f"scale_{index}"], profile[f"shift_{index}"]


# ---------------------------------------------------------------------------------------------
# features and encoder


class Features(nn.Module):
    """Seven values of a bin: compressed real part, imaginary part and magnitude, standardised by
    constants of the training data; real and imaginary part of frame t - 1; the same of t - 2."""

    def __init__(self, power: float):
        super().__init__()
        self.power = power
        self.register_buffer("complex_scale", torch.ones(BINS))
        self.register_buffer("magnitude_mean", torch.zeros(BINS))
        self.register_buffer("magnitude_scale", torch.ones(BINS))

    def compress(self, spectrum: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        """spectrum [.., 257], gain [..] -> real and imaginary [.., 2, 257], magnitude [.., 257].
        x |x|^(p - 1) and |x|^p of x = gain * spectrum."""
        x = spectrum * gain[..., None]
        power = x.real.square() + x.imag.square() + FLOOR
        factor = power.pow((self.power - 1) / 2)
        parts = torch.stack([x.real, x.imag], -2) * (factor * self.complex_scale)[..., None, :]
        magnitude = (power.sqrt() * factor - self.magnitude_mean) * self.magnitude_scale
        return parts, magnitude

    def forward(self, spectrum: Tensor, gain: Tensor) -> Tensor:
        """spectrum [B, T, 257], gain [B, T] -> [B, T, 7, 257]; frames before the first are zero."""
        parts, magnitude = self.compress(spectrum, gain)
        one, two = (F.pad(parts, (0, 0, 0, 0, n, 0))[:, :parts.shape[1]] for n in (1, 2))
        return torch.cat([parts, magnitude[:, :, None], one, two], 2)


class Encoder(nn.Module):
    """A linear map per band: 7 features of its w bins and one more on each side -> C channels.

    weight: rows band by band, within a band feature by feature. The bias is a map of the speaker.
    """

    def __init__(self, c: BsrnnConfig):
        super().__init__()
        self.sizes = [PLANES * (width + 2) for _, width in GROUPS]
        self.weight = band_matrices(self.sizes, c.channels)
        self.own_bias = nn.Parameter(torch.zeros(BANDS, c.channels))
        self.speaker = nn.Linear(c.speaker, c.channels)
        nn.init.normal_(self.speaker.weight, 0.0, 0.02)

    def bias(self, u: Tensor) -> Tensor:
        """u [B, 32, M] -> [B, 32, C]."""
        return self.own_bias + self.speaker(u)

    def forward(self, planes: Tensor, bias: Tensor) -> Tensor:
        """planes [B, T, 7, 257], bias [B, 32, C] -> z [B, T, 32, C]."""
        weights = by_group(self.weight, self.sizes)
        z = torch.cat([torch.einsum("btfk,fkc->btfc", x.permute(0, 1, 3, 2, 4).flatten(3), w)
                       for x, w in zip(band_windows(planes), weights)], 2)
        return z + bias[:, None]


# ---------------------------------------------------------------------------------------------
# the two halves of a block


def lstm_cell(x: Tensor, h: Tensor, c: Tensor, weight: Tensor, bias: Tensor,
              limit: float = 0.0) -> tuple[Tensor, Tensor]:
    """One step: x [N, C], h and c [N, H], weight [C + H, 4 H], bias [4 H] -> new h and c.
    limit: bound of |c|, 0 for none."""
    i, f, g, o = (torch.cat([x, h], -1) @ weight + bias).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    if limit:
        c = c.clamp(-limit, limit)
    return torch.sigmoid(o) * torch.tanh(c), c


def lstm(x: Tensor, weight: Tensor, bias: Tensor, limit: float = 0.0) -> Tensor:
    """`lstm_cell` from zero state along a sequence: x [N, S, C] -> [N, S, D H].

    weight [D, C + H, 4 H], bias [D, 4 H]. D = 2: the second direction starts at the end, and the
    outputs of both lie beside each other.
    """
    directions, hidden = weight.shape[0], weight.shape[2] // 4
    if limit:
        return torch.cat([_lstm_steps(x, w, b, limit, bool(d))
                          for d, (w, b) in enumerate(zip(weight, bias))], -1)
    parameters = []
    for w, b in zip(weight, bias):
        of_input, of_state = w.split([x.shape[-1], hidden])
        parameters += [of_input.t(), of_state.t(), b, torch.zeros_like(b)]
    zero = x.new_zeros(directions, x.shape[0], hidden)
    out, _, _ = torch.lstm(x, (zero, zero), parameters, True, 1, 0.0, False, directions == 2, True)
    return out


def _lstm_steps(x: Tensor, weight: Tensor, bias: Tensor, limit: float, reverse: bool) -> Tensor:
    """One direction of `lstm`, a step after the other: PyTorch's own has no bound."""
    h = c = x.new_zeros(x.shape[0], weight.shape[1] // 4)
    out = []
    for step in reversed(x.unbind(1)) if reverse else x.unbind(1):
        h, c = lstm_cell(step, h, c, weight, bias, limit)
        out.append(h)
    return torch.stack(out[::-1] if reverse else out, 1)


class Half(nn.Module):
    """z + P LSTM(norm(z)): what the two halves of a block have in common."""

    def __init__(self, c: BsrnnConfig, hidden: int, directions: int, forget_bias: float,
                 spread: float):
        super().__init__()
        bound = 1.0 / math.sqrt(hidden)
        self.limit = 0.0  # of the cells
        self.norm = Norm(c, spread)
        self.weight = nn.Parameter(
            torch.empty(directions, c.channels + hidden, 4 * hidden).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(directions, 4 * hidden).uniform_(-bound, bound))
        self.bias.data[:, hidden:2 * hidden] += forget_bias
        self.out_weight = nn.Parameter(
            torch.randn(directions * hidden, c.channels) * 0.7 / math.sqrt(directions * hidden))
        self.out_bias = nn.Parameter(torch.zeros(c.channels))

    def along(self, sequences: Tensor) -> Tensor:
        """sequences [N, S, C], normed -> what the half adds to them."""
        h = lstm(sequences, self.weight, self.bias, self.limit)
        return h @ self.out_weight + self.out_bias


class BandHalf(Half):
    """Along the bands of a frame, in both directions. It looks at no other frame."""

    def __init__(self, c: BsrnnConfig, spread: float = 0.0):
        super().__init__(c, c.band_hidden, 2, 0.5, spread)

    def forward(self, z: Tensor, maps: tuple[Tensor, Tensor]) -> Tensor:
        """z [B, T, 32, C] -> the same."""
        frames = self.norm.apply_maps(z, maps).flatten(0, 1)
        return z + self.along(frames).unflatten(0, z.shape[:2])


class TimeHalf(Half):
    """Along time, the same weights for every band; in both directions if it is not causal."""

    def __init__(self, c: BsrnnConfig):
        super().__init__(c, c.time_hidden, 1 if c.causal else 2, 1.0, 0.0)
        self.limit = c.cell_limit

    def forward(self, z: Tensor, maps: tuple[Tensor, Tensor]) -> Tensor:
        """z [B, T, 32, C] -> the same."""
        bands = self.norm.apply_maps(z, maps).transpose(1, 2)
        return z + self.along(bands.flatten(0, 1)).unflatten(0, bands.shape[:2]).transpose(1, 2)


class Block(nn.Module):
    """A band half, then a time half."""

    def __init__(self, c: BsrnnConfig, spread: float = 0.0):
        super().__init__()
        self.band = BandHalf(c, spread)
        self.time = TimeHalf(c)


# ---------------------------------------------------------------------------------------------
# decoder and deep filter


class Decoder(nn.Module):
    """Per band two layers, both with tanh: C -> hidden -> complex taps of its w bins in 5 frames.

    weight2: columns band by band, within a band [tap][re, im][bin].
    """

    def __init__(self, c: BsrnnConfig):
        super().__init__()
        hidden, columns = c.decoder_hidden, 2 * TAPS * (BINS - 1)
        self.norm = Norm(c)
        self.weight1 = nn.Parameter(
            torch.randn(BANDS, c.channels, hidden) / math.sqrt(c.channels))
        self.bias1 = nn.Parameter(torch.zeros(BANDS, hidden))
        self.weight2 = nn.Parameter(torch.randn(hidden, columns) * 0.3 / math.sqrt(hidden))
        self.bias2 = nn.Parameter(torch.cat([  # at the start, tap 0 passes 0.6 of the mixture
            F.pad(torch.full((width,), 0.7), (0, (2 * TAPS - 1) * width)) for width in WIDTHS]))

    def normed(self, z: Tensor, maps: tuple[Tensor, Tensor]) -> Tensor:
        """What the two layers see of z [B, T, 32, C]; the same shape."""
        return tap("sep.decoder.norm", self.norm.apply_maps(z, maps), "btfc")

    def forward(self, n: Tensor) -> Tensor:
        """n: `normed` [B, T, 32, C] -> taps, complex [B, T, 5, 256]."""
        h = torch.tanh(torch.einsum("btfc,fch->btfh", n, self.weight1) + self.bias1)
        tap("sep.decoder.hidden", h, "btfc")
        columns = [2 * TAPS * width for _, width in GROUPS]
        weights = by_group(self.weight2.t(), columns)
        biases = by_group(self.bias2[:, None], columns)
        taps = []
        parts = h.split([number for number, _ in GROUPS], 2)
        for group, (part, w, b) in enumerate(zip(parts, weights, biases)):
            y = torch.tanh(torch.einsum("btfh,fkh->btfk", part, w) + b[..., 0])
            y = y.unflatten(-1, (TAPS, 2, -1))
            tap(f"sep.decoder.taps_{group}", y.flip(3).permute(0, 1, 2, 5, 3, 4).flatten(3), "btfc")
            taps.append(y.permute(0, 1, 3, 4, 2, 5).flatten(4))  # [B, T, 5, 2, bands x width]
        real, imaginary = torch.cat(taps, -1).unbind(3)
        return torch.complex(real, imaginary)


class Activity(nn.Module):
    """Whether the enrolled person speaks in a frame: two layers on what the decoder sees of all its
    bands. What it remembers is in the time halves before it."""

    def __init__(self, c: BsrnnConfig):
        super().__init__()
        self.hidden = nn.Linear(BANDS * c.channels, c.activity)
        self.out = nn.Linear(c.activity, 1)

    def forward(self, n: Tensor) -> Tensor:
        """n: `Decoder.normed` [B, T, 32, C] -> log odds [B, T]."""
        hidden = torch.tanh(self.hidden(n.flatten(2)))
        odds = self.out(tap("sep.activity.hidden", hidden, "btc"))
        tap("activity", torch.sigmoid(odds), "btc")
        return odds[..., 0]


def deep_filter(taps: Tensor, history: Tensor) -> Tensor:
    """taps [B, T, 5, 256]; history [B, 4 + T, 257]: the spectrum and the four frames before it.
    Y(t, k) = sum over j of taps(t, j, k) X(t - j, k); bin 256 is zero -> [B, T, 257]."""
    frames = taps.shape[1]
    y = torch.zeros_like(taps[:, :, 0])
    for j in range(TAPS):
        start = TAPS - 1 - j
        y = y + taps[:, :, j] * history[:, start:start + frames, :-1]
    return F.pad(y, (0, 1))


# ---------------------------------------------------------------------------------------------
# the network


class Separator(nn.Module):
    """All that is trained. `profile`: what `speaker` gives, constants while a recording runs."""

    def __init__(self, config: BsrnnConfig):
        super().__init__()
        self.config = config
        self.conditioning = Conditioning(config)
        self.features = Features(config.compression)
        self.encoder = Encoder(config)
        self.blocks = nn.ModuleList(Block(config, 0.3 if i == 0 else 0.0)
                                    for i in range(config.blocks))
        self.decoder = Decoder(config)
        if config.activity:
            self.activity = Activity(config)

    def speaker(self, embedding, statistics) -> dict:
        """embedding [B, E], statistics [B, 2, 257], None where the form lacks it -> {"encoder": its
        bias, "scale_0", "shift_0", ...: of each norm, the decoder's last}, [B, 32, C] each."""
        u = self.conditioning(embedding, statistics)
        norms = [half.norm for block in self.blocks for half in (block.band, block.time)]
        profile = {"encoder": self.encoder.bias(u)}
        for i, norm in enumerate([*norms, self.decoder.norm]):
            profile[f"scale_{i}"], profile[f"shift_{i}"] = norm.maps(u)
        for name, value in profile.items():
            tap(f"profile.{name}", value, "bc")
        return profile

    def of_voice(self, voice: Tensor) -> dict:
        """`speaker` of voices [B, E + 514]: embedding and statistics, whatever the form uses."""
        embedding, statistics = voice.split([voice.shape[1] - 2 * BINS, 2 * BINS], 1)
        return self.speaker(embedding if self.config.has_global else None,
                            statistics.unflatten(1, (2, BINS)) if self.config.has_local else None)

    def level(self, wave: Tensor) -> Tensor:
        """The gain at which the network sees each frame, [B, T]."""
        if self.config.input_level == "window":
            return running_gain(wave)
        return features.input_gain(wave, self.config.input_level)

    def filtered(self, wave: Tensor, profile: dict) -> tuple[Tensor, Tensor, Tensor | None]:
        """wave [B, n] -> spectrum of the target and of the mixture, complex [B, T, 257], and log odds
        of the activity [B, T], where there is one."""
        spectrum = tap("mix.stft", stft(wave), "complex")
        gain = self.level(wave)
        tap("mix.gain", gain.unsqueeze(2), "btc")
        planes = self.features(spectrum, gain)
        tap("mix.features", F.pad(planes[:, :, :3], (0, 0, 0, 1)).transpose(2, 3), "btfc")
        z = tap("sep.encoder", self.encoder(planes, profile["encoder"]), "btfc")
        for i, block in enumerate(self.blocks):
            z = tap(f"sep.block_{i}.band", block.band(z, norm_maps(profile, 2 * i)), "btfc")
            z = tap(f"sep.block_{i}.time", block.time(z, norm_maps(profile, 2 * i + 1)), "btfc")
        n = self.decoder.normed(z, norm_maps(profile, 2 * len(self.blocks)))
        y = deep_filter(self.decoder(n), F.pad(spectrum, (0, 0, TAPS - 1, 0)))
        return (tap("sep.filtered", y, "complex"), spectrum,
                self.activity(n) if self.config.activity else None)

    def both(self, wave: Tensor, voice: Tensor) -> tuple[Tensor, Tensor | None]:
        """Whole recordings: wave [B, n], voice [B, E + 514] -> the enrolled voice [B, n], and log odds
        of its activity [B, T], where there is one."""
        filtered, _, odds = self.filtered(wave, self.of_voice(voice))
        return istft(filtered, wave.shape[-1]), odds

    def forward(self, wave: Tensor, voice: Tensor) -> Tensor:
        """The voice of `both`."""
        return self.both(wave, voice)[0]


class Bsrnn(Extractor):
    """The system. A profile holds the maps of `Separator.speaker`, nothing else of the speaker."""

    Config = BsrnnConfig

    def local_network(self):
        return AnchorStatistics(self.config.compression)

    def separator(self):
        return Separator(self.config)

    @property
    def map_shapes(self):
        return [(2, BINS)]

    def spectrum(self, wave):
        return stft(wave)

    def local_maps(self, anchor, lengths=None):
        """The anchor's statistics, as the one map [B, 2, 257]."""
        anchor = features.mask_samples(anchor, lengths)
        if lengths is None:
            rms = anchor.square().mean(-1, keepdim=True).sqrt() + features.RMS_EPSILON
            spectrum = stft(anchor / rms)
        else:
            spectrum = stft(anchor * features.file_gain(anchor, lengths))
        mask = features.frame_mask(features.frame_lengths(lengths), spectrum.shape[1])
        return self.local(tap("anchor.stft", spectrum, "complex"), mask)

    def profile(self, embedding=None, maps=()):
        return self.sep.speaker(embedding, maps[0] if self.config.has_local else None)

    def enroll(self, anchor, lengths=None, embedding=None):
        if self.config.has_global and embedding is None:
            embedding = self.embed(anchor, lengths)
        return self.profile(embedding,
                            self.local_maps(anchor, lengths) if self.config.has_local else ())

    def extract(self, mix, profile):
        filtered, spectrum, _ = self.sep.filtered(mix, profile)
        wave = istft(filtered, mix.shape[-1])
        tap("sep.istft", wave[0], "tfc")
        return wave, filtered, spectrum

    @torch.no_grad()
    def randomise(self, generator):
        """Every parameter and constant away from where it begins, of a size that keeps the signal."""
        def spread(p, mean, deviation):
            p.copy_(mean + deviation * torch.randn(p.shape, generator=generator))

        sep = self.sep
        for norm in (m for m in sep.modules() if isinstance(m, Norm)):
            spread(norm.own_scale, 1.0, 0.2)
            spread(norm.own_shift, 0.0, 0.2)
        for half in (m for m in sep.modules() if isinstance(m, Half)):
            spread(half.bias, 0.0, 0.3)
            spread(half.out_bias, 0.0, 0.1)
        spread(sep.encoder.own_bias, 0.0, 0.2)
        spread(sep.decoder.bias1, 0.0, 0.2)
        spread(sep.decoder.bias2, 0.0, 0.3)
        sep.features.complex_scale.uniform_(0.5, 1.5, generator=generator)
        sep.features.magnitude_mean.uniform_(0.1, 0.5, generator=generator)
        sep.features.magnitude_scale.uniform_(0.5, 1.5, generator=generator)
        if self.config.has_local:
            sep.conditioning.anchor_mean.uniform_(0.1, 0.5, generator=generator)
            sep.conditioning.anchor_scale.uniform_(0.5, 1.5, generator=generator)


def operations(c: BsrnnConfig) -> dict[str, int]:
    """Multiply-adds per frame (10 ms) by part."""
    directions = 1 if c.causal else 2

    def half(d, h):
        return BANDS * (d * 4 * h * (c.channels + h) + d * h * c.channels)

    out = {
        "encoder": sum(PLANES * (w + 2) * c.channels for w in WIDTHS),
        "band halves": c.blocks * half(2, c.band_hidden),
        "time halves": c.blocks * half(directions, c.time_hidden),
        "decoder": BANDS * c.channels * c.decoder_hidden
                   + c.decoder_hidden * 2 * TAPS * (BINS - 1),
        "activity": c.activity * (BANDS * c.channels + 1),
        "deep filter": 4 * TAPS * BINS,
    }
    return {**out, "total": sum(out.values())}
