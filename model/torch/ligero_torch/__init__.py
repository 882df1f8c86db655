"""LGR-TSE and its speaker networks in PyTorch: the reference that the C++ runtime is held to."""
