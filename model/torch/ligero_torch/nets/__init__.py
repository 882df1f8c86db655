# SPDX-License-Identifier: Apache-2.0
"""The networks: their building blocks, configurations and the list of systems (systems.py)."""
