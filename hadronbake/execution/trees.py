"""Trees of shared state as directories of hard links, for tasks to see read-only: sysroots and inputs.

``sysroots/<key>/{sysroot,native}`` and ``inputs/<tree>`` are each made once and used by all tasks that want the same; of those
that none uses the last ones used stay.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.store import Store, SysrootPart
from hadronbake.execution.workdir import remove_tree

_KEPT = 24


class LinkedTrees:
    """Thread-safe. A directory that was handed out is in use until it is given back with :meth:`release`."""

    def __init__(self, topdir: Path, store: Store) -> None:
        self._topdir = topdir
        self._store = store
        self._locks: dict[Path, threading.Lock] = {}
        self._users: Counter[Path] = Counter()
        self._guard = threading.Lock()

    def sysroot(self, trees: Mapping[str, Digest]) -> Path:
        """The merged sysroot of recipes (name → tree). Raises HBA006 where they conflict, MissingBlob."""
        key = hashlib.sha256("".join(f"{label} {trees[label].hash}\n" for label in sorted(trees)).encode()).hexdigest()
        place = self._topdir / "sysroots" / key
        with self._use(place):
            for name in ("sysroot", "native"):
                parts = [SysrootPart(label=label, tree=trees[label], subdirectory=name) for label in sorted(trees)]
                self._store.merge(parts, place / name)
            os.utime(place)
        return place

    def input(self, tree: Digest) -> Path:
        """Raises MissingBlob."""
        place = self._topdir / "inputs" / tree.hash
        with self._use(place):
            if not place.is_dir():
                place.parent.mkdir(parents=True, exist_ok=True)
                self._store.checkout(tree, place, link=True)
            os.utime(place)
        return place

    def release(self, places: Iterable[Path]) -> None:
        """Gives back what was handed out, and deletes all that none uses but the last ones used."""
        with self._guard:
            self._users.subtract(places)
        mine: list[Path] = []
        for name in ("sysroots", "inputs"):
            there = [(self._age(path), path) for path in self._children(name) if self._users[path] <= 0]
            for _, path in sorted(there, reverse=True)[_KEPT:]:
                # Renamed first, so that one half deleted is never taken for a whole one. Who has renamed it deletes it, and nobody else.
                gone = path.with_name(f".gone-{path.name}-{threading.get_ident()}")
                with self._lock(path), suppress(OSError):
                    if self._users[path] <= 0:
                        path.rename(gone)
                        mine.append(gone)
        for gone in mine:
            remove_tree(gone)

    def clean(self) -> None:
        """Deletes what an earlier process left half done."""
        for name in ("sysroots", "inputs"):
            for path in self._children(name, half=True):
                remove_tree(path)

    def _children(self, name: str, half: bool = False) -> Sequence[Path]:
        directory = self._topdir / name
        if not directory.is_dir():
            return []
        return [path for path in directory.iterdir() if path.is_dir() and path.name.startswith(".") == half]

    @contextmanager
    def _use(self, place: Path) -> Iterator[None]:
        with self._lock(place):
            with self._guard:
                self._users[place] += 1
            try:
                yield
            except BaseException:
                with self._guard:
                    self._users[place] -= 1
                raise

    def _lock(self, place: Path) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(place, threading.Lock())

    @staticmethod
    def _age(path: Path) -> float:
        try:
            return path.stat().st_mtime
        except FileNotFoundError:
            return 0.0
