"""Records on their way to a remote, with all they name: blobs first, then the records, then what they say of their outputs.

Many records go together: a remote is asked once for all keys and once for all blobs, and a blob that several of them name goes once.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hadronbake.artifacts.cas import MissingBlob
from hadronbake.artifacts.digest import of_bytes
from hadronbake.artifacts.record import Digest, Record
from hadronbake.remotes.guard import Guarded
from hadronbake.remotes.remote import Blob, Entry, Remote
from hadronbake.remotes.results import (
    COMMAND,
    EMPTY,
    action,
    decode_tree,
    divergence_key,
    encode_result,
    encode_tree,
    equivalence_key,
    record_key,
)

if TYPE_CHECKING:
    from hadronbake.remotes.store import Far, SharedStore

Sent = Literal["sent", "there", "diverged", "incomplete", "failed"]

AT_ONCE = 64
"""Records that go together: what went stays when the rest is interrupted."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """A record of the local store and what it names. ``files``: digest → whether the executable file is meant; ``messages``: what is
    sent from memory. ``result``: the ActionResult. ``claim_key`` is empty where there is nothing to say of its output."""

    record: Record
    files: Mapping[Digest, bool]
    messages: Mapping[Digest, bytes]
    result: bytes
    claim_key: str
    claim: bytes

    @property
    def digests(self) -> set[Digest]:
        return {*self.files, *self.messages}


def send(store: SharedStore, remote: Guarded, taskhashes: Sequence[str]) -> list[Sent]:
    """Sends records of the local store, and says of each what became of it. Raises OSError where a blob of the local store can't be
    read."""
    outcomes: dict[str, Sent] = {}
    for start in range(0, len(taskhashes), AT_ONCE):
        part = list(dict.fromkeys(taskhashes[start : start + AT_ONCE]))
        said = _send(store, remote, part)
        if "failed" in said.values() and len(part) > 1:
            # One that the remote refuses isn't to keep the others back.
            for taskhash in part:
                if said[taskhash] == "failed" and not remote.given_up:
                    said.update(_send(store, remote, [taskhash]))
        outcomes.update(said)
    return [outcomes[taskhash] for taskhash in taskhashes]


def _send(store: SharedStore, remote: Guarded, taskhashes: Sequence[str]) -> dict[str, Sent]:
    outcomes: dict[str, Sent] = dict.fromkeys(taskhashes, "failed")
    if remote.given_up:
        return outcomes
    offers = {}
    for taskhash in taskhashes:
        offer = _offer(store, taskhash, remote.remote.complete)
        if offer is None:
            outcomes[taskhash] = "incomplete"
        else:
            offers[taskhash] = offer
    keys = [key for taskhash, offer in offers.items() for key in (record_key(taskhash), offer.claim_key) if key]
    there = store.ask(remote, list(dict.fromkeys(keys)))
    going: dict[str, tuple[_Offer, Far | None]] = {}
    for taskhash, offer in offers.items():
        known = there.get(record_key(taskhash))
        first = store.believe(remote, taskhash, known) if known is not None else None
        if known is not None and first is None:
            # Somebody whom we don't trust was first; what he says isn't ours to replace.
            outcomes[taskhash] = "there"
        elif first is not None and first.record.outhash != offer.record.outhash and _has(remote, first):
            store.differs(remote, first)
            store.results[taskhash] = first.message
            outcomes[taskhash] = _diverge(store, remote, taskhash, offer)
        else:
            going[taskhash] = offer, first
    lacking = _lacking(remote, going.values())
    if lacking is None:
        return outcomes
    entries: list[tuple[str, bytes, bool]] = []
    new: dict[str, _Offer] = {}
    for taskhash, (offer, first) in going.items():
        replace = first is not None and first.record.outhash != offer.record.outhash
        # What the server has lost goes again, too.
        if first is not None and not replace and not offer.digests & lacking:
            outcomes[taskhash] = "there"
            store.results[taskhash] = offer.result
        elif _whole(store, offer, lacking):
            new[taskhash] = offer
            entries.append((record_key(taskhash), offer.result, replace))
        else:
            outcomes[taskhash] = "incomplete"
            continue
        if offer.claim_key and offer.claim_key not in there:
            there[offer.claim_key] = offer.claim
            entries.append((offer.claim_key, encode_result(offer.claim), False))
    if _deliver(store, remote, new.values(), lacking, entries):
        for taskhash, offer in new.items():
            outcomes[taskhash] = "sent"
            store.results[taskhash] = offer.result
            store.count("sent")
    return outcomes


def _lacking(remote: Guarded, going: Collection[tuple[_Offer, Far | None]]) -> set[Digest] | None:
    """What of these records must be sent; None where the remote doesn't say. Small blobs of new records go without being asked for."""
    named = {digest for offer, _ in going for digest in offer.digests}
    known = {digest for offer, first in going if first is not None for digest in offer.digests}
    unasked = {digest for digest in named - known - remote.there if digest.size <= remote.remote.unasked}
    missing = _missing(remote, named - unasked)
    return missing | unasked if missing is not None else None


