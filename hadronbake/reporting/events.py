"""What a build tells whoever shows it. Times are seconds since 1970 (``at``) or durations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Progress:
    """Of the tasks whose output is kept: ``total`` in the graph, ``known`` done or found, ``found`` of these in shared state."""

    known: int
    total: int
    found: int


@dataclass(frozen=True, slots=True)
class TaskStarted:
    label: str
    log: str
    at: float


@dataclass(frozen=True, slots=True)
class TaskFinished:
    """``same``: the output is one that was known already, so that nothing after it need run."""

    label: str
    action: Literal["run", "restore", "deploy"]
    wall: float
    cpu: float
    same: bool = False


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """``tail``: the last lines of the log; ``message``: what the engine has to say, where the log doesn't."""

    label: str
    log: str
    tail: tuple[str, ...]
    shell: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class TaskDropped:
    label: str
    because: str


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """What a running task is at, where it writes no log, e.g. a download."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    level: Literal["note", "warning", "error"]
    text: str


@dataclass(frozen=True, slots=True)
class Remotes:
    """What remotes did. ``found``: outputs that were known from them; ``trees``: outputs that came; ``sent``: that went. Bytes as
    they went over the wire; ``seconds``: summed over requests, which go side by side."""

    found: int
    trees: int
    sent: int
    requests: int
    received_bytes: int
    sent_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """``ran``: tasks that ran; ``found``: outputs taken from shared state as they were; ``restored``: outputs that were
    put into work or deploy directories."""

    ok: bool
    ran: int
    found: int
    restored: int
    failed: tuple[str, ...]
    dropped: int
    wall: float
    cpu: float
    cores: int
    interrupted: bool = False


Event = Progress | TaskStarted | TaskFinished | TaskFailed | TaskDropped | TaskProgress | Message | Remotes | Finished


class Reporter(Protocol):
    """Called from one thread."""

    def handle(self, event: Event) -> None: ...

    def close(self) -> None: ...
