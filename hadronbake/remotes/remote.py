"""What a remote can do, whatever its kind; how it says that it can't; and what went over the wire."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from hadronbake.artifacts.record import Digest

CHUNK = 1 << 18
# A transfer slower than this (bytes a second) counts as one that hangs.
SLOWEST = 32 << 10


class RemoteError(Exception):
    """The remote didn't do what it was asked. ``fatal``: it won't do anything else either (no such host, no permission)."""

    def __init__(self, reason: str, fatal: bool = False) -> None:
        self.reason = reason
        self.fatal = fatal
        super().__init__(reason)


class Stopped(RemoteError):
    """Not the remote's fault: who asked can't take the answer."""


class Lie(RemoteError):
    """What the remote sent isn't what was asked for."""


class Pace:
    """How long a transfer may still be waited for: ``timeout`` seconds at first. What comes gives its time at ``SLOWEST`` back, so that one
    that stops, or trickles, is given up after ``timeout`` however much is still to come."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self.left = timeout

    def came(self, count: int, seconds: float) -> None:
        """``count`` bytes, for which ``seconds`` were waited. Raises RemoteError."""
        self.left = min(self._timeout, self.left - seconds + count / SLOWEST)
        if self.left <= 0:
            raise self.error()

    def error(self) -> RemoteError:
        return RemoteError(f"slower than {SLOWEST >> 10} kB/s for {self._timeout:g} s")


@dataclass(frozen=True, slots=True)
class Blob:
    """Something to send: a file of the local store, or bytes."""

    digest: Digest
    path: str = ""
    data: bytes = b""

    def chunks(self) -> Iterator[bytes]:
        """The content, piece by piece. Raises OSError."""
        if not self.path:
            yield self.data
            return
        with open(self.path, "rb", buffering=0) as file:  # noqa: PTH123
            while piece := file.read(CHUNK):
                yield piece


@dataclass(frozen=True, slots=True)
class Entry:
    """An ActionResult to send, under the digest of its action. Without ``replace`` one that is there may stay."""

    key: Digest
    result: bytes
    replace: bool = False


A = TypeVar("A")
B = TypeVar("B")


def each(pool: Executor, function: Callable[[A], B], items: Iterable[A]) -> list[B | None]:
    """``function`` of each, side by side. Comes back when none is running any more, and raises the first error then; after one
    that isn't a Lie no further one is begun."""
    errors: list[Exception] = []
    stopped = threading.Event()

    def one(item: A) -> B | None:
        if stopped.is_set():
            return None
        try:
            return function(item)
        except Exception as error:
            errors.append(error)
            if not isinstance(error, Lie):
                stopped.set()
            return None

    answers = list(pool.map(one, items))
    if errors:
        raise next((error for error in errors if not isinstance(error, Lie)), errors[0])
    return answers


Take = Callable[[Digest, Iterator[bytes]], None]
"""Is given the content of a blob, piece by piece; raises Lie where it isn't that of the digest. May be called by several threads."""


@dataclass
class Traffic:
    """What went to and from remotes. ``sent`` and ``received``: bytes of content, as they went (compressed, if they were).
    ``seconds``: how long somebody waited for answers; requests at one time count once each."""

    requests: int = 0
    sent: int = 0
    received: int = 0
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, requests: int = 0, sent: int = 0, received: int = 0, seconds: float = 0.0) -> None:
        with self._lock:
            self.requests += requests
            self.sent += sent
            self.received += received
            self.seconds += seconds


class Remote(Protocol):
    """An action cache and a content-addressed store. All methods raise RemoteError, may be called by several threads, and come
    back within a time that doesn't depend on the other side."""

    traffic: Traffic
    complete: bool
    """Whether all that REAPI's messages name must be there as blobs: actions, and a tree's directories beside its Tree message.
    (buildbox-casd asks for all that a tree names before it gives a result.)"""
    unasked: int
    """Bytes: to send a blob of this size or less costs no more than to ask for it, so with a new record it goes without. -1: ask."""

    def results(self, keys: Sequence[Digest]) -> dict[str, bytes]:
        """The ActionResult messages of actions, by the action's hash; nothing for those that aren't there."""
        ...

    def put_results(self, entries: Sequence[Entry]) -> None:
        """What they name must be there. Whether one that is there already stays without ``replace`` depends on the kind."""
        ...

    def missing(self, digests: Collection[Digest]) -> set[Digest]:
        """Those of the blobs that must be sent."""
        ...

    def read(self, wanted: Sequence[Digest], take: Take) -> None:
        """Gives ``take`` each blob that is there."""
        ...

    def write(self, blobs: Sequence[Blob]) -> None: ...

    def close(self) -> None: ...
