# SPDX-License-Identifier: Apache-2.0
"""LGR-TSE and its speaker networks in PyTorch: the reference that the C++ runtime is held to."""

import os

# The recurrent layers open thousands of small parallel regions. Where threads spin between them on
# a machine with other work to do, a training step takes up to ten times as long; sleeping costs
# little on an idle one. Takes effect only if PyTorch has not been imported yet.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
