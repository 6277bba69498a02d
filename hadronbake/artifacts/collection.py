"""Collection: a store is brought below its quota by taking away the records that were used longest ago, and then all that no
record names.

Order is what makes it safe to be killed at any point: a record goes before the blobs it names, so a store is never one whose
records name what was taken; what was left over the next collection takes.

Beside other processes: what the last builds of build directories used stays (``roots``), and so does all that was used, written
or found within ``grace`` seconds. Deleting goes in slices with the store's lock alone, and each thing is looked at again in
its slice: a record that was used meanwhile stays, with its blobs. See ``cas`` for what the writers do.
"""

# Plain strings, not Path objects: these functions are called for tens of thousands of paths at a time.
# ruff: noqa: PTH108, PTH116

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hadronbake.artifacts import roots
from hadronbake.artifacts.inventory import BlobFile, Kept, Reach, blob_files, clock, equivalent_files, records
from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.signing import Damaged
from hadronbake.artifacts.store import Store, stated_equivalence
from hadronbake.diagnostics import HadronbakeError

T = TypeVar("T")

GRACE_SECONDS = 3600.0
# A collection that the quota asked for goes below it, so that the next build doesn't ask again.
_LOW = 0.9
_SLICE = 200
_WAIT_SECONDS = 60.0
_BAD_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Evicted:
    """A record that goes. ``bytes``: what goes with it, that no record which was used later names."""

    task: str
    taskhash: str
    used: float
    bytes: int


@dataclass(slots=True)
class Report:
    """``before``, ``after``: bytes that all blobs take on the disk. ``rooted``: how many records the roots keep; ``loose``: bytes
    that no record named. ``busy``: others held the lock, so that something was left for the next time. ``over``: what is in use
    is itself more than the quota."""

    records: int = 0
    before: int = 0
    after: int = 0
    rooted: int = 0
    loose: int = 0
    blobs: int = 0
    evicted: list[Evicted] = field(default_factory=list)
    busy: bool = False
    over: bool = False


def collect(store: Store, quota: int | None, *, grace: float = GRACE_SECONDS, dry_run: bool = False) -> Report:
    """``quota`` in bytes; without one only what no record names is taken. ``dry_run``: only says what would be done."""
    now = clock(store.root)
    # Before the blobs: so what these records name is in the list of blobs, or is gone.
    there = sorted(records(store, _refuse), key=lambda item: item.used, reverse=True)
    files = list(blob_files(store.root))
    sizes: dict[str, int] = {}
    for file in files:
        sizes[file.hash] = sizes.get(file.hash, 0) + file.space
    all_roots = roots.read(store.root, now)
    rooted = {taskhash for root in all_roots if root.there for taskhash in root.taskhashes}
    report = Report(records=len(there), before=sum(sizes.values()))
    report.rooted = sum(item.record.taskhash in rooted for item in there)
    reach = Reach(store.cas)

    def protected(item: Kept) -> bool:
        return item.record.taskhash in rooted or _young(item.used, now, grace)

    evicted = _choose(there, quota, sizes, reach, protected)
    kept_bytes = sum(sizes.get(name, 0) for name in reach.seen)
    report.over = quota is not None and kept_bytes > quota
    below = Reach(store.cas)
    below.seen = set(reach.seen)
    for item in reversed(evicted):
        size = sum(sizes.get(digest.hash, 0) for digest in below.add(item.record))
        report.evicted.append(Evicted(item.record.task, item.record.taskhash, item.used, size))
    report.loose = sum(size for name, size in sizes.items() if name not in below.seen)
    if dry_run:
        gone = [file for file in files if file.hash not in reach.seen and not _young(file.changed, now, grace)]
        report.blobs = len(gone)
        report.after = report.before - sum(file.space for file in gone)
        return report
    _take_records(store, evicted, reach, report)
    _take_index(store, there, now, grace, report)
    freed = _take_blobs(store, files, reach, now, grace, report)
    report.after = report.before - freed
    _tidy(store, all_roots, now)
    return report


