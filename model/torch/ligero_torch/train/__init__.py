"""Training: the loop (separator.py), the speaker network (speaker.py), losses, comparisons."""
