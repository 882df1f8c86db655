"""The networks: their building blocks, configurations and the list of systems (systems.py)."""
