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


def holds(path: str, digest: Digest) -> bool:
    """Whether the file has the content of the digest. Raises OSError where it can't be read."""
    # Once for every file of a sysroot: as few calls as can be, and no more memory than the file needs.
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        rest = digest.size
        if os.fstat(file).st_size != rest:
            return False
        if rest <= CHUNK:
            data = os.read(file, rest + 1)
            if len(data) == rest:
                return hashlib.sha256(data).hexdigest() == digest.hash
            state = hashlib.sha256(data)
            rest -= len(data)
        else:
            state = hashlib.sha256()
        while data := os.read(file, CHUNK):
            state.update(data)
            rest -= len(data)
        return rest == 0 and state.hexdigest() == digest.hash
    finally:
        os.close(file)


def of_file(path: str | os.PathLike[str]) -> Digest:
    """Raises OSError where the file can't be read."""
    state = hashlib.sha256()
    size = 0
    with Path(path).open("rb", buffering=0) as file:
        while data := file.read(CHUNK):
            state.update(data)
            size += len(data)
    return Digest(hash=state.hexdigest(), size=size)
