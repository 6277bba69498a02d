"""No path of this machine may be part of a hash: it would be another hash on every machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hadronbake.diagnostics import Diagnostic
from hadronbake.metadata.recipe import HashInput

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


def find_leaks(values: Iterable[HashInput], pattern: re.Pattern[str] | None) -> list[Diagnostic]:
    """A finding for each hashed value that holds a path of this machine."""
    if pattern is None:
        return []
    found = []
    for value in values:
        match = pattern.search(value.text)
        if match is not None:
            found.append(
                Diagnostic(
                    "HBM040",
                    f"{value.name} holds the host path {match[0]}, and tasks depend on its value",
                    value.location,
                    hint=f"name the file by FILESPATH or BBPATH, or add {value.name} to BB_BASEHASH_IGNORE_VARS "
                    "if no output depends on it",
                )
            )
    return found
