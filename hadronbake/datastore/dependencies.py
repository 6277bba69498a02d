"""Which files a parse looked at, in which state: what the parse cache has to check to know that it is still right."""

# ruff: noqa: PTH112, PTH115, PTH116, PTH208
from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

# A file changed within this many nanoseconds before it was looked at may change again within the clock's tick.
RACY_NS = 50_000_000

State = tuple[int, int, int, int]
"""mtime_ns, ctime_ns, size, inode."""

MISSING: State = (0, 0, 0, 0)


def state_of(path: str) -> State:
    """The state of a file, directory or missing path."""
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        # A name with a NUL in it is none of a file.
        return MISSING
    return (info.st_mtime_ns, info.st_ctime_ns, info.st_size, info.st_ino)


_digests: dict[str, tuple[State, str]] = {}


def digest_of(path: str) -> str | None:
    """SHA-256 of a file, or of a directory's names and contents; None if missing or neither (a fifo would never end).
    Remembered while the state is the same.

    A directory's digest is over the sorted (relative name, kind, digest or link target) of all below it.
    """
    state = state_of(path)
    if state == MISSING:
        return None
    known = _digests.get(path)
    settled = time.time_ns() - state[0] > RACY_NS
    if known is not None and known[0] == state and not os.path.isdir(path):
        return known[1]
    if os.path.isdir(path):
        return _digest_of_directory(path)
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        # It went away since it was looked at.
        return None
    if settled:
        _digests[path] = (state, digest)
    return digest


def remember_digest(path: str, state: State, digest: str) -> None:
    """The digest that the file had in this state, which was not a recent one then."""
    _digests.setdefault(path, (state, digest))


def known_digest(path: str) -> str | None:
    """The digest of a file, if it needn't be read for it."""
    known = _digests.get(path)
    return known[1] if known is not None and known[0] == state_of(path) else None


def content_of(path: str) -> tuple[bytes, str]:
    """What is in a regular file, and the SHA-256 of that, which :func:`digest_of` then knows. Raises OSError."""
    before = state_of(path)
    data = Path(path).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if before == state_of(path) and time.time_ns() - before[0] > RACY_NS:
        _digests[path] = (before, digest)
    return data, digest


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _digest_of_directory(path: str) -> str:
    total = hashlib.sha256()
    for name, kind, value in sorted(_entries(path, "")):
        for part in (name, kind, value):
            data = part.encode(errors="surrogateescape")
            total.update(b"%d:" % len(data))
            total.update(data)
    return total.hexdigest()


def _entries(path: str, below: str) -> Iterator[tuple[str, str, str]]:
    for entry in os.scandir(path):
        name = f"{below}{entry.name}"
        if entry.is_symlink():
            yield name, "link", os.readlink(entry.path)
        elif entry.is_dir():
            yield name, "directory", ""
            yield from _entries(entry.path, f"{name}/")
        else:
            executable = entry.stat().st_mode & 0o111
            yield name, "program" if executable else "file", digest_of(entry.path) or ""


def tree_of(path: str) -> Iterator[str]:
    """A path, and if it is a directory all paths below it."""
    yield path
    if os.path.isdir(path) and not os.path.islink(path):
        for entry in sorted(os.listdir(path)):
            yield from tree_of(os.path.join(path, entry))


class ParseDependencies:
    """The paths looked at, missing ones too, with the state they had at the first look. Shared by a recipe's variants."""

    __slots__ = ("states",)

    def __init__(self) -> None:
        self.states: dict[str, State] = {}

    def note(self, path: str) -> State:
        """Record a path (made absolute) and give its state."""
        if not path.startswith("/"):
            path = os.path.abspath(path)  # noqa: PTH100
        state = self.states.get(path)
        if state is None:
            state = self.states[path] = state_of(path)
        return state

    def __copy__(self) -> ParseDependencies:
        return self

    def __iter__(self) -> Iterator[str]:
        return iter(self.states)

    def __contains__(self, path: object) -> bool:
        return path in self.states

    def __len__(self) -> int:
        return len(self.states)


def dependencies_of(d: object) -> ParseDependencies:
    """The record of a datastore (variable ``__depends``), made if there is none."""
    found = d.getVar("__depends", False)  # type: ignore[attr-defined]
    if not isinstance(found, ParseDependencies):
        found = ParseDependencies()
        d.setVar("__depends", found)  # type: ignore[attr-defined]
    return found
