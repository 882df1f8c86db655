"""LGR-TSE (spec 2): global and local speaker networks, and the separator, after Table 1."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from . import features, taps
from .arn import Arn
from .ecapa import Ecapa
from .layers import ConvBlock, DeconvBlock, deep_filter
from .local import LocalNetwork
from .taps import tap

NUM_LEVELS = 5
ENCODER_BINS = 4  # bins left after the five encoder layers: 161, 80, 39, 19, 9, 4


class Separator(nn.Module):
    """Scaled mixture features and a profile to deep filter coefficients (spec 2.3, 2.4)."""

    def __init__(self, config):
        super().__init__()
        c = self.config = config
        n = c.arn_size
        if c.has_global:
            self.projection = nn.Linear(c.ecapa.embedding, n)
        mixture = 3 if c.mix_feats == "mag_re_im" else 2
        level0 = 1 if c.level0 == "arn" else 2
        for i in range(NUM_LEVELS):
            own = mixture if i == 0 else c.channels[i - 1]
            local = (level0 if i == 0 else c.channels[i - 1]) if c.has_local else 0
            self.add_module(f"conv2d_{i + 1}", ConvBlock(
                f"sep.conv2d_{i + 1}", own + local, c.channels[i], c.causal, c.prelu))
        self.arn = Arn("sep.arn", n, c.arn, c.causal)
        taps_out = 2 * c.deep_filter.frames * c.deep_filter.bins
        for i in range(NUM_LEVELS, 0, -1):
            self.add_module(f"deconv2d_{i}", DeconvBlock(
                f"sep.deconv2d_{i}", 2 * c.channels[i - 1],
                c.channels[i - 2] if i > 1 else taps_out, c.causal, c.prelu,
                # 39 bins become 79 without it, and the skip has 80 (spec 2.2).
                output_padding=1 if i == 2 else 0,
                activation="bn_prelu" if i > 1 else c.last_activation))

    def forward(self, feats, profile, fold):
        """feats: [B, 2 or 3, T, 161]; profile: as LgrTse.enroll; fold: see ConvBlock.forward.

        Returns [B, 2 * taps, T, 161].
        """
        x = feats
        skips = []
        for i in range(1, NUM_LEVELS + 1):
            x = self.get_submodule(f"conv2d_{i}")(x, profile.get(f"local_{i - 1}"), fold)
            skips.append(x)
        # reshape_1: index c * 4 + f.
        x = tap("sep.reshape_1", x.transpose(1, 2).flatten(2), "btc")
        if self.config.has_global:
            x = tap("sep.modulated", x * profile["embedding"].unsqueeze(1), "btc")
        x = self.arn(x).unflatten(2, (-1, ENCODER_BINS)).transpose(1, 2)
        x = tap("sep.reshape_2", x, "bctf")
        for i in range(NUM_LEVELS, 0, -1):
            x = self.get_submodule(f"deconv2d_{i}")(x, skips[i - 1])
        return x


class LgrTse(nn.Module):
    """Target speaker extraction with a local-global speaker representation.

    config: config.Config. The global network is frozen: no gradient, always in eval mode.
    Waveforms are float [batch, samples] at 16 kHz.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        if config.has_global:
            self.ecapa = Ecapa(config).requires_grad_(False)
        if config.has_local:
            self.local = LocalNetwork(config)
        self.sep = Separator(config)
        self.train(self.training)

    def train(self, mode=True):
        """Sets the mode of all but frozen speaker networks, which stay as they are in use."""
        super().train(mode)
        if self.config.has_global:
            self.ecapa.eval()
        if self.local_is_frozen:
            self.local.eval()
        return self

    @property
    def local_is_frozen(self):
        """Whether there is a local network and none of it is trained."""
        return self.config.has_local and not any(
            p.requires_grad for p in self.local.parameters())

    def _scaled_anchor(self, anchor, lengths):
        anchor = features.mask_samples(anchor, lengths)
        return anchor * features.file_gain(anchor, lengths)

    def embed(self, anchor, lengths=None):
        """Raw ECAPA embedding of an anchor recording, [B, E]; no gradient.

        anchor: [B, samples]; lengths: [B] samples where anchors are padded, or None.
        Raises ValueError in form `local`, which has no global network.
        """
        if not self.config.has_global:
            raise ValueError("form `local` has no global speaker network")
        with torch.no_grad():
            return self._embed(self._scaled_anchor(anchor, lengths), lengths)

    def _embed(self, scaled, lengths):
        return self.ecapa(features.fbank(scaled, lengths), features.frame_lengths(lengths))

    def local_maps(self, anchor, lengths=None):
        """The local network's five maps of an anchor, [B, C_l, F_l], averaged over time.

        anchor: [B, samples]; lengths: [B] samples where anchors are padded, or None.
        """
        return self._local_maps(self._scaled_anchor(anchor, lengths), lengths)

    def _local_maps(self, scaled, lengths):
        spectrum = tap("anchor.stft", features.stft(scaled), "complex")
        spectrum = self._compressed("anchor.compressed", spectrum)
        return self.local(spectrum, features.frame_mask(features.frame_lengths(lengths),
                                                        spectrum.shape[1]))

    def profile(self, embedding=None, maps=()):
        """What the separator needs of a speaker: {"embedding": projected [B, N], "local_0" ..
        "local_4": [B, C_l, F_l]}, the parts that the form has.

        embedding: raw [B, E] as `embed` gives it; maps: as `local_maps` gives them.
        """
        out = {f"local_{i}": level for i, level in enumerate(maps)}
        if self.config.has_global:
            if self.config.normalise_embedding:
                embedding = tap("sep.embedding_normalised", F.normalize(embedding, dim=1), "bc")
            out["embedding"] = tap("sep.projection", self.sep.projection(embedding), "bc")
        return out

    def enroll(self, anchor, lengths=None, embedding=None):
        """The profile of an anchor recording: `profile` of its embedding and its local maps.

        anchor: [B, samples]; lengths: [B] samples where anchors are padded, or None.
        embedding: raw [B, E] to use in place of `embed(anchor)`, or None.
        """
        scaled = self._scaled_anchor(anchor, lengths)
        if taps.on():
            tap("anchor.gain", features.file_gain(anchor)[0].expand(
                features.num_frames(anchor.shape[-1]))[:, None, None], "tfc")
            tap("anchor.scaled", features.hops(scaled[:1]), "tfc")
        if self.config.has_global and embedding is None:
            with torch.no_grad():
                embedding = self._embed(scaled, lengths)
        return self.profile(
            embedding, self._local_maps(scaled, lengths) if self.config.has_local else ())

    def _compressed(self, name, spectrum):
        if self.config.compression == 1.0:
            return spectrum
        return tap(name, features.compress(spectrum, self.config.compression), "complex")

    def _mixture_features(self, spectrum, mix):
        gain = features.input_gain(mix, self.config.input_level)
        tap("mix.gain", gain.unsqueeze(2), "btc")
        scaled = tap("mix.scaled", spectrum * gain.unsqueeze(2), "complex")
        scaled = self._compressed("mix.compressed", scaled)
        parts = [scaled.real, scaled.imag]
        if self.config.mix_feats == "mag_re_im":
            parts.insert(0, tap("mix.mag", scaled.abs(), "btf"))
        return tap("mix.feats", torch.stack(parts, dim=1), "bctf")

    def extract(self, mix, profile):
        """The target's voice. mix: [B, samples]; profile: from `enroll`.

        Returns the waveform [B, samples], its spectrum S_hat and the mixture's X, both complex
        [B, T, 161] at the mixture's own level. In training the local maps are folded (spec 2.9).
        """
        spectrum = tap("mix.stft", features.stft(mix), "complex")
        h = self.sep(self._mixture_features(spectrum, mix), profile, fold=self.training)
        c = self.config
        filtered = deep_filter(h, spectrum, c.deep_filter.frames, c.deep_filter.bins, c.causal)
        tap("sep.filtered", filtered, "complex")
        wave = features.istft(filtered, mix.shape[-1])
        tap("sep.istft", wave[0], "tfc")
        return wave, filtered, spectrum

    def forward(self, mix, anchor, embedding=None, lengths=None):
        """enroll, then extract; arguments and results as theirs."""
        return self.extract(mix, self.enroll(anchor, lengths, embedding))
