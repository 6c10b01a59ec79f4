"""Runs what ganzoo exported, with NumPy, Pillow and ai-edge-litert alone."""
