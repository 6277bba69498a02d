"""Shared state on the local disk: records, and the blobs and trees they name.

    cas/xx/HASH, exec/xx/HASH   blobs (see ``cas``)
    ac/xx/TASKHASH              records: one line of canonical JSON, one line with its SHA-256
    equivalent/xx/KEY           KEY = SHA-256 of task label and outhash; content: the taskhash that came to it first
    tmp/, bad/                  what is being written; what was found damaged

A record is written last, when all it names is on the disk: so what a record names is there, unless it was lost later, which
is then found and said.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from hadronbake.artifacts import checkout as out
from hadronbake.artifacts import sysroot
from hadronbake.artifacts.capture import Tree, capture
from hadronbake.artifacts.cas import Cas, MissingBlob, fsync
from hadronbake.artifacts.digest import is_hash
from hadronbake.artifacts.record import Digest, Record
from hadronbake.artifacts.sysroot import SysrootPart
from hadronbake.artifacts.tree import Directory
from hadronbake.diagnostics import HadronbakeError

__all__ = ["MissingBlob", "Store", "SysrootPart", "Tree"]

_THREADS = min(4, os.cpu_count() or 1)


class Store:
    """Several processes may use one store at once. The directory is made when something is first written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._cas = Cas(root)

    def put_blob(self, data: bytes) -> Digest:
        with self._cas.batch() as batch:
            return batch.put(data)

    def get_blob(self, digest: Digest) -> bytes:
        """The verified content. Raises MissingBlob."""
        return self._cas.get(digest)

    def put_tree(self, base: Path, directories: Sequence[str]) -> Tree:
        """Records ``base/<directory>`` for each of ``directories`` as one tree; see :func:`capture.capture`."""
        with ThreadPoolExecutor(_THREADS) as pool, self._cas.batch() as batch:
            return capture(base, directories, batch, pool)

    def has_tree(self, digest: Digest) -> bool:
        """Whether every blob of the tree is there, with its size. (Whether the content is right shows when it is used.)"""
        try:
            tree = out.layout(self._cas, digest)
        except HadronbakeError:
            return False
        return all(self._cas.has(placed.node.digest) for placed in tree.files)

    def checkout(self, tree: Digest, destination: Path, link: bool) -> None:
        """Makes the tree at ``destination``; see :func:`checkout.write`. A destination that doesn't exist yet appears
        whole or not at all; one that exists is filled, and what it has beside the tree is left. Raises MissingBlob."""
        layout = out.layout(self._cas, tree)
        with out.building(destination) as place, ThreadPoolExecutor(_THREADS) as pool:
            out.write(self._cas, layout, place, link, pool)

    def merge(self, parts: Sequence[SysrootPart], destination: Path) -> None:
        """Makes the sysroot of ``parts`` at ``destination`` by hard links, whole or not at all. Where ``destination``
        exists nothing is done. Raises HBA006 for conflicts, MissingBlob."""
        if destination.is_dir():
            return
        known: dict[str, Directory] = {}

        def read(digest: Digest) -> Directory:
            if digest.hash not in known:
                known[digest.hash] = out.read(self._cas, digest)
            return known[digest.hash]

        layout = sysroot.merge(parts, read)
        with out.building(destination) as place, ThreadPoolExecutor(_THREADS) as pool:
            out.write(self._cas, layout, place, True, pool)

    def record(self, taskhash: str) -> Record | None:
        """A damaged record is set aside and counts as none."""
        path = self._record_path(taskhash)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        text, _, check = content.partition(b"\n")
        if check == hashlib.sha256(text).hexdigest().encode() + b"\n":
            with suppress(ValidationError):
                record = Record.model_validate_json(text)
                if record.taskhash == taskhash:
                    return record
        self._cas.set_aside(str(path))
        return None

    def records(self, taskhashes: Iterable[str]) -> dict[str, Record]:
        """Those that are there, by taskhash."""
        found = ((taskhash, self.record(taskhash)) for taskhash in taskhashes)
        return {taskhash: record for taskhash, record in found if record is not None}

    def equivalent(self, task_label: str, outhash: str) -> str | None:
        """The unihash of the first record of this task that had this output, or None."""
        try:
            taskhash = self._equivalent_path(task_label, outhash).read_text()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        record = self.record(taskhash) if is_hash(taskhash) else None
        if record is None or (record.task, record.outhash) != (task_label, outhash):
            return None
        return record.unihash

    def add_record(self, record: Record) -> Record:
        """Adds it, unless there is one of this taskhash whose tree is whole: the first write wins. Gives what is there."""
        first = self.record(record.taskhash)
        if first is not None and self.has_tree(first.tree):
            return first
        text = canonical(record)
        check = hashlib.sha256(text).hexdigest().encode()
        path = self._record_path(record.taskhash)
        if first is not None:
            path.unlink(missing_ok=True)
        if not self._write_first(path, text + b"\n" + check + b"\n"):
            return self.record(record.taskhash) or record
        index = self._equivalent_path(record.task, record.outhash)
        if self.equivalent(record.task, record.outhash) is None:
            index.unlink(missing_ok=True)
            self._write_first(index, record.taskhash.encode())
        return record

    def _record_path(self, taskhash: str) -> Path:
        if not is_hash(taskhash):
            raise ValueError(f"{taskhash!r} is no SHA-256")
        return self.root / "ac" / taskhash[:2] / taskhash

    def _equivalent_path(self, task_label: str, outhash: str) -> Path:
        key = hashlib.sha256(f"{len(task_label)}:{task_label}{outhash}".encode()).hexdigest()
        return self.root / "equivalent" / key[:2] / key

    def _write_first(self, path: Path, content: bytes) -> bool:
        """Makes a durable file, unless one is there: link(2) decides between two processes."""
        temporary = Path(self._cas.temporary())
        try:
            temporary.write_bytes(content)
            fsync(str(temporary))
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(temporary, path)
            except OSError as error:
                if error.errno != errno.EEXIST:
                    raise
                return False
            fsync(str(path.parent))
        finally:
            temporary.unlink(missing_ok=True)
        return True


def canonical(record: Record) -> bytes:
    """JSON with sorted keys and without blanks; what a signature will cover."""
    return json.dumps(record.model_dump(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
