"""Noticing a task that hangs: no output and no use of the processor for a long time."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Activity:
    """What changes while a task works: the size of its log, its processes, and the seconds of CPU they used, in tenths."""

    log: int
    processes: frozenset[int]
    cpu: int


class Stall:
    """``limit``: seconds without any change. Times are those of one clock."""

    def __init__(self, limit: float, now: float) -> None:
        self._limit = limit
        self._last: Activity | None = None
        self._since = now

    def sample(self, activity: Activity, now: float) -> bool:
        """Whether the task hangs."""
        if activity != self._last:
            self._last, self._since = activity, now
        return now - self._since >= self._limit


def activity(pid: int, log: Path) -> Activity:
    """That of a process and all below it."""
    size = log.stat().st_size if log.exists() else 0
    cpu = 0.0
    pids = set()
    for process in _below(pid):
        with suppress(psutil.Error):
            times = process.cpu_times()
            cpu += times.user + times.system
            pids.add(process.pid)
    return Activity(size, frozenset(pids), int(cpu * 10))


def waiting(pid: int) -> str:
    """The programs at the end of the chain, and what they wait for in the kernel: ``cat (pipe_read), sleep (hrtimer_nanosleep)``."""
    said = []
    for process in _below(pid):
        with suppress(psutil.Error, OSError):
            if not process.children():
                where = Path(f"/proc/{process.pid}/wchan").read_text().strip("0")
                said.append(f"{process.name()} ({where})" if where else process.name())
    return ", ".join(said) or "nothing"


def _below(pid: int) -> list[psutil.Process]:
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.Error:
        return []
