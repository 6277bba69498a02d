"""Sending what the local store has, and getting what a build would need, without building."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hadronbake.artifacts.record import Digest, Record
from hadronbake.remotes.guard import Guarded
from hadronbake.remotes.store import Sent, SharedStore

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of the records that were to go to ``remote``. ``there``: it had them already; ``diverged``: it has another output of
    the same task; ``incomplete``: something of them is missing here. Bytes as they went over the wire."""

    remote: str
    sent: int = 0
    there: int = 0
    diverged: int = 0
    incomplete: int = 0
    failed: int = 0
    bytes: int = 0
    requests: int = 0

    @property
    def ok(self) -> bool:
        return not self.failed


@dataclass(frozen=True, slots=True)
class Pulled:
    """``here``: outputs that were here already; ``taken``: that came; ``missing``: labels of those that no remote has."""

    here: int
    taken: int
    missing: tuple[str, ...]
    bytes: int
    requests: int


def push(
    store: SharedStore, taskhashes: Collection[str], graphs: Collection[str], told: Callable[[str, int], None]
) -> list[Pushed]:
    """Sends records to all remotes of the store that take them. ``graphs``: the graphs that these are the records of, for
    :meth:`SharedStore.send_bundle`. ``told``: the remote, and how many of them it has been asked about. What a remote fails at is in the
    store's notices."""
    return [_push(store, remote, sorted(taskhashes), graphs, told) for remote in store.remotes if remote.writable]


def _push(
    store: SharedStore,
    remote: Guarded,
    taskhashes: Sequence[str],
    graphs: Collection[str],
    told: Callable[[str, int], None],
) -> Pushed:
    traffic = remote.remote.traffic
    requests, sent = traffic.requests, traffic.sent
    counts: dict[Sent, int] = {"sent": 0, "there": 0, "diverged": 0, "incomplete": 0, "failed": 0}

    def send(taskhash: str) -> Sent:
        return "failed" if remote.given_up else store.send(remote, taskhash)

    with ThreadPoolExecutor(_AT_ONCE, "push") as pool:
        for number, outcome in enumerate(pool.map(send, taskhashes), 1):
            counts[outcome] += 1
            told(remote.name, number)
    if not counts["failed"]:
        for graph in graphs:
            store.send_bundle(graph, taskhashes)
    return Pushed(remote.name, **counts, bytes=traffic.sent - sent, requests=traffic.requests - requests)


def pull(store: SharedStore, records: Collection[Record], missing: Sequence[str]) -> Pulled:
    """Gets the trees of records that were found with remotes. ``missing``: labels that were found nowhere."""
    far = [record for record in records if store.is_far(record.tree)]
    for part in _parts([record.tree for record in far]):
        store.fetch(part)
    lost = [record.task for record in far if store.peek(record.taskhash) is None]
    usage = store.usage()
    return Pulled(
        here=len(records) - len(far),
        taken=len(far) - len(lost),
        missing=tuple(sorted([*missing, *lost])),
        bytes=usage.received_bytes,
        requests=usage.requests,
    )


def _parts(trees: Sequence[Digest], size: int = 32) -> Iterator[Sequence[Digest]]:
    """Some at a time: what came stays when it is interrupted."""
    for start in range(0, len(trees), size):
        yield trees[start : start + size]
