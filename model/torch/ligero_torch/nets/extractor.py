# SPDX-License-Identifier: Apache-2.0
"""What every system shares: the frozen speaker network, profiles, what a separator sees of a mixture.

A system (systems.py lists them) is a subclass of Extractor with its configuration beside it.
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from torch import nn

from . import features, taps
from .ecapa import Ecapa
from .taps import tap


class Extractor(nn.Module):
    """Target speaker extraction from a local-global speaker representation.

    A subclass has `Config` (a config.SystemConfig), `local_network()` and `separator()`, which make
    the modules `local` and `sep`, and `extract`. The global network is frozen: no gradient, always
    in eval mode. Waveforms are float [batch, samples] at 16 kHz.
    """

    Config = None
    recordings = 2  # that `forward` takes: a mixture, an anchor
    first_stage = None  # the spectrum of a system's first stage, where `extract` in training leaves one

    def __init__(self, config):
        super().__init__()
        self.config = config
        if config.has_global:
            self.ecapa = Ecapa(config).requires_grad_(False)
        if config.has_local:
            self.local = self.local_network()
        self.sep = self.separator()
        self.train(self.training)

    def local_network(self):
        """Anchor spectrum [B, T2, 161] and mask -> the list of maps [B, C_l, F_l]."""
        raise NotImplementedError

    def separator(self):
        raise NotImplementedError

    def extract(self, mix, profile):
        """The target's voice. mix: [B, samples]; profile: from `enroll`.

        Returns the waveform [B, samples], its spectrum S_hat and the mixture's X, both complex
        [B, T, bins] at the mixture's own level. In training the local maps are folded (spec 2.9).
        """
        raise NotImplementedError

    def bounded_layers(self):
        """Layers whose outputs go into a bounded activation; export.randomise keeps those outputs
        where that activation is neither linear nor saturated."""
        return ()

    def randomise(self, generator):
        """For export.randomise: parameters that no layer of PyTorch holds."""

    def spectrum(self, wave):
        """The spectrum that `extract` filters: [B, samples] -> complex [B, T, bins]."""
        return features.stft(wave)

    @torch.no_grad()
    def warm_start(self):
        """Weights to begin training with, where the plain random ones make a slow start: here the
        projected embedding, which multiplies, begins as 1 plus a little."""
        if hasattr(self.sep, "projection"):
            self.sep.projection.weight.normal_(0.0, 0.5 / math.sqrt(self.config.ecapa.embedding))
            self.sep.projection.bias.fill_(1.0)

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

    @functools.cached_property
    def map_shapes(self):
        """(C_l, F_l) of the local maps."""
        training = self.local.training
        self.local.eval()
        with torch.no_grad():
            frame = torch.zeros(1, 1, features.NUM_BINS, dtype=torch.complex64,
                                device=next(self.local.parameters()).device)
            shapes = [tuple(level.shape[1:]) for level in self.local(frame)]
        self.local.train(training)
        return shapes

    # -- the speaker -----------------------------------------------------------------------------

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
        """The local network's maps of an anchor, [B, C_l, F_l], averaged over time.

        anchor: [B, samples]; lengths: [B] samples where anchors are padded, or None.
        """
        return self._local_maps(self._scaled_anchor(anchor, lengths), lengths)

    def _local_maps(self, scaled, lengths):
        spectrum = tap("anchor.stft", features.stft(scaled), "complex")
        spectrum = self._compressed("anchor.compressed", spectrum)
        if taps.on():
            tap("anchor.mag", spectrum.abs(), "btf")
        return self.local(spectrum, features.frame_mask(features.frame_lengths(lengths),
                                                        spectrum.shape[1]))

    def profile(self, embedding=None, maps=()):
        """What the separator needs of a speaker: {"embedding": [B, N], "local_0": [B, C_0, F_0],
        ...}, the parts that the form has.

        embedding: raw [B, E] as `embed` gives it (projected where the separator has a projection);
        maps: as `local_maps` gives them.
        """
        out = {f"local_{i}": level for i, level in enumerate(maps)}
        if self.config.has_global:
            if self.config.normalise_embedding:
                embedding = tap("sep.embedding_normalised", F.normalize(embedding, dim=1), "bc")
            if hasattr(self.sep, "projection"):
                embedding = tap("sep.projection", self.sep.projection(embedding), "bc")
            out["embedding"] = embedding
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

    # -- the mixture -----------------------------------------------------------------------------

    def _compressed(self, name, spectrum):
        if self.config.compression == 1.0:
            return spectrum
        return tap(name, features.compress(spectrum, self.config.compression), "complex")

    def _spectra(self, mix):
        """The mixture's spectrum X, complex [B, T, 161], the same as the network sees it (at the
        input level, compressed), and the gain of that level [B, T]."""
        spectrum = tap("mix.stft", self.spectrum(mix), "complex")
        gain = features.input_gain(mix, self.config.input_level)
        tap("mix.gain", gain.unsqueeze(2), "btc")
        scaled = tap("mix.scaled", spectrum * gain.unsqueeze(2), "complex")
        return spectrum, self._compressed("mix.compressed", scaled), gain

    @staticmethod
    def _wave(spectrum, samples):
        wave = features.istft(spectrum, samples)
        tap("sep.istft", wave[0], "tfc")
        return wave

    def forward(self, mix, anchor, embedding=None, lengths=None):
        """enroll, then extract; arguments and results as theirs."""
        return self.extract(mix, self.enroll(anchor, lengths, embedding))
