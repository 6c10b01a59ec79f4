"""Trained generators: a manifest, and a folder for each. Installed as `ganzoo.weights`."""
