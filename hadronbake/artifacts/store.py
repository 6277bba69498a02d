"""Shared state on the local disk: records, and the blobs and trees they name.

    cas/xx/HASH, exec/xx/HASH   blobs (see ``cas``)
    ac/xx/TASKHASH              records: signed statements (see ``signing``)
    equivalent/xx/KEY           KEY = SHA-256 of task label and outhash; content: a signed Equivalence
    divergences/xx/TASKHASH/OUT further records of a taskhash, with other outputs than the first
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
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from hadronbake.artifacts import checkout as out
from hadronbake.artifacts import sysroot
from hadronbake.artifacts.capture import Tree, capture
from hadronbake.artifacts.cas import FRESH_SECONDS, Cas, MissingBlob, fsync
from hadronbake.artifacts.digest import is_hash
from hadronbake.artifacts.record import Digest, Divergence, Equivalence, Record
from hadronbake.artifacts.roots import Uses, uses
from hadronbake.artifacts.signing import SHOWN, Damaged, Keyring, Unreadable, Untrusted, payload, signer
from hadronbake.artifacts.sysroot import SysrootPart
from hadronbake.artifacts.tree import Directory, unfold
from hadronbake.diagnostics import HadronbakeError

__all__ = ["MissingBlob", "Store", "SysrootPart", "Tree"]

_THREADS = min(4, os.cpu_count() or 1)
_DIRECTORIES = 20_000


class Store:
    """Several processes may use one store at once. The directory is made when something is first written.

    ``keys``: who signs and who is believed; by default the key in ``keys/`` beside the store.
    """

    def __init__(self, root: Path, keys: Keyring | None = None) -> None:
        self.root = root
        self.keys = keys or Keyring(root.parent / "keys")
        self.cas = Cas(root)
        self._uses: Uses | None = None
        self._directories: dict[str, Directory] = {}
        self._notices: list[str] = []
        self._said: set[str] = set()

    def take_notices(self) -> list[str]:
        """What the user should know of this store, each thing once; what was taken isn't given again."""
        taken, self._notices = self._notices, []
        return taken

    def notice(self, text: str, key: str | None = None) -> None:
        """``key``: what counts as the same thing, if it isn't the text."""
        if (key or text) not in self._said:
            self._said.add(key or text)
            self._notices.append(text)

    def check_writable(self) -> None:
        """Raises HBA011 where nothing can be written, so that no task runs for nothing."""
        try:
            path = Path(self.cas.temporary())
            path.touch()
            path.unlink(missing_ok=True)
        except OSError as error:
            raise HadronbakeError.of(
                "HBA011",
                f"shared state {self.root} can't be written: {error.strerror}",
                hint="what it holds can be used, but nothing new be kept: set SSTATE_DIR to a directory of your own",
            ) from error

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
        return all(self.cas.has(node.digest) for _, node in tree.placed())

    def expect(self, graph: str) -> None:
        """Says what will be looked up next, by the hash of its graph; see ``remotes.store``."""

    def fetch(self, trees: Iterable[Digest]) -> None:
        """Gets trees that are known but not here, if there is somewhere to get them from; see ``remotes.store``."""

    def in_vain(self, tree: Digest) -> bool:
        """Whether :meth:`fetch` couldn't get it, for a reason that was said."""
        return False

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
        for part in parts:
            unfold(part.tree, self._directory)
        layout = sysroot.merge(parts, self._directory)
        with out.building(destination) as place, ThreadPoolExecutor(_THREADS) as pool:
            out.write(self.cas, layout, place, True, pool)

    def _directory(self, digest: Digest) -> Directory:
        """Read once: the sysroots of a build have most of their directories in common."""
        found = self._directories.get(digest.hash)
        if found is None:
            found = out.read(self.cas, digest)
            if len(self._directories) >= _DIRECTORIES:
                self._directories.clear()
            self._directories[digest.hash] = found
        return found

    @contextmanager
    def building(self, topdir: Path) -> Iterator[Uses]:
        """While it lasts, the records that are found or added count as used by the build in ``topdir``; see ``roots``."""
        with uses(self.root, topdir) as self._uses:
            try:
                yield self._uses
            finally:
                self._uses = None

    def record(self, taskhash: str) -> Record | None:
        """A damaged record is set aside and counts as none; one that no trusted key signed stays, and counts as none. One that
        counts is used now."""
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
                self.notice(f"records of {self.root} can't be read ({error.strerror}): they don't count", "unreadable")
                return None
            content = b""
        try:
            return self.believed(taskhash, content)
        except Unreadable:
            self.notice(f"{self.root} has records of another version of hadronbake: they don't count", "version")
        except Damaged:
            self._damaged("record", path)
        except Untrusted as error:
            self._distrusted(error)
        return None

    def believed(self, taskhash: str, statement: bytes) -> Record:
        """The record that the statement makes of ``taskhash``. Raises Damaged (also for a record of another taskhash),
        Untrusted."""
        record = _model(Record, self.keys.open("record", statement))
        if record.taskhash != taskhash:
            raise Damaged
        return record

    def statement(self, taskhash: str) -> bytes | None:
        """The record as it was signed, or None where there is none that counts."""
        return self.record_path(taskhash).read_bytes() if self.record(taskhash) is not None else None

    def said(self, taskhash: str) -> bytes | None:
        """The same for who only looks, also of a record whose tree isn't here; see ``remotes.store``."""
        return self.record_path(taskhash).read_bytes() if self.peek(taskhash) is not None else None

    def divergences(self) -> Iterator[Divergence]:
        """All records that a trusted key signed although another output was there, beside the first."""
        root = self.root / "divergences"
        for directory in sorted(root.glob("*/*")) if root.is_dir() else []:
            first = self.record(directory.name)
            others = []
            keys = {first.outhash: signer(self.said(directory.name) or b"")} if first is not None else {}
            for path in sorted(directory.iterdir()):
                try:
                    statement = path.read_bytes()
                    others.append(self.believed(directory.name, statement))
                    keys.setdefault(others[-1].outhash, signer(statement))
                except (Damaged, Untrusted):
                    continue
            others = [other for other in others if first is None or other.outhash != first.outhash]
            if others:
                signed = {outhash: key for outhash, key in keys.items() if key is not None}
                rest = others if first else others[1:]
                yield Divergence(first=first or others[0], others=tuple(rest), keys=signed)

    def diverged(self, taskhash: str, statement: bytes) -> None:
        """Keeps a second record of ``taskhash``, whose output is another one than the first's."""
        other = self.believed(taskhash, statement)
        self._write_first(self.root / "divergences" / taskhash[:2] / taskhash / other.outhash, statement)
        self.notice(
            f"{other.task} has made two different outputs from the same inputs; the first counts, and "
            "`hbake cache divergences` compares them",
            f"divergence {taskhash}",
        )

    def adopt(self) -> int:
        """Signs with this machine's key what stands in the store unsigned and undamaged; how many records."""
        adopted = 0
        for path in sorted((self.root / "ac").glob("*/*")):
            content = path.read_bytes()
            try:
                self.believed(path.name, content)
            except Damaged:
                continue
            except Untrusted as error:
                if error.key is not None:
                    continue
                said = content.partition(b"\n")[0]
                try:
                    record = _model(Record, said)
                except Damaged:
                    continue
                if record.taskhash == path.name:
                    self._replace(path, self.keys.sign("record", said))
                    self._claim(record)
                    adopted += 1
        return adopted

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
        path = self._equivalent_path(task_label, outhash)
        try:
            found = self.believed_claim(task_label, outhash, path.read_bytes())
        except FileNotFoundError:
            return None
        except Damaged:
            self._damaged("entry of the index", path)
        except Untrusted as error:
            self._distrusted(error)
        else:
            self._use(found.taskhash)
            return found.unihash
        return None

    def believed_claim(self, task_label: str, outhash: str, statement: bytes) -> Equivalence:
        """What the statement says of this output. Raises Damaged, Untrusted."""
        claim = _model(Equivalence, self.keys.open("equivalence", statement))
        if (claim.task, claim.outhash) != (task_label, outhash) or not is_hash(claim.unihash):
            raise Damaged
        return claim

    def claim(self, task_label: str, outhash: str) -> bytes | None:
        """The signed equivalence that counts here, or None."""
        if Store.equivalent(self, task_label, outhash) is None:
            return None
        return self._equivalent_path(task_label, outhash).read_bytes()

    def add_record(self, record: Record) -> Record:
        """Signs and adds it, unless there is one of this taskhash whose tree is whole: the first write wins. Gives what is
        there. A second one with another output is kept as a divergence."""
        return self.add_statement(record.taskhash, self.keys.sign("record", canonical(record)))

    def add_statement(self, taskhash: str, statement: bytes) -> Record:
        """The same, of a record that was signed already. Raises Damaged, Untrusted."""
        record = self.believed(taskhash, statement)
        first = self.record(taskhash)
        if first is not None and self.has_tree(first.tree):
            if first.outhash != record.outhash:
                self.diverged(taskhash, statement)
            return first
        if self._uses is not None:
            self._uses.add(taskhash)
        path = self.record_path(taskhash)
        # One that doesn't count (its tree is gone, nobody trusted signed it) gives way.
        path.unlink(missing_ok=True)
        if not self._write_first(path, statement):
            return self.record(taskhash) or record
        self._claim(record)
        return record

    def add_claim(self, task_label: str, outhash: str, statement: bytes) -> None:
        """Takes an equivalence that was signed elsewhere, unless there is one. Raises Damaged, Untrusted."""
        self.believed_claim(task_label, outhash, statement)
        if Store.equivalent(self, task_label, outhash) is None:
            path = self._equivalent_path(task_label, outhash)
            path.unlink(missing_ok=True)
            self._write_first(path, statement)

    def _claim(self, record: Record) -> None:
        if Store.equivalent(self, record.task, record.outhash) is None:
            path = self._equivalent_path(record.task, record.outhash)
            path.unlink(missing_ok=True)
            self._write_first(path, self.keys.sign("equivalence", canonical(_equivalence(record))))

    def _damaged(self, what: str, path: Path) -> None:
        place = self.cas.set_aside(str(path))
        self.notice(
            f"a damaged {what} of shared state was set aside as {place}; what it told of is built again",
            f"damaged {what}",
        )

    def _distrusted(self, error: Untrusted) -> None:
        if error.key is None:
            self.notice(
                f"{self.root} has records that nobody signed (of an earlier version?): they don't count. If nobody else "
                "could write there, `hbake keys adopt` signs them with this machine's key",
                "unsigned",
            )
        else:
            self.notice(
                f"{self.root} has records signed with the key {error.key[:SHOWN]}…, which isn't trusted: they don't count. "
                f"`hbake keys trust {error.key}` would trust it",
                error.key,
            )

    def record_path(self, taskhash: str) -> Path:
        if not is_hash(taskhash):
            raise ValueError(f"{taskhash!r} is no SHA-256")
        return self.root / "ac" / taskhash[:2] / taskhash

    def _equivalent_path(self, task_label: str, outhash: str) -> Path:
        key = hashlib.sha256(f"{len(task_label)}:{task_label}{outhash}".encode()).hexdigest()
        return self.root / "equivalent" / key[:2] / key

    def _replace(self, path: Path, content: bytes) -> None:
        temporary = Path(self.cas.temporary())
        temporary.write_bytes(content)
        fsync(str(temporary))
        temporary.rename(path)

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


def stated_record(statement: bytes) -> Record:
    """What a record says, whoever signed it. Raises Damaged, and Unreadable for one of another version."""
    return _model(Record, payload(statement))


def stated_equivalence(statement: bytes) -> Equivalence:
    """The same of an equivalence."""
    return _model(Equivalence, payload(statement))


def canonical(statement: Record | Equivalence) -> bytes:
    """JSON with sorted keys and without blanks: what a signature covers."""
    return json.dumps(statement.model_dump(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


M = TypeVar("M", bound=BaseModel)


def _model(kind: type[M], payload: bytes) -> M:
    try:
        return kind.model_validate_json(payload)
    except ValidationError:
        raise Unreadable from None


def _equivalence(record: Record) -> Equivalence:
    return Equivalence(task=record.task, outhash=record.outhash, unihash=record.unihash, taskhash=record.taskhash)
