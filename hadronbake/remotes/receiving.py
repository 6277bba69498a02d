"""Blobs on their way from a remote to the local store: a part at a time, and none that isn't what its digest says."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator

from hadronbake.artifacts import holes
from hadronbake.artifacts.cas import seal
from hadronbake.artifacts.record import Digest
from hadronbake.remotes.remote import Lie

PART_BYTES = 256 << 20
"""What is taken at a time: so much that a broken transfer doesn't begin anew from the start."""


def parts(digests: Iterable[Digest]) -> Iterator[list[Digest]]:
    part: list[Digest] = []
    size = 0
    for digest in digests:
        part.append(digest)
        size += digest.size
        if size > PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def write_verified(path: str, digest: Digest, pieces: Iterator[bytes], executable: bool) -> None:
    """Raises Lie where the content isn't that of the digest, OSError."""
    state = hashlib.sha256()
    size = 0
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for piece in pieces:
            if size + len(piece) > digest.size:
                size += len(piece)
                break
            state.update(piece)
            holes.write(target, piece, size)
            size += len(piece)
        if (size, state.hexdigest()) != (digest.size, digest.hash):
            raise Lie(f"the content of blob {digest.hash[:12]}… is another one, or of another length")
        os.ftruncate(target, size)
        seal(target, executable)
    finally:
        os.close(target)
