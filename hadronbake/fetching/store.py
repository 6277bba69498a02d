"""The download directory: one file a name, a record beside each of what was verified, and one writer at a time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_BLOCK = 1 << 20


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(downloads: Path, name: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the lock of a name; the system releases it when its holder dies. ``waiting`` is called if another one has it."""
    directory = downloads / ".locks"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.done")


def _identity(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino}


def recorded(path: Path) -> str | None:
    """The checksum that a file was verified to have, if it is unchanged since (size, time of change, inode)."""
    try:
        record = json.loads(_record(path).read_text())
        if {key: record[key] for key in ("size", "mtime_ns", "inode")} == _identity(path):
            return str(record["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


def record(path: Path, sha256: str) -> None:
    """Remembers that a file was verified."""
    target = _record(path)
    temporary = target.with_name(f"{target.name}.{os.getpid()}")
    temporary.write_text(json.dumps({"sha256": sha256, **_identity(path)}))
    temporary.rename(target)


def present(path: Path, sha256: str) -> bool:
    """Whether the file is there with that content; hashes it only if it isn't recorded."""
    if not path.is_file():
        return False
    known = recorded(path)
    if known is None:
        known = sha256_of(path)
        if known == sha256:
            record(path, known)
    return known == sha256


def set_aside(path: Path, actual: str, name: str) -> Path:
    """Renames a file of wrong content to ``<name>.bad-<first 12 of its sum>``; gives the new path."""
    aside = path.with_name(f"{name}.bad-{actual[:12]}")
    path.replace(aside)
    _record(path).unlink(missing_ok=True)
    return aside


def place(downloads: Path, name: str, sha256: str) -> Path:
    """The path of a download: its plain name, unless verified other content has that name; then with its sum before it.

    A file there that is neither recorded nor right is set aside. The caller holds the lock of the name.
    """
    plain = downloads / name
    special = downloads / f"{sha256[:12]}-{name}"
    for path in (plain, special):
        if present(path, sha256):
            return path
    if plain.exists():
        if recorded(plain) is not None:
            plain = special
        if plain.exists():
            set_aside(plain, sha256_of(plain), name)
    return plain


def finish(temporary: Path, target: Path, sha256: str) -> None:
    """Moves a verified file to its place, so that it is there wholly or not at all."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.chmod(0o644)
    temporary.replace(target)
    sync_directory(target.parent)
    record(target, sha256)
