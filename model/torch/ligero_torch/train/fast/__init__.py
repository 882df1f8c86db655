# SPDX-License-Identifier: Apache-2.0
"""Training of bsrnn with fused kernels (run.py): many hours heard in one, on processors alone."""
