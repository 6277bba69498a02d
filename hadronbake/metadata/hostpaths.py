"""No path of this machine may be part of a hash: it would be another hash on every machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hadronbake.diagnostics import Diagnostic, Location

if TYPE_CHECKING:
    from hadronbake.datastore.store import DataStore


def host_paths(d: DataStore) -> re.Pattern[str] | None:
    """What finds the build directory, the project, the layers or the user's home in a text."""
    names = [d.getVar("TOPDIR"), d.getVar("TMPDIR"), d.getVar("HADRONBAKE_DIR"), *(d.getVar("BBLAYERS") or "").split()]
    home = d.getVar("HOME")
    # "/root" and the like are the paths of every Linux system: they say nothing of this machine.
    if home and len(Path(home).parts) > 2:
        names.append(home)
    paths = sorted({name.rstrip("/") for name in names if name and name.startswith("/")}, key=len, reverse=True)
    # A directory directly below / is too short a name to mean this machine, except where a path begins with it.
    known = [
        re.escape(path) + r"(?![\w.-])" if path.count("/") > 1 else r"(?<![\w.}-])" + re.escape(path) + r"/\w"
        for path in paths
        if path
    ]
    return re.compile("|".join(known)) if known else None


def find_leaks(
    texts: Mapping[str, str | None], origin: Callable[[str], Location | None], pattern: re.Pattern[str] | None
) -> list[Diagnostic]:
    """A finding for each hashed text (by name) that holds a path of this machine. ``origin``: where a name was set."""
    if pattern is None:
        return []
    found = []
    for name, text in texts.items():
        match = _leak(pattern, text) if text else None
        if match is not None:
            found.append(
                Diagnostic(
                    "HBM040",
                    f"{name} holds the host path {match}, and tasks depend on its value",
                    origin(name),
                    hint=f"name the file by FILESPATH or BBPATH, or add {name} to BB_BASEHASH_IGNORE_VARS "
                    "if no output depends on it",
                )
            )
    return found


@lru_cache(maxsize=1 << 16)
def _leak(pattern: re.Pattern[str], text: str) -> str | None:
    """Most texts are the same in many recipes."""
    match = pattern.search(text)
    return match[0] if match else None
