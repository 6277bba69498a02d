"""``file://``: files and directories of the layers, and their digests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError, closest
from hadronbake.fetching.store import sha256_of
from hadronbake.fetching.uri import SourceEntry


def find(entry: SourceEntry, filespath: Sequence[Path]) -> Path:
    """The first that is there; HBF010 names where it was searched."""
    path = Path(entry.path)
    candidates = [path] if path.is_absolute() else [directory / path for directory in filespath]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    names: set[str] = set()
    for candidate in candidates:
        if candidate.parent.is_dir():
            names.update(item.name for item in candidate.parent.iterdir())
    meant = closest(path.name, names)
    raise HadronbakeError(
        Diagnostic(
            "HBF010",
            f"'{entry.uri}' was not found",
            hint=f"did you mean '{path.with_name(meant)}'?" if meant else None,
            notes=tuple((None, f"searched {candidate}") for candidate in candidates),
        )
    )


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size. A directory's covers the names, kinds, executable bits and contents of all below it, in order."""
    if not path.is_dir():
        return sha256_of(path), path.stat().st_size
    total = 0
    summary = hashlib.sha256()
    for directory, subdirectories, files in os.walk(path):
        subdirectories.sort()
        base = Path(directory)
        linked = [name for name in subdirectories if (base / name).is_symlink()]
        for name in sorted([*files, *linked]):
            item = base / name
            if item.is_symlink():
                kind, content = b"link", os.fsencode(item.readlink())
            else:
                kind = b"program" if item.stat().st_mode & 0o100 else b"file"
                content = sha256_of(item).encode()
                total += item.stat().st_size
            for part in (os.fsencode(item.relative_to(path)), kind, content):
                summary.update(len(part).to_bytes(8, "big") + part)
        for part in (os.fsencode(base.relative_to(path)), b"directory"):
            summary.update(len(part).to_bytes(8, "big") + part)
    return summary.hexdigest(), total
