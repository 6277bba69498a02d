"""Digests of bytes and files: SHA-256 in full, with the size."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from hadronbake.artifacts.record import Digest

CHUNK = 1 << 20
_HEX = re.compile(r"[0-9a-f]{64}")


def is_hash(text: str) -> bool:
    """Whether ``text`` is a SHA-256 in lower-case hex (so that it may become part of a path)."""
    return _HEX.fullmatch(text) is not None


def of_bytes(data: bytes) -> Digest:
    return Digest(hash=hashlib.sha256(data).hexdigest(), size=len(data))


def of_file(path: str | os.PathLike[str]) -> Digest:
    """Raises OSError where the file can't be read."""
    state = hashlib.sha256()
    size = 0
    with Path(path).open("rb", buffering=0) as file:
        while data := file.read(CHUNK):
            state.update(data)
            size += len(data)
    return Digest(hash=state.hexdigest(), size=size)
