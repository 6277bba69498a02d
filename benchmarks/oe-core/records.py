"""What is kept of a parse, the same for both engines: a record a recipe file, in one SQLite file a side.

Imports neither engine, and nothing beyond the standard library: it runs in the processes of both.
"""

from __future__ import annotations

import os
import pickle
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONFIGURATION = "(configuration)"
PROVIDERS = "(providers)"

Value = tuple[object, object, Mapping[str, object]]
"""Of one variable: expanded value, raw value, flags."""


@dataclass(frozen=True)
class Target:
    """One variant of a recipe. ``skipped``: why it is not for this configuration; then only what a skipped one has is compared.

    ``needs``: for each task and all that it depends on the direct dependencies; ``texts``: the texts that are hashed.
    """

    variables: Mapping[str, Value] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    texts: Mapping[str, str | None] = field(default_factory=dict)
    skipped: str | None = None


@dataclass(frozen=True)
class File:
    """One recipe file: its variants by name, or the error that ended its parse; its appends, layer and priority."""

    targets: Mapping[str, Target]
    appends: tuple[str, ...] = ()
    layer: str = ""
    priority: int = 0
    error: str | None = None


class Records:
    """A file of records by key. Written by one process; iterated in the order of writing."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        self._database.execute("create table if not exists record (key text primary key, data blob)")

    def put(self, key: str, record: object) -> None:
        data = zlib.compress(pickle.dumps(record), 1)
        self._database.execute("insert or replace into record values (?, ?)", (key, data))
        self._database.commit()

    def get(self, key: str) -> Any:
        """The record, or None."""
        row = self._database.execute("select data from record where key = ?", (key,)).fetchone()
        return None if row is None else pickle.loads(zlib.decompress(row[0]))

    def __iter__(self) -> Iterator[str]:
        for (key,) in self._database.execute("select key from record order by rowid").fetchall():
            yield key


def settle() -> None:
    """Give both sides the same process id: some values hold it."""
    os.getpid = lambda: 4711


def plain(value: Any) -> object:
    """A value in a form that both sides write alike: text and numbers as they are, containers of them, else the type's name."""
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return f"<{type(value).__name__}>"


def variables_of(d: Any) -> dict[str, Value]:
    """All variables of a datastore of either engine."""
    found: dict[str, Value] = {}
    for name in sorted(d.keys()):
        raw = d.getVar(name, False)
        try:
            value = plain(d.getVar(name))
        except Exception as error:
            value = f"<{type(error).__name__}>"
        # A flag that was set to None reads as one that was never set.
        flags = {flag: plain(text) for flag, text in (d.getVarFlags(name) or {}).items() if text is not None}
        found[name] = (value, plain(raw), flags)
    return found


def chosen(paths: Iterable[str], sample: int) -> list[str]:
    """All files, or ``sample`` of them, spread evenly."""
    every = list(paths)
    if not sample or sample >= len(every):
        return every
    return [every[index * len(every) // sample] for index in range(sample)]
