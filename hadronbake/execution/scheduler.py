"""Which job starts when: events in, commands out, no clock and no I/O, so that any run can be replayed.

A job waits for the jobs it names, for its lock (one job at a time of a recipe's work directory), and for room of its kind.
Jobs of kind "task" also need a token of the job server: whoever drives the scheduler gets as many as :attr:`Scheduler.demand`
says, offers them with :class:`Offered`, and gives each back when its job has ended. Among the ready ones that with the
highest priority goes first (the length of the longest path to a target).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["task", "fetch", "store"]
Outcome = Literal["done", "failed", "again"]


@dataclass(frozen=True, slots=True)
class Queued:
    """A job as the scheduler sees it."""

    key: str
    kind: Kind
    after: frozenset[str] = frozenset()
    lock: str | None = None
    priority: float = 0.0


@dataclass(frozen=True, slots=True)
class Added:
    jobs: tuple[Queued, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """ "again": the job isn't done, and will be added anew."""

    key: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Offered:
    """Tokens for jobs of kind "task"; at most as many as are in demand."""

    tokens: int


@dataclass(frozen=True, slots=True)
class Held:
    """No further task while others run, for want of memory or the like; None lifts it."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing starts any more."""


Event = Added | Ended | Offered | Held | Stopped


@dataclass(frozen=True, slots=True)
class Start:
    key: str


@dataclass(frozen=True, slots=True)
class Drop:
    """The job will never start, since ``because`` failed."""

    key: str
    because: str


Command = Start | Drop


class Scheduler:
    """``limits``: how many jobs of each kind may run at once. Without ``keep_going`` nothing starts after a failure."""

    def __init__(self, limits: Mapping[Kind, int], keep_going: bool = False) -> None:
        self._limits = dict(limits)
        self._keep_going = keep_going
        self._waiting: dict[str, Queued] = {}
        self._running: dict[str, Queued] = {}
        self._done: set[str] = set()
        self._failed: dict[str, str] = {}
        """Failed or dropped → the job that failed at the root of it."""
        self._held: str | None = None
        self._stopped = False

    @property
    def running(self) -> frozenset[str]:
        return frozenset(self._running)

    @property
    def idle(self) -> bool:
        """Nothing runs, and nothing that was added can start."""
        return not self._running and next(self._ready(), None) is None

    @property
    def demand(self) -> int:
        """How many jobs of kind "task" could start now."""
        room = self._room("task")
        locks: set[str] = set()
        count = 0
        for job in self._ready():
            if count >= room:
                break
            if job.kind == "task" and (job.lock is None or job.lock not in locks):
                count += 1
                if job.lock is not None:
                    locks.add(job.lock)
        return count

    @property
    def stopped(self) -> bool:
        return self._stopped

    def handle(self, event: Event) -> list[Command]:
        commands: list[Command] = []
        tokens = 0
        if isinstance(event, Added):
            for job in event.jobs:
                self._failed.pop(job.key, None)
                self._done.discard(job.key)
                self._waiting[job.key] = job
        elif isinstance(event, Ended):
            del self._running[event.key]
            if event.outcome == "done":
                self._done.add(event.key)
            elif event.outcome == "failed":
                self._failed[event.key] = event.key
                if not self._keep_going:
                    self._stopped = True
        elif isinstance(event, Offered):
            tokens = event.tokens
        elif isinstance(event, Held):
            self._held = event.reason
        else:
            self._stopped = True
        commands += self._drop()
        kinds: tuple[Kind, ...] = ("fetch", "store")
        for kind in kinds:
            commands += self._begin(kind, self._room(kind))
        return commands + self._begin("task", min(tokens, self._room("task")))

    def _begin(self, kind: Kind, count: int) -> list[Command]:
        started: list[Command] = []
        while len(started) < count:
            # Anew each time: the job that starts may take the lock of another.
            job = next((job for job in self._ready() if job.kind == kind), None)
            if job is None:
                break
            started.append(self._start(job))
        return started

    def _start(self, job: Queued) -> Start:
        del self._waiting[job.key]
        self._running[job.key] = job
        return Start(job.key)

    def _drop(self) -> Iterator[Drop]:
        again = True
        while again:
            again = False
            for job in list(self._waiting.values()):
                cause = next((key for key in sorted(job.after) if key in self._failed), None)
                if cause is not None:
                    del self._waiting[job.key]
                    self._failed[job.key] = self._failed[cause]
                    again = True
                    yield Drop(job.key, self._failed[cause])

    def _room(self, kind: Kind) -> int:
        if self._stopped:
            return 0
        running = sum(job.kind == kind for job in self._running.values())
        if kind == "task" and self._held is not None:
            # One goes on in any case, or the build would never end.
            return 1 - running
        return self._limits.get(kind, 1) - running

    def _ready(self) -> Iterator[Queued]:
        """Jobs that could start but for room and tokens, the most urgent first."""
        if self._stopped:
            return
        locks = {job.lock for job in self._running.values() if job.lock is not None}
        ready = [
            job
            for job in self._waiting.values()
            if job.lock not in locks and all(key in self._done for key in job.after)
        ]
        yield from sorted(ready, key=lambda job: (-job.priority, job.key))


# Seconds of a task that never ran here, by its name.
_TYPICAL = {"do_compile": 60.0, "do_configure": 20.0}
_SHORT = 3.0


def priorities(
    order: tuple[str, ...], dependents: Mapping[str, list[str]], seconds: Mapping[str, float]
) -> dict[str, float]:
    """For each label the seconds of the longest path from its start to the end of the build (its critical path).

    ``order``: dependencies first. ``seconds``: how long a task took the last time.
    """
    longest: dict[str, float] = {}
    for label in reversed(order):
        own = seconds.get(label) or _TYPICAL.get(label.rpartition(":")[2], _SHORT)
        longest[label] = own + max((longest[other] for other in dependents[label]), default=0.0)
    return longest
