"""What is in a store: its records with their last use, its blobs with their sizes. Reads only; for collection, verification and lists."""

# Plain strings, not Path objects: these functions are called for tens of thousands of paths at a time.
# ruff: noqa: PTH116, PTH119, PTH123, PTH208

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hadronbake.artifacts import roots
from hadronbake.artifacts.cas import Cas
from hadronbake.artifacts.record import Digest, Record
from hadronbake.artifacts.signing import Damaged, Unreadable
from hadronbake.artifacts.store import Store, stated_record
from hadronbake.artifacts.tree import DEEPEST, decode
from hadronbake.diagnostics import HadronbakeError


@dataclass(frozen=True, slots=True)
class Kept:
    """A record, when it was last used, in seconds since 1970, and its file."""

    record: Record
    used: float
    path: str


@dataclass(frozen=True, slots=True)
class BlobFile:
    """One file of ``cas`` or ``exec``. ``space``: bytes that it takes on the disk; ``changed``: its ctime in seconds since 1970."""

    hash: str
    path: str
    size: int
    space: int
    mode: int
    changed: float


def record_names(root: Path) -> list[str]:
    """The taskhashes of all records, sorted."""
    return sorted(os.path.basename(path) for path in _files(root / "ac"))


def records(store: Store, strange: Callable[[str], None] = lambda path: None) -> Iterator[Kept]:
    """Those that aren't damaged, whoever signed them, with the divergences. ``strange`` is told of those that can't be read because
    they are of another version."""
    for kind in ("ac", "divergences"):
        for path in _files(store.root / kind):
            try:
                with open(path, "rb") as file:
                    record = stated_record(file.read())
                    yield Kept(record, os.fstat(file.fileno()).st_mtime, path)
            except FileNotFoundError:
                continue
            except Unreadable:
                strange(path)
            except Damaged:
                continue


def blob_files(root: Path) -> Iterator[BlobFile]:
    """All files of ``cas`` and ``exec``, also those whose name is no hash."""
    for kind in ("cas", "exec"):
        for path in _files(root / kind):
            with suppress(FileNotFoundError):
                state = os.stat(path)
                mode = state.st_mode & 0o7777
                yield BlobFile(os.path.basename(path), path, state.st_size, state.st_blocks * 512, mode, state.st_ctime)


def equivalent_files(root: Path) -> Iterator[str]:
    """The paths of the index from outputs to records."""
    return _files(root / "equivalent")


def clock(root: Path) -> float:
    """Now, in seconds since 1970, by the clock of the store's file system, which may be another machine's."""
    path = Path(Cas(root).temporary()) if root.is_dir() else None
    if path is not None:
        with suppress(OSError):
            path.touch()
            now = path.stat().st_mtime
            path.unlink(missing_ok=True)
            return now
    return time.time()


class Reach:
    """What records name, with the blobs below their trees. ``seen``: the hashes of all that was come to.

    A tree that can't be read whole reaches what can be read of it.
    """

    def __init__(self, cas: Cas) -> None:
        self._cas = cas
        self.seen: set[str] = set()

    def add(self, record: Record) -> list[Digest]:
        """What wasn't come to before."""
        new: list[Digest] = []
        for digest in of_record(record):
            self._take(digest, new)
        trees = [record.tree]
        while trees:
            digest = trees.pop()
            if not self._take(digest, new):
                continue
            try:
                directory = decode(self._cas.get(digest))
            except HadronbakeError:
                continue
            trees.extend(child.digest for child in directory.directories)
            for node in directory.files:
                self._take(node.digest, new)
        return new

    def _take(self, digest: Digest, new: list[Digest]) -> bool:
        if digest.hash in self.seen:
            return False
        self.seen.add(digest.hash)
        new.append(digest)
        return True


def of_record(record: Record) -> list[Digest]:
    """The blobs that a record names itself, beside its tree."""
    return [digest for digest in (record.inputs, record.log) if digest is not None]


@dataclass(frozen=True, slots=True)
class Summary:
    """``bytes``: the space that blobs take; ``rooted``: records that the last builds of ``directories`` build directories used;
    ``index``: known outputs; ``newest`` and ``oldest``: last uses, in seconds since 1970."""

    records: int
    tasks: int
    blobs: int
    bytes: int
    index: int
    rooted: int
    directories: int
    newest: float
    oldest: float
    bad: int
    bad_bytes: int


def summary(store: Store) -> Summary:
    """How much there is of what."""
    there = list(records(store))
    files = list(blob_files(store.root))
    live = [root for root in roots.read(store.root, clock(store.root)) if root.there]
    rooted = {taskhash for root in live for taskhash in root.taskhashes}
    uses = [item.used for item in there] or [0.0]
    bad = [path.lstat().st_blocks * 512 for path in (store.root / "bad").glob("*")]
    return Summary(
        records=len(there),
        tasks=len({item.record.task for item in there}),
        blobs=len({file.hash for file in files}),
        bytes=sum(file.space for file in files),
        index=sum(1 for _ in equivalent_files(store.root)),
        rooted=sum(item.record.taskhash in rooted for item in there),
        directories=len({(root.host, root.directory) for root in live}),
        newest=max(uses),
        oldest=min(uses),
        bad=len(bad),
        bad_bytes=sum(bad),
    )


def tree_size(store: Store, tree: Digest, known: dict[str, int], depth: int = 1) -> int | None:
    """The bytes of all files below a tree; None where it isn't whole. ``known``: directories counted before, which grows."""
    if tree.hash in known:
        return known[tree.hash]
    if depth > DEEPEST:
        return None
    try:
        directory = decode(store.get_blob(tree))
    except HadronbakeError:
        return None
    total = sum(node.digest.size for node in directory.files)
    for child in directory.directories:
        size = tree_size(store, child.digest, known, depth + 1)
        if size is None:
            return None
        total += size
    known[tree.hash] = total
    return total


def _files(directory: Path) -> Iterator[str]:
    """The files two levels below (three in ``divergences``). What vanishes meanwhile is left out; where something
    can't be read that is an error, since who deletes must know of every record."""
    try:
        shards = sorted(os.listdir(directory))
    except FileNotFoundError:
        return
    for shard in shards:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(f"{directory}/{shard}") as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    yield entry.path
                elif entry.is_dir(follow_symlinks=False):
                    yield from (inner.path for inner in os.scandir(entry.path))
