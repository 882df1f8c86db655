"""Cost and speed: of every form (costs.py), beside other runtimes (runtimes.py)."""
