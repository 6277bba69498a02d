"""Verification: every blob, tree, record and index entry of a store is read again. What is damaged is put aside.

What is right and has zeros on the disk gets holes instead (``holes``): blobs that other versions wrote have none.

A record that names something which isn't there any more is put aside with it: the task it is of is built again when it is next
wanted, and nothing else.
"""

# Plain strings, not Path objects: these functions are called for tens of thousands of paths at a time.
# ruff: noqa: PTH101, PTH116, PTH123

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hadronbake.artifacts import holes
from hadronbake.artifacts.cas import MTIME_NS
from hadronbake.artifacts.digest import is_hash
from hadronbake.artifacts.inventory import blob_files, equivalent_files, of_record, record_names
from hadronbake.artifacts.record import Digest, Record
from hadronbake.artifacts.signing import Damaged, Unreadable
from hadronbake.artifacts.store import Store, stated_equivalence, stated_record
from hadronbake.artifacts.tree import DEEPEST, decode
from hadronbake.diagnostics import HadronbakeError


@dataclass(frozen=True, slots=True)
class Finding:
    """``kind``: "blob", "tree", "record" or "index". ``name``: hash or task. ``aside``: where it was put, if anywhere.
    ``tasks``: the labels of the tasks that will be built again for it."""

    kind: str
    name: str
    problem: str
    aside: str = ""
    tasks: tuple[str, ...] = ()


@dataclass(slots=True)
class Checked:
    """How many were read; and what was wrong. ``freed``: bytes of the disk that were zeros."""

    blobs: int = 0
    bytes: int = 0
    trees: int = 0
    records: int = 0
    index: int = 0
    freed: int = 0
    findings: list[Finding] = field(default_factory=list)


def verify(store: Store) -> Checked:
    """Reads all of the store. Safe beside builds."""
    result = Checked()
    bad_blobs: dict[str, tuple[str, str]] = {}
    good: dict[str, int] = {}
    for file in blob_files(store.root):
        result.blobs += 1
        result.bytes += file.size
        problem, zeros = _examine(file.path, file.hash)
        if problem is None:
            good[file.hash] = file.size
            result.freed += holes.dig(file.path, zeros)
            with suppress(OSError):
                if os.stat(file.path).st_mtime_ns != MTIME_NS:
                    os.utime(file.path, ns=(MTIME_NS, MTIME_NS))
            wanted = 0o555 if Path(file.path).parent.parent.name == "exec" else 0o444
            if file.mode != wanted:
                # Content is right, so nothing need be built for it.
                with suppress(OSError):
                    os.chmod(file.path, wanted)
                result.findings.append(
                    Finding("blob", file.hash, f"its mode was {file.mode:o}, and is {wanted:o} again")
                )
        else:
            bad_blobs[file.hash] = problem, store.cas.set_aside(file.path)
    for name in good:
        # The other of two files of one content is right: it is made again from that.
        if name in bad_blobs:
            result.findings.append(Finding("blob", name, *bad_blobs.pop(name)))
    tasks: dict[str, set[str]] = {}
    trees = _Trees(store, good)
    for name in record_names(store.root):
        result.records += 1
        path = store.root / "ac" / name[:2] / name
        try:
            record = stated_record(path.read_bytes())
        except FileNotFoundError:
            continue
        except Unreadable:
            result.findings.append(Finding("record", name, "it is of another version of hadronbake, and isn't checked"))
            continue
        except (Damaged, OSError):
            aside = store.cas.set_aside(str(path))
            result.findings.append(Finding("record", name, "it can't be read, or its checksum is wrong", aside))
            continue
        if record.taskhash != name:
            aside = store.cas.set_aside(str(path))
            result.findings.append(
                Finding("record", name, f"it is the record of {record.taskhash}", aside, (record.task,))
            )
            continue
        lost = trees.lost(record)
        if lost:
            label = record.task
            for blob in lost:
                tasks.setdefault(blob, set()).add(label)
            aside = store.cas.set_aside(str(path))
            said = f"{len(lost)} of the blobs it names are missing or damaged"
            result.findings.append(Finding("record", name, said, aside, (label,)))
    result.trees = trees.count
    for name, (problem, aside) in sorted(bad_blobs.items()):
        result.findings.append(Finding("blob", name, problem, aside, tuple(sorted(tasks.get(name, ())))))
    for name, problem in sorted(trees.malformed.items()):
        result.findings.append(Finding("tree", name, problem, "", tuple(sorted(tasks.get(name, ())))))
    for entry in equivalent_files(store.root):
        result.index += 1
        try:
            stated_equivalence(Path(entry).read_bytes())
        except FileNotFoundError:
            continue
        except (Damaged, OSError):
            aside = store.cas.set_aside(entry)
            result.findings.append(
                Finding("index", Path(entry).name, "it can't be read, or its checksum is wrong", aside)
            )
    return result


class _Trees:
    """Which blobs of a record aren't right. A directory is read once, however many trees have it."""

    def __init__(self, store: Store, good: dict[str, int]) -> None:
        self.count = 0
        self.malformed: dict[str, str] = {}
        self._store = store
        self._good = good
        self._known: dict[str, frozenset[str]] = {}

    def lost(self, record: Record) -> frozenset[str]:
        own = {digest.hash for digest in of_record(record) if not self._there(digest)}
        return self._below(record.tree) | own

    def _there(self, digest: Digest) -> bool:
        if digest.hash not in self._good:
            # Maybe a build has written it since the blobs were listed, which may be long ago.
            for executable in (False, True):
                path = self._store.cas.path(digest, executable)
                with suppress(FileNotFoundError):
                    if _examine(path, digest.hash)[0] is None:
                        self._good[digest.hash] = os.stat(path).st_size
        return self._good.get(digest.hash) == digest.size

    def _below(self, digest: Digest, depth: int = 1) -> frozenset[str]:
        known = self._known.get(digest.hash)
        if known is not None:
            return known
        self.count += 1
        found: set[str] = set()
        if not self._there(digest):
            found.add(digest.hash)
        elif depth > DEEPEST:
            self.malformed[digest.hash] = f"it is more than {DEEPEST} directories deep"
            found.add(digest.hash)
        else:
            try:
                directory = decode(self._store.get_blob(digest))
            except HadronbakeError as error:
                self.malformed[digest.hash] = error.diagnostics[0].message
                found.add(digest.hash)
            else:
                found.update(node.digest.hash for node in directory.files if not self._there(node.digest))
                for child in directory.directories:
                    found |= self._below(child.digest, depth + 1)
        self._known[digest.hash] = frozenset(found)
        return self._known[digest.hash]


def _examine(path: str, name: str) -> tuple[str | None, list[holes.Run]]:
    """What is wrong with a blob; and where it is zeros: from the same reading that its digest is made of."""
    if not is_hash(name):
        return "its name is no hash", []
    state = hashlib.sha256()
    zeros: list[holes.Run] = []
    size = 0
    try:
        with open(path, "rb", buffering=0) as file:
            while data := file.read(holes.CHUNK):
                state.update(data)
                zeros.extend(holes.zeros(data, size))
                size += len(data)
    except OSError as error:
        return f"it can't be read: {error.strerror}", []
    if state.hexdigest() != name:
        return f"its content is that of {state.hexdigest()[:12]}… ({size} bytes)", []
    return None, zeros
