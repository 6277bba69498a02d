"""What fetching is told, what it says while it works, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from hadronbake.fetching.uri import Frozen, SourceEntry

EventKind = Literal["start", "progress", "retry", "next", "waiting", "done", "present"]


class FetchSettings(Frozen):
    """``debsrc``: SHA-256 of an upstream file → the ``debsrc://`` URI of the same bytes. ``filespath``: where ``file://`` is
    searched. Times in seconds: a transfer that brings nothing for ``stall_seconds`` is broken off. ``apt_root``: whose apt
    configuration names Debian's archive."""

    downloads: Path
    filespath: tuple[Path, ...] = ()
    premirrors: tuple[tuple[str, str], ...] = ()
    mirrors: tuple[tuple[str, str], ...] = ()
    debsrc: Mapping[str, str] = {}
    offline: bool = False
    connect_seconds: float = 30.0
    stall_seconds: float = 60.0
    attempts: int = 4
    backoff_seconds: float = 1.0
    apt_root: Path = Path("/etc/apt")


class FetchEvent(Frozen):
    """``uri`` is the entry of SRC_URI, ``url`` what is asked just now; sizes in bytes, ``total`` is None while unknown."""

    kind: EventKind
    uri: str
    url: str = ""
    done: int = 0
    total: int | None = None
    message: str = ""


class FetchedFile(Frozen):
    """``path``: a file of the download directory, or for ``file://`` the file or directory where it was found.

    ``digest`` is its SHA-256; of a directory, the digest over its names and contents.
    """

    entry: SourceEntry
    path: Path
    digest: str
    size: int


Report = Callable[[FetchEvent], None]


class Unavailable(Exception):
    """One place does not have the file, or can't be reached: the next one is asked. The text says why."""