def _diverge(store: SharedStore, remote: Guarded, taskhash: str, offer: _Offer) -> Sent:
    """Sends a record beside another one with another output."""
    key = divergence_key(taskhash)
    if store.ask(remote, [key]):
        return "diverged"
    lacking = _missing(remote, offer.digests)
    if lacking is None:
        return "failed"
    if not _whole(store, offer, lacking):
        return "incomplete"
    return "diverged" if _deliver(store, remote, [offer], lacking, [(key, offer.result, False)]) else "failed"


def _offer(store: SharedStore, taskhash: str, complete: bool) -> _Offer | None:
    """None where there is no record that counts, or a directory of its tree isn't here."""
    statement = store.statement(taskhash)
    if statement is None:
        return None
    record = store.believed(taskhash, statement)
    try:
        message = encode_tree(record.tree, store.cas.get)
    except MissingBlob:
        return None
    folders, files = decode_tree(record.tree, message)
    tree = of_bytes(message)
    messages = {tree: message, **(folders if complete else {})}
    named = {"inputs": record.inputs, **({"log": record.log} if record.log is not None else {})}
    claim = store.claim(record.task, record.outhash)
    return _Offer(
        record,
        {**dict.fromkeys(named.values(), False), **files},
        messages,
        encode_result(statement, tree, named),
        equivalence_key(record.task, record.outhash) if claim is not None else "",
        claim or b"",
    )


def _whole(store: SharedStore, offer: _Offer, lacking: set[Digest]) -> bool:
    """Whether what would have to be sent is here, and undamaged."""
    try:
        for digest in offer.files.keys() & lacking:
            store.cas.locate(digest, offer.files[digest])
    except MissingBlob:
        return False
    return True


def _has(remote: Guarded, far: Far) -> bool:
    """Whether the content of a record is with the remote, as far as that can be seen at little cost."""
    needed = [far.result.tree, *(digest for _, digest in far.result.files)]
    return not _missing(remote, {digest for digest in needed if digest is not None})


def _missing(remote: Guarded, digests: AbstractSet[Digest]) -> set[Digest] | None:
    """Those that must be sent; None where the remote doesn't say. What it has said or taken in this run it isn't asked again."""
    unknown = digests - remote.there
    nothing: set[Digest] | None = None
    found = remote.ask(lambda it: it.missing(unknown), nothing) if unknown else set[Digest]()
    if found is not None:
        remote.there |= unknown - found
    return found


def _deliver(
    store: SharedStore,
    remote: Guarded,
    offers: Collection[_Offer],
    lacking: set[Digest],
    entries: Sequence[tuple[str, bytes, bool]],
) -> bool:
    """What the remote lacks of the offers, then what is to stand under the keys. Raises MissingBlob."""
    blobs = {}
    for offer in offers:
        for digest in offer.messages.keys() & lacking:
            blobs[digest] = Blob(digest, data=offer.messages[digest])
        for digest in offer.files.keys() & lacking:
            blobs[digest] = Blob(digest, path=store.cas.locate(digest, offer.files[digest]))
    return put(remote, entries, blobs, lacking)


def put(
    remote: Guarded,
    entries: Sequence[tuple[str, bytes, bool]],
    blobs: Mapping[Digest, Blob],
    lacking: AbstractSet[Digest] = frozenset(),
) -> bool:
    """Each entry: its key, the ActionResult, and whether it takes the place of one that is there. ``blobs``: what they name;
    ``lacking``: those of which it is known that the remote has them not."""
    if not entries:
        return True
    everything = dict(blobs)
    stated = []
    for key, result, replace in entries:
        content = action(key)
        digest = of_bytes(content)
        stated.append(Entry(digest, result, replace))
        if remote.remote.complete:
            everything[digest] = Blob(digest, data=content)
    # Everywhere, so that an address where it isn't is known for one where nothing was ever sent.
    everything[EMPTY] = Blob(EMPTY)
    if remote.remote.complete:
        everything[of_bytes(COMMAND)] = Blob(of_bytes(COMMAND), data=COMMAND)
    missing = _missing(remote, everything.keys() - lacking)
    if missing is None:
        return False
    going = missing | (everything.keys() & lacking)

    def give(it: Remote) -> bool:
        if going:
            it.write([everything[digest] for digest in sorted(going, key=lambda digest: digest.hash)])
            remote.there |= going
        it.put_results(stated)
        return True

    return remote.ask(give, False)


class Outbox:
    """What is to go to one remote while a build goes on: those that wait go together."""

    def __init__(self, store: SharedStore, remote: Guarded) -> None:
        self.remote = remote
        self._store = store
        self._waiting: list[str] = []
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, "upload")
        self._futures: list[Future[None]] = []

    def add(self, taskhash: str) -> None:
        with self._lock:
            self._waiting.append(taskhash)
        self._futures.append(self._pool.submit(self._send))

    def _send(self) -> None:
        with self._lock:
            taken, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        try:
            if taken:
                send(self._store, self.remote, taken)
        except OSError as error:
            said = f"not all went to the remote {self.remote.name}: {error.strerror or error}"
            self._store.notice(said, f"send {self.remote.name}")

    @property
    def waiting(self) -> int:
        """How many records are still to be sent."""
        return sum(not future.done() for future in self._futures)

    def flush(self) -> None:
        """Waits until all are with the remote, or aren't because it failed."""
        for future in self._futures:
            future.result()
        self._futures.clear()

    def close(self) -> None:
        """What isn't sent yet isn't sent."""
        self._pool.shutdown(wait=False, cancel_futures=True)
