"""Results for the user: the content of a task's outputs in a directory of the build directory.

A manifest says which files a task put there, so that those which a newer build no longer makes are taken away, and nothing
is done where nothing changed.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from hadronbake.artifacts.record import Digest, Frozen
from hadronbake.artifacts.store import Store
from hadronbake.execution.files import write_atomically
from hadronbake.execution.workdir import remove_tree


class _Manifest(Frozen):
    """``files``: name → size, time of change and inode, by which a file that was touched is found."""

    tree: str = ""
    destination: str = ""
    files: dict[str, tuple[int, ...]] = Field(default_factory=dict)


def deploy(store: Store, label: str, tree: Digest, destination: Path, manifests: Path) -> bool:
    """Puts the content of each top directory of ``tree`` into ``destination``; False where it was there already.

    Each file appears whole. Raises MissingBlob.
    """
    path = manifests / f"{label.replace('/', '_')}.json"
    before = _read(path)
    same_place = before.destination == str(destination)
    untouched = all(_identity(destination / name) == identity for name, identity in before.files.items())
    if before.tree == tree.hash and same_place and untouched:
        return False
    destination.mkdir(parents=True, exist_ok=True)
    staging = destination / f".new-{label.replace('/', '_')}"
    remove_tree(staging)
    store.checkout(tree, staging, link=False)
    placed: dict[str, tuple[int, ...]] = {}
    for top in sorted(staging.iterdir()):
        for source in sorted(top.rglob("*")):
            name = str(source.relative_to(top))
            target = destination / name
            if source.is_dir() and not source.is_symlink():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
            placed[name] = _identity(target)
    remove_tree(staging)
    if same_place:
        for name in before.files.keys() - placed.keys():
            (destination / name).unlink(missing_ok=True)
    manifests.mkdir(parents=True, exist_ok=True)
    content = _Manifest(tree=tree.hash, destination=str(destination), files=placed)
    write_atomically(path, content.model_dump_json(indent=1).encode())
    return True


def _identity(path: Path) -> tuple[int, ...]:
    try:
        status = os.lstat(path)
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ino


def _read(path: Path) -> _Manifest:
    try:
        return _Manifest.model_validate_json(path.read_text())
    except (OSError, ValueError):
        return _Manifest()
