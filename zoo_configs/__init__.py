"""Recipes: one YAML file per architecture and data set. Installed as `ganzoo.zoo_configs`."""
