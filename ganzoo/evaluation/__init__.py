"""How good a generator is: `ganzoo.evaluate`, and the protocols that it follows."""
