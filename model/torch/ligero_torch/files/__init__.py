# SPDX-License-Identifier: Apache-2.0
"""What goes out and comes in: weights, checkpoints, recorded activations, the command-line tools."""
