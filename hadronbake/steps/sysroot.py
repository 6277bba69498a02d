"""do_populate_sysroot: the part of ``${D}`` that other recipes build against, as a tree of two: ``sysroot/`` and ``native/``.

A Python step, since a shell function's hash covers every exported variable: a changed CFLAGS must not reach further than
the files that it changed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hadronbake.steps.data import Data


def copy(source: Path, destination: Path) -> None:
    """Copy a file, a link or a directory with what is in it; links stay links, and modes stay."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, destination, symlinks=True, dirs_exist_ok=True)
    else:
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, destination, follow_symlinks=False)


def drop(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def drop_needless(tree: Path) -> None:
    """libtool's archives, which name libraries by paths of the running system; then directories that are empty."""
    for directory, names, files in os.walk(tree, topdown=False):
        here = Path(directory)
        for name in files:
            if name.endswith(".la") and not (here / name).is_symlink():
                (here / name).unlink()
        for name in names:
            path = here / name
            if not path.is_symlink() and not any(path.iterdir()):
                path.rmdir()


def run(d: Data) -> None:
    """Reads D, SYSROOT_DESTDIR, STAGING_DIR_NATIVE, SYSROOT_DIRS, SYSROOT_DIRS_IGNORE (shell patterns)."""
    image, destination = Path(d.getVar("D") or ""), Path(d.getVar("SYSROOT_DESTDIR") or "")
    sysroot, native = destination / "sysroot", destination / "native"
    for tree in (sysroot, native):
        tree.mkdir(parents=True, exist_ok=True)
    own = image / (d.getVar("STAGING_DIR_NATIVE") or "").lstrip("/")
    if own != image and own.is_dir():
        copy(own, native)
    for name in (d.getVar("SYSROOT_DIRS") or "").split():
        source = image / name.lstrip("/")
        if source.exists():
            copy(source, sysroot / name.lstrip("/"))
    for pattern in (d.getVar("SYSROOT_DIRS_IGNORE") or "").split():
        for tree in (sysroot, native):
            for path in sorted(tree.glob(pattern.lstrip("/"))):
                drop(path)
    for tree in (sysroot, native):
        drop_needless(tree)
