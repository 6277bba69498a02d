"""Shared state as the rest of the program sees it: the local store, and behind it the remotes, asked in order.

    seen/xx/TASKHASH    the ActionResult of a record that a remote has, whose tree isn't here (yet)

A record of a remote counts as soon as its signature is good; its tree comes when something needs it, and then the record becomes
one of the local store. Nothing here raises because of a remote: what can't be had is a miss.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hadronbake.artifacts.cas import MissingBlob
from hadronbake.artifacts.digest import of_bytes
from hadronbake.artifacts.record import Digest, Record
from hadronbake.artifacts.signing import SHOWN, Damaged, Keyring, Untrusted
from hadronbake.artifacts.store import Store, SysrootPart
from hadronbake.artifacts.wire import field as wire_field
from hadronbake.artifacts.wire import fields
from hadronbake.remotes.guard import Guarded
from hadronbake.remotes.receiving import parts, write_verified
from hadronbake.remotes.remote import Blob, Lie, Remote, Stopped
from hadronbake.remotes.results import (
    EMPTY,
    Result,
    action,
    bundle_key,
    decode_result,
    decode_tree,
    divergence_key,
    encode_result,
    equivalence_key,
    record_key,
)
from hadronbake.remotes.sending import Outbox, put

_LARGEST_MESSAGE = 256 << 20
_LEAST_BUNDLED = 2
_SEEN_DAYS = 30


@dataclass(frozen=True, slots=True)
class Far:
    """A record whose tree is with a remote; ``statement``: as it was signed; ``result``: what came with it."""

    record: Record
    statement: bytes
    result: Result
    remote: Guarded | None

    @property
    def message(self) -> bytes:
        """The ActionResult with the statement in it, wherever the server had put that."""
        return encode_result(self.statement, self.result.tree, dict(self.result.files))


@dataclass(frozen=True, slots=True)
class Usage:
    """What remotes did for a build. ``found``: outputs that were known from them; ``trees``: those whose content came;
    ``sent``: records that went; ``received_bytes``, ``sent_bytes``: as they went over the wire."""

    found: int = 0
    trees: int = 0
    sent: int = 0
    requests: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    seconds: float = 0.0


class SharedStore(Store):
    """``remotes``: address, remote and whether results are sent there; in the order in which they are asked."""

    def __init__(
        self, root: Path, keys: Keyring | None = None, remotes: Sequence[tuple[str, Remote, bool]] = ()
    ) -> None:
        super().__init__(root, keys)
        self.remotes = [Guarded(remote, name, writable, self.notice) for name, remote, writable in remotes]
        self._far: dict[str, dict[str, Far]] = {}
        """Root directory → taskhash → record: several tasks may have made the same."""
        self._vain: set[str] = set()
        """Root directories that no remote could give."""
        self._task_of: dict[str, str] = {}
        """Root directory → taskhash, of all records that were seen."""
        self._bundled: dict[str, tuple[Guarded, bytes]] = {}
        self.results: dict[str, bytes] = {}
        self._expected = ""
        self._fetching = threading.RLock()
        self._outboxes = [Outbox(self, remote) for remote in self.remotes if remote.writable]
        self._counts = {"found": 0, "trees": 0, "sent": 0}
        self._guard = threading.Lock()

    # --- looking up -------------------------------------------------------------------------------------------------

    def records(self, taskhashes: Iterable[str]) -> dict[str, Record]:
        """Those that are there, here or with a remote: each remote is asked for all that is still missing at once."""
        wanted = list(taskhashes)
        found = super().records(wanted)
        for record in found.values():
            self._task_of[record.tree.hash] = record.taskhash
        if not self.remotes:
            return found
        for taskhash in wanted:
            if taskhash not in found and (far := self._seen(taskhash)) is not None:
                found[taskhash] = self._remember(far)
        for remote in self.remotes:
            rest = [taskhash for taskhash in wanted if taskhash not in found]
            if rest:
                self._ask_bundle()
            for far in self._ask_records(remote, rest):
                found[far.record.taskhash] = self._remember(far)
                self.count("found")
                self._keep_seen(far)
        return found

    def expect(self, graph: str) -> None:
        """Says what will be built, by the hash of its graph: when something of it isn't here, the remotes are first asked for
        all the records that the last build of the same graph used, in one."""
        self._expected = graph

    def _ask_bundle(self) -> None:
        graph, self._expected = self._expected, ""
        if not graph:
            return
        for remote in self.remotes:
            (data,) = self.ask(remote, [bundle_key(graph)]).values() or (None,)
            try:
                files = dict(decode_result(data).files) if data is not None else {}
            except Lie as error:
                remote.failed(error)
                continue
            if "records" not in files:
                continue
            content = self._blobs(remote, [files["records"]]).get(files["records"].hash)
            if content is not None:
                with suppress(ValueError, IndexError, KeyError):
                    for _, value in fields(content):
                        if isinstance(value, bytes):
                            self._unbundle(remote, value)
            return

    def _unbundle(self, remote: Guarded, value: bytes) -> None:
        parts = {number: part for number, part in fields(value) if isinstance(part, bytes)}
        taskhash = parts[1].decode(errors="replace")
        self._bundled.setdefault(taskhash, (remote, parts[2]))

    def _ask_records(self, remote: Guarded, taskhashes: Sequence[str]) -> Iterator[Far]:
        known = {taskhash: self._bundled.pop(taskhash) for taskhash in taskhashes if taskhash in self._bundled}
        for taskhash, (source, result) in known.items():
            if (far := self.believe(source, taskhash, result)) is not None:
                yield far
        keys = {record_key(taskhash): taskhash for taskhash in taskhashes if taskhash not in known}
        for key, result in self.ask(remote, list(keys)).items():
            if (far := self.believe(remote, keys[key], result)) is not None:
                yield far

    def ask(self, remote: Guarded, keys: Sequence[str]) -> dict[str, bytes]:
        """The ActionResults by key."""
        if not keys:
            return {}
        digests = {key: of_bytes(action(key)) for key in keys}
        nothing: dict[str, bytes] = {}
        found = remote.ask(lambda it: it.results(list(digests.values())), nothing)
        return {key: found[digest.hash] for key, digest in digests.items() if digest.hash in found}

    def believe(self, remote: Guarded | None, taskhash: str, data: bytes) -> Far | None:
        statement = self._statement(remote, data)
        if statement is None:
            return None
        try:
            record = self.believed(taskhash, statement)
            result = decode_result(data)
            if result.tree is None:
                raise Damaged
        except Untrusted as error:
            self._unknown(remote, error)
            return None
        except Damaged:
            if remote is not None:
                remote.failed(Lie(f"the record of {taskhash[:12]}… is damaged, or is one of something else"))
            return None
        return Far(record, statement, result, remote)

    def _statement(self, remote: Guarded | None, data: bytes) -> bytes | None:
        try:
            result = decode_result(data)
        except Lie as error:
            if remote is not None:
                remote.failed(error)
            return None
        if result.statement is None and result.moved is None and remote is not None:
            remote.failed(Lie("a result without a signed statement, which nobody sends"))
        if result.statement is not None or result.moved is None or remote is None:
            return result.statement
        return self._blobs(remote, [result.moved]).get(result.moved.hash)

    def _unknown(self, remote: Guarded | None, error: Untrusted) -> None:
        where = remote.name if remote is not None else str(self.root)
        if error.key is None:
            self.notice(f"the remote {where} has records that nobody signed: they don't count", f"unsigned {where}")
            return
        self.notice(
            f"the remote {where} has records signed with the key {error.key[:SHOWN]}…, which isn't trusted: they don't "
            f"count. `hbake keys trust {error.key}` would trust it",
            f"{where} {error.key}",
        )

    def _remember(self, far: Far) -> Record:
        with self._guard:
            self._task_of[far.record.tree.hash] = far.record.taskhash
            self._far.setdefault(far.record.tree.hash, {})[far.record.taskhash] = far
            self.results[far.record.taskhash] = far.message
        if self._uses is not None:
            self._uses.add(far.record.taskhash)
        return far.record

    def _seen_path(self, taskhash: str) -> Path:
        return self.root / "seen" / taskhash[:2] / taskhash

    def _seen(self, taskhash: str) -> Far | None:
        path = self._seen_path(taskhash)
        try:
            if path.stat().st_mtime < time.time() - _SEEN_DAYS * 86_400:
                return None
            return self.believe(None, taskhash, path.read_bytes())
        except OSError:
            return None

    def _keep_seen(self, far: Far) -> None:
        with suppress(OSError):
            path = self._seen_path(far.record.taskhash)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(self.cas.temporary())
            temporary.write_bytes(far.message)
            temporary.rename(path)

    def equivalent(self, task_label: str, outhash: str) -> str | None:
        known = super().equivalent(task_label, outhash)
        if known is not None:
            return known
        for remote in self.remotes:
            for data in self.ask(remote, [equivalence_key(task_label, outhash)]).values():
                statement = self._statement(remote, data)
                if statement is None:
                    continue
                try:
                    claim = self.believed_claim(task_label, outhash, statement)
                except Untrusted as error:
                    self._unknown(remote, error)
                except Damaged:
                    remote.failed(Lie(f"what it says of an output of {task_label} is damaged, or is of something else"))
                else:
                    with suppress(OSError):
                        self.add_claim(task_label, outhash, statement)
                    return claim.unihash
        return None

    # --- getting trees ----------------------------------------------------------------------------------------------

    def fetch(self, trees: Iterable[Digest]) -> None:
        """Gets those of the trees that are only with remotes, all in as few requests as can be. What can't be had isn't here
        afterwards. Raises OSError where the local store can't take it."""
        with self._fetching:
            far = [item for tree in dict.fromkeys(trees) for item in self._far.get(tree.hash, {}).values()]
            if not far:
                return
            for remote in self._order(far):
                if not far:
                    break
                self._take(remote, far)
                far = [item for item in far if item.record.taskhash in self._far.get(item.record.tree.hash, {})]
            for item in far:
                self._far.pop(item.record.tree.hash, None)
                self._vain.add(item.record.tree.hash)
                self._seen_path(item.record.taskhash).unlink(missing_ok=True)

    def _order(self, far: Sequence[Far]) -> list[Guarded]:
        first = [item.remote for item in far if item.remote is not None]
        return list(dict.fromkeys([*first, *self.remotes]))

    def _take(self, remote: Guarded, far: Sequence[Far]) -> None:
        wanted = {item.result.tree for item in far if item.result.tree is not None}
        messages = self._blobs(remote, sorted(wanted, key=lambda digest: digest.hash))
        files: dict[Digest, bool] = {}
        whole: list[tuple[Far, list[Digest]]] = []
        found: dict[Digest, bytes] = {}
        for item in far:
            message = messages.get(item.result.tree.hash) if item.result.tree is not None else None
            if message is None:
                continue
            try:
                directories, own = decode_tree(item.record.tree, message)
            except Lie as error:
                remote.failed(error)
                continue
            found.update(directories)
            extra = [item.record.inputs, *([item.record.log] if item.record.log is not None else [])]
            for digest, executable in [*own.items(), *((digest, False) for digest in extra)]:
                files[digest] = files.get(digest, False) or executable
            whole.append((item, [*own, *extra]))
        lacking = {digest: executable for digest, executable in files.items() if not self.cas.keep(digest)}
        for part in parts(lacking):
            self._receive(remote, {digest: lacking[digest] for digest in part})
        with self.cas.batch() as batch:
            for content in found.values():
                batch.put(content)
        for item, needed in whole:
            if all(self.cas.keep(digest) for digest in needed):
                self._arrived(item)

    def _arrived(self, item: Far) -> None:
        with self._guard:
            self._far[item.record.tree.hash].pop(item.record.taskhash, None)
            if not self._far[item.record.tree.hash]:
                del self._far[item.record.tree.hash]
        super().add_statement(item.record.taskhash, item.statement)
        self._seen_path(item.record.taskhash).unlink(missing_ok=True)
        self.count("trees")

    def _receive(self, remote: Guarded, wanted: Mapping[Digest, bool]) -> None:
        """Blobs into the local store: each is hashed on its way to a temporary file, and gets its name only if it is right."""
        came: list[tuple[Digest, str]] = []
        trouble: list[OSError] = []

        def take(digest: Digest, pieces: Iterator[bytes]) -> None:
            temporary = self.cas.temporary()
            try:
                write_verified(temporary, digest, pieces, wanted[digest])
            except BaseException as error:
                with suppress(OSError):
                    Path(temporary).unlink()
                if not isinstance(error, OSError):
                    raise
                # The disk is full, for example.
                trouble.append(error)
                raise Stopped(str(error)) from error
            came.append((digest, temporary))

        def read(it: Remote) -> None:
            it.read([digest for digest in wanted if digest.size], take)

        remote.ask(read, None)
        with self.cas.batch() as batch:
            for digest, temporary in came:
                batch.adopt(digest, wanted[digest], temporary)
            if EMPTY in wanted:
                batch.put(b"", wanted[EMPTY])
        if trouble:
            raise trouble[0]

    def _blobs(self, remote: Guarded, wanted: Sequence[Digest]) -> dict[str, bytes]:
        """Small blobs, in memory, by hash."""
        found: dict[str, bytes] = {EMPTY.hash: b""} if EMPTY in wanted else {}

        def take(digest: Digest, pieces: Iterator[bytes]) -> None:
            data = b"".join(pieces)
            if of_bytes(data) != digest:
                raise Lie(f"the content of blob {digest.hash[:12]}… is another one")
            found[digest.hash] = data

        fitting = [digest for digest in wanted if 0 < digest.size <= _LARGEST_MESSAGE]
        if fitting:
            remote.ask(lambda it: it.read(fitting, take), None)
        return found

    def has_tree(self, digest: Digest) -> bool:
        """A tree that a remote has is got, to be sure of it."""
        self.fetch([digest])
        return super().has_tree(digest)

    def get_blob(self, digest: Digest) -> bytes:
        try:
            return super().get_blob(digest)
        except MissingBlob:
            for remote in self.remotes:
                found = self._blobs(remote, [digest]).get(digest.hash)
                if found is not None:
                    return found
            raise

    def checkout(self, tree: Digest, destination: Path, link: bool) -> None:
        self.fetch([tree])
        try:
            super().checkout(tree, destination, link)
        except MissingBlob:
            if not self._recover([tree]):
                raise
            super().checkout(tree, destination, link)

    def merge(self, parts: Sequence[SysrootPart], destination: Path) -> None:
        trees = [part.tree for part in parts]
        self.fetch(trees)
        try:
            super().merge(parts, destination)
        except MissingBlob:
            if not self._recover(trees):
                raise
            super().merge(parts, destination)

    def _recover(self, trees: Collection[Digest]) -> bool:
        """Something of local trees was lost or damaged: whether a remote had it all."""
        lost = [tree for tree in trees if not Store.has_tree(self, tree)]
        taskhashes = [self._task_of[tree.hash] for tree in lost if tree.hash in self._task_of]
        for remote in self.remotes:
            for far in self._ask_records(remote, taskhashes):
                if far.record.tree in lost:
                    self._far.setdefault(far.record.tree.hash, {})[far.record.taskhash] = far
        self.fetch(lost)
        return all(Store.has_tree(self, tree) for tree in lost)

    # --- sending ----------------------------------------------------------------------------------------------------

    def add_record(self, record: Record) -> Record:
        kept = super().add_record(record)
        self._far.pop(kept.tree.hash, None)
        self._task_of[kept.tree.hash] = kept.taskhash
        for outbox in self._outboxes:
            if not outbox.remote.given_up:
                outbox.add(kept.taskhash)
        return kept

    def flush(self) -> None:
        """Waits until all that was added is with the remotes that take it, or with none because they failed."""
        for outbox in self._outboxes:
            outbox.flush()

    @property
    def waiting(self) -> int:
        """How many records are still to be sent."""
        return sum(outbox.waiting for outbox in self._outboxes)

    def differs(self, remote: Guarded, other: Far) -> None:
        """Keeps a record with another output than ours, and the directories of that output, for who compares them."""
        with suppress(Damaged, Untrusted):
            self.diverged(other.record.taskhash, other.statement)
        tree = other.result.tree
        message = self._blobs(remote, [tree]).get(tree.hash) if tree is not None else None
        if message is not None:
            try:
                directories, _ = decode_tree(other.record.tree, message)
            except Lie as error:
                remote.failed(error)
                return
            with self.cas.batch() as batch:
                for content in directories.values():
                    batch.put(content)

    def far_divergences(self, taskhashes: Sequence[str]) -> None:
        """Takes what remotes know of other outputs of these records; see ``divergences``."""
        for remote in self.remotes:
            for kind in (record_key, divergence_key):
                keys = {kind(taskhash): taskhash for taskhash in taskhashes}
                for key, data in self.ask(remote, list(keys)).items():
                    first = self.peek(keys[key])
                    far = self.believe(remote, keys[key], data)
                    if far is not None and first is not None and far.record.outhash != first.outhash:
                        self.differs(remote, far)

    def is_far(self, tree: Digest) -> bool:
        """Whether it is known to be with a remote, and isn't here."""
        return tree.hash in self._far

    def said(self, taskhash: str) -> bytes | None:
        far = next((known[taskhash] for known in self._far.values() if taskhash in known), None)
        return far.statement if far is not None else super().said(taskhash)

    def in_vain(self, tree: Digest) -> bool:
        return tree.hash in self._vain

    def send_bundle(self, graph: str, taskhashes: Sequence[str]) -> None:
        """Says which records a build of this graph used, for :meth:`expect` of other machines."""
        chosen = [taskhash for taskhash in sorted(taskhashes) if taskhash in self.results]
        if len(chosen) < _LEAST_BUNDLED:
            return
        content = b"".join(
            wire_field(1, wire_field(1, taskhash.encode()) + wire_field(2, self.results[taskhash]))
            for taskhash in chosen
        )
        digest = of_bytes(content)
        result = encode_result(b"bundle", None, {"records": digest})
        for remote in self.remotes:
            if remote.writable and not self.ask(remote, [bundle_key(graph)]):
                put(remote, [(bundle_key(graph), result, False)], {digest: Blob(digest, data=content)})

    # --- the end ----------------------------------------------------------------------------------------------------

    def usage(self) -> Usage:
        traffic = [remote.remote.traffic for remote in self.remotes]
        return Usage(
            **self._counts,
            requests=sum(item.requests for item in traffic),
            received_bytes=sum(item.received for item in traffic),
            sent_bytes=sum(item.sent for item in traffic),
            seconds=sum(item.seconds for item in traffic),
        )

    def close(self) -> None:
        """What isn't sent yet isn't sent."""
        for outbox in self._outboxes:
            outbox.close()
        for remote in self.remotes:
            remote.remote.close()

    def count(self, name: str) -> None:
        with self._guard:
            self._counts[name] += 1
