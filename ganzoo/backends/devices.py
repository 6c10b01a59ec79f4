"""Where a run computes: `--strategy`. Each file is of one backend, with the same functions; here are Keras's own."""

import importlib

from ganzoo.backends import backend

_active = importlib.import_module(f"ganzoo.backends.{backend.name()}.devices")

any_worker = _active.any_worker
batches = _active.batches
differing = _active.differing
get_strategy = _active.get_strategy
in_words = _active.in_words
is_chief = _active.is_chief
place = _active.place
scope = _active.scope
share_from_chief = _active.share_from_chief
