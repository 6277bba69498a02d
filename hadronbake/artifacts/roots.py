"""Which records the builds of build directories used last: what collection never takes away.

    roots/KEY.last   those of the last build that succeeded; KEY = SHA-256 of host and build directory
    roots/KEY.now    those of a build that runs, was interrupted or failed

The first line is JSON: the host and the directory. Each further line is a taskhash. A file counts as long as the build
directory exists; whether one of another host does can't be seen, so it counts for thirty days after its last change.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hadronbake.artifacts.digest import is_hash

_FOREIGN_SECONDS = 30 * 86_400


class Uses:
    """The records that a build uses, on the disk as soon as they are known. Where the store can't be written nothing is kept."""

    def __init__(self, path: Path, topdir: Path) -> None:
        self._path = path
        self._seen: set[str] = set()
        self._descriptor: int | None = None
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(path, flags, 0o644)
            self._write(json.dumps({"host": platform.node(), "directory": str(topdir)}) + "\n")

    def add(self, taskhash: str) -> None:
        if taskhash not in self._seen:
            self._seen.add(taskhash)
            self._write(f"{taskhash}\n")

    def succeeded(self) -> None:
        """What earlier builds used counts no longer."""
        if self._descriptor is not None:
            with suppress(OSError):
                self._path.rename(self._path.with_suffix(".last"))

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, text: str) -> None:
        if text and self._descriptor is not None:
            with suppress(OSError):
                os.write(self._descriptor, text.encode())


@contextmanager
def uses(store: Path, topdir: Path) -> Iterator[Uses]:
    """For one build in ``topdir``, which must hold the lock of that directory."""
    key = hashlib.sha256(f"{platform.node()}\n{topdir}".encode()).hexdigest()
    made = Uses(store / "roots" / f"{key}.now", topdir)
    try:
        yield made
    finally:
        made.close()


@dataclass(frozen=True, slots=True)
class Root:
    """``there``: whether it counts."""

    path: Path
    host: str
    directory: str
    there: bool
    taskhashes: tuple[str, ...]


def read(store: Path, now: float) -> list[Root]:
    """``now``: seconds since 1970 by the clock of the store's file system. A last line that was torn is left out."""
    found: list[Root] = []
    for path in sorted((store / "roots").glob("*.*")):
        try:
            head, *lines = path.read_text(errors="replace").split("\n")
            age = now - path.stat().st_mtime
        except OSError:
            continue
        said: object = None
        with suppress(ValueError):
            said = json.loads(head)
        if not isinstance(said, dict):
            said = {}
        host, directory = str(said.get("host", "")), str(said.get("directory", ""))
        # A directory that can't be told, in a file just begun or damaged, is taken for one of another host.
        here = bool(directory) and host == platform.node()
        there = Path(directory).is_dir() if here else age < _FOREIGN_SECONDS
        found.append(Root(path, host, directory, there, tuple(line for line in lines if is_hash(line))))
    return found
