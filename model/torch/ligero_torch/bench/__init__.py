# SPDX-License-Identifier: Apache-2.0
"""Cost and speed: of every form (costs.py), beside other runtimes (runtimes.py)."""
