"""Trained networks: found, opened, run, and said what they are."""
