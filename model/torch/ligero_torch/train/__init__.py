# SPDX-License-Identifier: Apache-2.0
"""Training: the loop (separator.py), the speaker network (speaker.py), losses, comparisons."""
