"""Configs: what a recipe may say, read and checked before Keras is imported."""
