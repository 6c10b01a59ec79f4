"""What goes with files that travel, without the folders of the machine that it was written on."""

import re
from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import Any

_PATH = re.compile(r"^(~|\.{1,2}[/\\]|[/\\]|[a-z]:[/\\]|file:)|[/\\][^/\\]*\.[a-z]\w*$", re.IGNORECASE)
"""What is a path for certain. A name with a slash, as `pix2pix/emoji`, may be of a pretrained generator."""
_ACCOUNT = re.compile(r"(?<=//)[^/@]*@")
"""In an address: a user's name, and perhaps a password."""


def without_places(value: Any) -> Any:
    """A document, or a text in one, with the last names alone of the paths in it. Done twice, it is the same."""
    if isinstance(value, Mapping):
        return {key: without_places(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_places(one) for one in value]
    return _text(value) if isinstance(value, str) else value


def in_words(words: str, source: str) -> str:
    """Words that name a source of data, without its places."""
    # Of an archive they have the address without the checksum.
    shown = source.partition("#")[0] if source.startswith("url:") else source
    return words.replace(shown, without_places(shown))


def _text(text: str) -> str:
    scheme, _, rest = text.partition(":")
    if scheme == "folder":
        return f"folder:{','.join(map(_last_name, rest.split(',')))}"
    if scheme == "url":
        return f"url:{_address(rest)}"
    return _last_name(text) if _PATH.search(text) else text


def _address(address: str) -> str:
    if address.lower().startswith("file:"):
        return f"file:{_last_name(address[len('file:') :])}"
    return _ACCOUNT.sub("", address)


def _last_name(path: str) -> str:
    # It knows both slashes.
    return PureWindowsPath(path.strip()).name or "."
