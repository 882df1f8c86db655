# SPDX-License-Identifier: Apache-2.0
"""Batch norm over the whole batch of several processes, on any device.

PyTorch's SyncBatchNorm refuses processors. This one averages by an all-reduce of its own, in a group of
its own, so that N processes with B items each train as one process with N B items does.
"""

from __future__ import annotations

import torch
from torch import nn


class _Sum(torch.autograd.Function):
    """The sum over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx, x, group):
        ctx.group = group
        x = x.clone()
        torch.distributed.all_reduce(x, group=group)
        return x

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.clone()
        torch.distributed.all_reduce(gradient, group=ctx.group)
        return gradient, None


class SharedBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm2d whose statistics in training are those of all processes together."""

    group = None

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        values = x.float()
        axes = (0, 2, 3)
        count = values.numel() / values.shape[1]
        first = _Sum.apply(torch.cat([values.sum(axes), values.new_tensor([count])]), self.group)
        total = first[-1].detach()
        mean = first[:-1] / total
        centred = values - mean[:, None, None]
        variance = _Sum.apply(centred.square().sum(axes), self.group) / total
        with torch.no_grad():
            self.num_batches_tracked += 1
            rate = (1.0 / float(self.num_batches_tracked) if self.momentum is None
                    else self.momentum)
            self.running_mean.lerp_(mean, rate)
            self.running_var.lerp_(variance * total / (total - 1.0), rate)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def share_batch_norms(model: nn.Module) -> None:
    """Makes the trained batch norms of `model` shared. Every process calls it, with the same model."""
    group = torch.distributed.new_group()
    for module in model.modules():
        if type(module) is nn.BatchNorm2d and module.weight.requires_grad:
            module.__class__ = SharedBatchNorm2d  # the same parameters under the same names
            module.group = group
