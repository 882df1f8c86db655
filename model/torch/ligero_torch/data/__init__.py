# SPDX-License-Identifier: Apache-2.0
"""Where sound comes from: files, corpora, mixtures, rooms, lists of mixtures."""
