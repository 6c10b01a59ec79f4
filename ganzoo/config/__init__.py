"""Configs and recipes, read and checked before Keras is imported."""
