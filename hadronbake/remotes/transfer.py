"""Sending what the local store has, and getting what a build would need, without building."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hadronbake.artifacts.record import Record
from hadronbake.remotes.guard import Guarded
from hadronbake.remotes.sending import AT_ONCE, Sent, send
from hadronbake.remotes.store import SharedStore

_TREES = 32


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

    for number, part in enumerate(_parts(taskhashes, AT_ONCE)):
        for outcome in send(store, remote, part):
            counts[outcome] += 1
        told(remote.name, number * AT_ONCE + len(part))
    if not counts["failed"]:
        for graph in graphs:
            store.send_bundle(graph, taskhashes)
    return Pushed(remote.name, **counts, bytes=traffic.sent - sent, requests=traffic.requests - requests)


def pull(store: SharedStore, records: Collection[Record], missing: Sequence[str]) -> Pulled:
    """Gets the trees of records that were found with remotes. ``missing``: labels that were found nowhere."""
    far = [record for record in records if store.is_far(record.tree)]
    for part in _parts([record.tree for record in far], _TREES):
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


P = TypeVar("P")


def _parts(items: Sequence[P], size: int) -> Iterator[Sequence[P]]:
    """Some at a time: what came or went stays when it is interrupted."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
