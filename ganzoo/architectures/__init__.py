"""One file per architecture, found by the registry."""