def _refuse(path: str) -> None:
    raise HadronbakeError.of(
        "HBA012",
        f"the record {path} is of another version of hadronbake: what it names isn't known, so nothing can be deleted",
        hint="collect with the newest version that uses this shared state",
    )


def store_bytes(store: Store) -> int:
    """What all blobs take on the disk."""
    return sum(file.space for file in blob_files(store.root))


def _young(seconds: float, now: float, grace: float) -> bool:
    """A time in the future, after the clock was set back, is young."""
    return seconds > now - grace


def _choose(
    there: Sequence[Kept], quota: int | None, sizes: Mapping[str, int], reach: Reach, protected: Callable[[Kept], bool]
) -> list[Kept]:
    """The records to take away, the one used last first; ``reach`` is then what the others name. ``there``: that too."""

    def add(item: Kept) -> tuple[list[Digest], int]:
        new = reach.add(item.record)
        return new, sum(sizes.get(digest.hash, 0) for digest in new)

    total = sum(add(item)[1] for item in there)
    if quota is None or total <= quota:
        return []
    reach.seen.clear()
    total = sum(add(item)[1] for item in there if protected(item))
    rest = [item for item in there if not protected(item)]
    for position, item in enumerate(rest):
        new, size = add(item)
        total += size
        if total > quota * _LOW:
            reach.seen.difference_update(digest.hash for digest in new)
            return rest[position:]
    return []


def _take_records(store: Store, evicted: Iterable[Kept], reach: Reach, report: Report) -> None:
    for part, got in _slices(store, evicted):
        for item in part:
            with suppress(FileNotFoundError):
                if got and os.stat(item.path).st_mtime == item.used:
                    os.unlink(item.path)
                else:
                    reach.add(item.record)
        report.busy |= not got


def _take_index(store: Store, there: Sequence[Kept], now: float, grace: float, report: Report) -> None:
    """An equivalence is of use as long as a record of that output is there; or was taken from elsewhere for a record to come."""
    outputs = {(item.record.task, item.record.outhash) for item in there if Path(item.path).exists()}
    for part, got in _slices(store, equivalent_files(store.root)):
        for path in part if got else ():
            with suppress(FileNotFoundError):
                if _young(os.stat(path).st_mtime, now, grace):
                    continue
                try:
                    claim = stated_equivalence(Path(path).read_bytes())
                except Damaged:
                    os.unlink(path)
                else:
                    if (claim.task, claim.outhash) not in outputs:
                        os.unlink(path)
        report.busy |= not got


def _take_blobs(store: Store, files: Iterable[BlobFile], reach: Reach, now: float, grace: float, report: Report) -> int:
    """The bytes that were freed."""
    freed = 0
    for part, got in _slices(store, (file for file in files if file.hash not in reach.seen)):
        for file in part if got else ():
            with suppress(FileNotFoundError):
                if not _young(os.stat(file.path).st_ctime, now, grace):
                    os.unlink(file.path)
                    freed += file.space
                    report.blobs += 1
        report.busy |= not got
    return freed


def _slices(store: Store, items: Iterable[T]) -> Iterator[tuple[list[T], bool]]:
    """Some at a time, with the store's lock alone, if it is to be had."""
    source = iter(items)
    while part := list(itertools.islice(source, _SLICE)):
        with store.cas.locked(exclusive=True, seconds=_WAIT_SECONDS) as got:
            yield part, got


def _tidy(store: Store, found: Iterable[roots.Root], now: float) -> None:
    for root in found:
        if not root.there:
            root.path.unlink(missing_ok=True)
    bad = store.root / "bad"
    for path in bad.iterdir() if bad.is_dir() else ():
        with suppress(OSError):
            if path.lstat().st_ctime < now - _BAD_SECONDS:
                path.unlink()
