"""Removes this machine's folders from the documents that travel with files."""

import re
from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import Any

_PATH = re.compile(r"^(~|\.{1,2}[/\\]|[/\\]|[a-z]:[/\\]|file:)|[/\\][^/\\]*\.[a-z]\w*$", re.IGNORECASE)
"""Texts that are paths for certain. A name with a slash, as `pix2pix/emoji`, may be of a pretrained generator."""
_ACCOUNT = re.compile(r"(?<=//)[^/@]*@")
"""In an address: a user's name, and perhaps a password."""


def without_places(value: Any) -> Any:
    """Returns a document, or a text in one, with only the last names of paths. Doing it twice changes nothing."""
    if isinstance(value, Mapping):
        return {key: without_places(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_places(one) for one in value]
    return _text(value) if isinstance(value, str) else value


def in_words(words: str, source: str) -> str:
    """Returns words that name a source of data without its places."""
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
