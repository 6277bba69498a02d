"""Shared state on the local disk: records, and the blobs and trees they name.

    cas/xx/HASH, exec/xx/HASH   blobs (see ``cas``)
    ac/xx/TASKHASH              records: one line of canonical JSON, one line with its SHA-256
    equivalent/xx/KEY           KEY = SHA-256 of task label and outhash; content: the taskhash that came to it first
    roots/KEY.last, KEY.now     what builds used last (see ``roots``)
    tmp/, bad/                  what is being written; what was found damaged
    lock                        shared by who writes, held alone by who deletes (see ``cas``)

The mtime of a record's file says when it was last used, by ten minutes.

A record is written last, when all it names is on the disk: so what a record names is there, unless it was lost later, which
is then found and said.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from hadronbake.artifacts import checkout as out
from hadronbake.artifacts import sysroot
from hadronbake.artifacts.capture import Tree, capture
from hadronbake.artifacts.cas import FRESH_SECONDS, Cas, MissingBlob, fsync
from hadronbake.artifacts.digest import is_hash
from hadronbake.artifacts.record import Digest, Record
from hadronbake.artifacts.roots import Uses, uses
from hadronbake.artifacts.sysroot import SysrootPart
from hadronbake.artifacts.tree import Directory
from hadronbake.diagnostics import HadronbakeError

__all__ = ["MissingBlob", "Store", "SysrootPart", "Tree"]

_THREADS = min(4, os.cpu_count() or 1)


class Store:
    """Several processes may use one store at once. The directory is made when something is first written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cas = Cas(root)
        self._uses: Uses | None = None

    def put_blob(self, data: bytes) -> Digest:
        with self.cas.batch() as batch:
            return batch.put(data)

    def get_blob(self, digest: Digest) -> bytes:
        """The verified content. Raises MissingBlob."""
        return self.cas.get(digest)

    def put_tree(self, base: Path, directories: Sequence[str]) -> Tree:
        """Records ``base/<directory>`` for each of ``directories`` as one tree; see :func:`capture.capture`."""
        with ThreadPoolExecutor(_THREADS) as pool, self.cas.batch() as batch:
            return capture(base, directories, batch, pool)

    def has_tree(self, digest: Digest) -> bool:
        """Whether every blob of the tree is there, with its size. (Whether the content is right shows when it is used.)"""
        try:
            tree = out.layout(self.cas, digest)
        except HadronbakeError:
            return False
        return all(self.cas.has(placed.node.digest) for placed in tree.files)

    def checkout(self, tree: Digest, destination: Path, link: bool) -> None:
        """Makes the tree at ``destination``; see :func:`checkout.write`. A destination that doesn't exist yet appears
        whole or not at all; one that exists is filled, and what it has beside the tree is left. Raises MissingBlob."""
        layout = out.layout(self.cas, tree)
        with out.building(destination) as place, ThreadPoolExecutor(_THREADS) as pool:
            out.write(self.cas, layout, place, link, pool)

    def merge(self, parts: Sequence[SysrootPart], destination: Path) -> None:
        """Makes the sysroot of ``parts`` at ``destination`` by hard links, whole or not at all. Where ``destination``
        exists nothing is done. Raises HBA006 for conflicts, MissingBlob."""
        if destination.is_dir():
            return
        known: dict[str, Directory] = {}

        def read(digest: Digest) -> Directory:
            if digest.hash not in known:
                known[digest.hash] = out.read(self.cas, digest)
            return known[digest.hash]

        layout = sysroot.merge(parts, read)
        with out.building(destination) as place, ThreadPoolExecutor(_THREADS) as pool:
            out.write(self.cas, layout, place, True, pool)

    @contextmanager
    def building(self, topdir: Path) -> Iterator[Uses]:
        """While it lasts, the records that are found or added count as used by the build in ``topdir``; see ``roots``."""
        with uses(self.root, topdir) as self._uses:
            try:
                yield self._uses
            finally:
                self._uses = None

    def record(self, taskhash: str) -> Record | None:
        """A damaged record is set aside and counts as none. One that is there counts as used now."""
        found = self.peek(taskhash)
        if found is not None:
            self._use(taskhash)
        return found

    def peek(self, taskhash: str) -> Record | None:
        """Like :meth:`record`, for who only looks."""
        path = self.record_path(taskhash)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            content = b""
        text, _, check = content.partition(b"\n")
        if check == hashlib.sha256(text).hexdigest().encode() + b"\n":
            with suppress(ValidationError):
                record = Record.model_validate_json(text)
                if record.taskhash == taskhash:
                    return record
        self.cas.set_aside(str(path))
        return None

    def records(self, taskhashes: Iterable[str]) -> dict[str, Record]:
        """Those that are there, by taskhash."""
        with self.cas.locked():
            found = [(taskhash, self.record(taskhash)) for taskhash in taskhashes]
        return {taskhash: record for taskhash, record in found if record is not None}

    def _use(self, taskhash: str) -> None:
        with suppress(OSError):
            path = self.record_path(taskhash)
            if abs(time.time() - path.stat().st_mtime) > FRESH_SECONDS:
                os.utime(path)
        if self._uses is not None:
            self._uses.add(taskhash)

    def equivalent(self, task_label: str, outhash: str) -> str | None:
        """The unihash of the first record of this task that had this output, or None."""
        taskhash = self.indexed(str(self._equivalent_path(task_label, outhash)))
        record = self.record(taskhash) if taskhash is not None else None
        if record is None or (record.task, record.outhash) != (task_label, outhash):
            return None
        return record.unihash

    def indexed(self, path: str) -> str | None:
        """The taskhash that a file of the index names; None where there is none, or it is damaged."""
        try:
            taskhash = Path(path).read_text()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        return taskhash if is_hash(taskhash) else None

    def index(self, path: str, taskhash: str) -> None:
        """Lets a file of the index name another record."""
        temporary = Path(self.cas.temporary())
        temporary.write_text(taskhash)
        temporary.replace(path)

    def add_record(self, record: Record) -> Record:
        """Adds it, unless there is one of this taskhash whose tree is whole: the first write wins. Gives what is there."""
        first = self.record(record.taskhash)
        if first is not None and self.has_tree(first.tree):
            return first
        text = canonical(record)
        check = hashlib.sha256(text).hexdigest().encode()
        path = self.record_path(record.taskhash)
        if first is not None:
            path.unlink(missing_ok=True)
        if self._uses is not None:
            self._uses.add(record.taskhash)
        if not self._write_first(path, text + b"\n" + check + b"\n"):
            return self.record(record.taskhash) or record
        index = self._equivalent_path(record.task, record.outhash)
        if self.equivalent(record.task, record.outhash) is None:
            index.unlink(missing_ok=True)
            self._write_first(index, record.taskhash.encode())
        return record

    def record_path(self, taskhash: str) -> Path:
        if not is_hash(taskhash):
            raise ValueError(f"{taskhash!r} is no SHA-256")
        return self.root / "ac" / taskhash[:2] / taskhash

    def _equivalent_path(self, task_label: str, outhash: str) -> Path:
        key = hashlib.sha256(f"{len(task_label)}:{task_label}{outhash}".encode()).hexdigest()
        return self.root / "equivalent" / key[:2] / key

    def _write_first(self, path: Path, content: bytes) -> bool:
        """Makes a durable file, unless one is there: link(2) decides between two processes."""
        temporary = Path(self.cas.temporary())
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
