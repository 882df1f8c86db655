# SPDX-License-Identifier: Apache-2.0
"""Scores: of a list of mixtures (score.py), of one file (infer.py), beside the runtime (parity.py)."""
