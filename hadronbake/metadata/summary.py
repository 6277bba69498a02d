"""What the last reading of a build directory's metadata came to, right as long as nothing that it rests on has changed.

So ``hbake parse`` of what is known already reads one file and asks for the state of each file that counts: no configuration is
read, no recipe, and little of the engine is loaded.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from hadronbake import __version__
from hadronbake.datastore.dependencies import RACY_NS, State, digest_of, remember_digest, state_of
from hadronbake.diagnostics import Diagnostic
from hadronbake.metadata.environment import let_through

PACKAGE = Path(__file__).resolve().parent.parent
_NAME = "cache/parse/summary"


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of recipe files: ``parsed`` now, ``cached`` taken from the cache, ``masked``; of recipes with variants: ``targets``, ``skipped``,
    and those whose tasks are worked out ``later``."""

    parsed: int
    cached: int
    masked: int
    targets: int
    skipped: int
    later: int

    def with_others(self, other: Statistics) -> Statistics:
        """The sums."""
        return Statistics(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


Rests = Mapping[str, tuple[State | None, str | None]]
"""By path the state (None: not to be told by it), and the digest that counts if the state is another now."""


def known(topdir: Path, environ: Mapping[str, str]) -> tuple[Statistics, tuple[Diagnostic, ...]] | None:
    """What :func:`keep` was given, nothing of it parsed now; None if it doesn't hold any more, or not in this environment."""
    try:
        data = pickle.loads((topdir.absolute() / _NAME).read_bytes())
        where, reads, rests, numbers, diagnostics = data
        for path, state, digest in rests:
            if digest is not None and state is not None:
                remember_digest(path, state, digest)
        if where != _where(topdir, environ):
            return None
        if any(environ.get(name) != value for name, value in reads) or not all(map(_holds, rests)):
            return None
        return Statistics(*numbers), diagnostics
    except Exception:
        # It is missing, damaged or another version's: then everything is read.
        return None


def keep(
    topdir: Path,
    environ: Mapping[str, str],
    reads: Iterable[tuple[str, str | None]],
    rests: Rests,
    statistics: Statistics,
    diagnostics: tuple[Diagnostic, ...],
) -> None:
    """``reads``: what was read of the environment beside what is let through. ``rests``: the files that all of it rests on, beside the
    engine's own. Nothing is kept where a directory changed just now, and may change again within the clock's tick."""
    now = time.time_ns()
    rows: list[tuple[str, State | None, str | None]] = []
    for path, (state, digest) in rests.items():
        if state is not None and now - max(state[:2]) >= RACY_NS:
            rows.append((path, state, digest))
        elif digest is None:
            return
        else:
            rows.append((path, None, digest))
    # What the metadata is read with counts as well.
    for path in map(str, sorted(PACKAGE.rglob("*"))):
        if path.endswith((".py", ".lark")):
            state = state_of(path)
            rows.append((path, state if now - max(state[:2]) >= RACY_NS else None, digest_of(path)))
    parsed, cached, *others = astuple(statistics)
    numbers = (0, parsed + cached, *others)
    data = (_where(topdir, environ), tuple(reads), rows, numbers, diagnostics)
    place = topdir.absolute() / _NAME
    # A cache that cannot be written only costs time.
    with suppress(OSError):
        new = place.with_name(f"{place.name}.{os.getpid()}")
        new.write_bytes(pickle.dumps(data, pickle.HIGHEST_PROTOCOL))
        new.replace(place)


def forget(topdir: Path) -> None:
    """Drop what was kept."""
    with suppress(OSError):
        (topdir / _NAME).unlink(missing_ok=True)


def _where(topdir: Path, environ: Mapping[str, str]) -> tuple[object, ...]:
    return (__version__, str(PACKAGE), str(topdir.absolute()), os.getuid(), let_through(environ))


def _holds(row: tuple[str, State | None, str | None]) -> bool:
    path, state, digest = row
    return state_of(path) == state or (digest is not None and digest_of(path) == digest)
