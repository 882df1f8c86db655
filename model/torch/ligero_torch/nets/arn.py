# SPDX-License-Identifier: Apache-2.0
"""The attentive recurrent network (spec 1.1) with the switches of spec 1.2."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from . import taps
from .taps import tap

EXPANSION = 4  # the feed-forward is 4 N wide


class Arn(nn.Module):
    """Sequence [S, T, inputs] -> [S, T, N].

    size: N. config: ArnConfig. causal: LSTM(N) and attention to the past, else BLSTM(N / 2 per
    direction) and unbounded attention. inputs: width of the sequence, N unless given; norm_input:
    whether step 1, LN_in, is there (the ARN_frame of form F1 has none). layout: that of the taps.
    """

    def __init__(self, name, size, config, causal, inputs=None, norm_input=True, layout="btc"):
        super().__init__()
        self.tap_name = name
        self.layout = layout
        self.size = size
        self.causal = causal
        self.window = config.window if causal else 0
        inputs = inputs or size
        self.ln_in = nn.LayerNorm(inputs) if norm_input else None
        self.lstm = nn.LSTM(inputs, size if causal else size // 2, batch_first=True,
                            bidirectional=not causal)
        self.ln_v = nn.LayerNorm(size)
        self.ln_q = nn.LayerNorm(size)
        self.w_q = nn.Linear(size, size)
        self.w_s = nn.Linear(size, size)
        self.w_t = nn.Linear(size, size)
        self.q_norm = nn.LayerNorm(size) if config.q_norm else None
        bound = 1.0 / math.sqrt(size)
        self.g_q, self.g_k, self.g_v = (
            nn.Parameter(torch.empty(size).uniform_(-bound, bound)) for _ in range(3))
        self.ln_f = nn.LayerNorm(size)
        self.ln_o = nn.LayerNorm(size)
        self.ff = nn.Linear(size, EXPANSION * size)
        self.ff2 = (nn.Linear(EXPANSION * size, size)
                    if config.feed_forward == "two_linear" else None)
        self.dropout = nn.Dropout(config.dropout)

    def value_gate(self):
        """w of step 4, [N]; it depends on no input."""
        v = torch.sigmoid(self.g_v)
        return torch.sigmoid(self.w_s(v)) * torch.tanh(self.w_t(v))

    def mask(self, frames, device):
        """Keys that a query sees, bool [T, T]; None: all. Causal: t - window + 1 .. t."""
        if not self.causal:
            return None
        t = torch.arange(frames, device=device)
        age = t[:, None] - t[None, :]
        seen = age >= 0
        return seen & (age < self.window) if self.window else seen

    def query(self, r):
        """W_q r + b_q, normalised where the switch says so, gated by sigma(g_q)."""
        q = tap(self.tap_name + ".w_q", self.w_q(r), self.layout)
        if self.q_norm is not None:
            q = tap(self.tap_name + ".q_norm", self.q_norm(q), self.layout)
        return q * torch.sigmoid(self.g_q)

    def attend(self, r, u):
        """A V of steps 4 to 6, with the folds of spec 1.5: keys and values are both u."""
        query = self.query(r)
        folded = query * (torch.sigmoid(self.g_k) / math.sqrt(self.size))
        if taps.on():
            self._record(query, folded, u)
        context = F.scaled_dot_product_attention(
            folded.unsqueeze(1), u.unsqueeze(1), u.unsqueeze(1),
            attn_mask=self.mask(u.shape[1], u.device), scale=1.0).squeeze(1)
        return context * self.value_gate()

    def attend_unfolded(self, r, u):
        """A V written out as in step 4; the specification of `attend`."""
        key = u * torch.sigmoid(self.g_k)
        value = u * self.value_gate()
        scores = self.query(r) @ key.transpose(1, 2) / math.sqrt(self.size)
        mask = self.mask(u.shape[1], u.device)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        return torch.softmax(scores, dim=-1) @ value

    def _record(self, query, folded, u):
        n, layout = self.tap_name, self.layout
        tap(n + ".query", query, layout)
        tap(n + ".query_folded", folded, layout)
        tap(n + ".key", u * torch.sigmoid(self.g_k), layout)
        tap(n + ".value", u * self.value_gate(), layout)
        scores = folded @ u.transpose(1, 2)
        mask = self.mask(u.shape[1], u.device)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        tap(n + ".context", torch.softmax(scores, dim=-1) @ u, layout)

    def feed_forward(self, z):
        """Step 8: 4 N wide, GELU, then split and add, or a second linear."""
        n, layout = self.tap_name + ".ff", self.layout
        f = tap(n + ".linear", self.ff(z), layout)
        f = self.dropout(tap(n + ".gelu", F.gelu(f), layout))
        if self.ff2 is not None:
            return tap(n, self.ff2(f), layout)
        return tap(n, f.unflatten(-1, (EXPANSION, self.size)).sum(-2), layout)

    def forward(self, x):
        n, layout = self.tap_name, self.layout
        if self.ln_in is not None:
            x = tap(n + ".ln_in", self.ln_in(x), layout)
        h = tap(n + ".lstm", self.lstm(x)[0], layout)
        if taps.on() and not self.causal:
            forward, backward = h.chunk(2, dim=-1)
            tap(n + ".lstm.forward", forward, layout)
            tap(n + ".lstm.backward", backward, layout)
        u = tap(n + ".ln_v", self.ln_v(h), layout)
        r = tap(n + ".ln_q", self.ln_q(h), layout)
        y = tap(n + ".attention", self.attend(r, u), layout)
        y = tap(n + ".residual", r + y, layout)
        z = tap(n + ".ln_f", self.ln_f(y), layout)
        s = tap(n + ".ln_o", self.ln_o(y), layout)
        return tap(n + ".out", s + self.feed_forward(z), layout)
