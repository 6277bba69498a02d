"""The process ends: at random moments by SIGKILL, and at every single call of the file system."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from disk import end, failing
from matrix import Figures, row
from subject import empty, findings, make_tree, put, restores, snapshot, three_actions

from hadronbake.artifacts.collection import collect
from hadronbake.artifacts.store import Store, SysrootPart

GROUP = "the process ends"
SEED = 20260101


def started(action: Callable[[], None]) -> int:
    """The process identifier of a process of its own that does it and ends."""
    child = os.fork()
    if not child:
        try:
            action()
        finally:
            os._exit(0)
    return child


def killed(action: Callable[[], None], seconds: float) -> bool:
    """Runs it in a process of its own that gets SIGKILL after ``seconds``; whether it was still running."""
    child = started(action)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def duration(action: Callable[[], None]) -> float:
    """How long it takes in a process of its own."""
    began = time.monotonic()
    child = started(action)
    os.waitpid(child, 0)
    return time.monotonic() - began


@row(GROUP, "SIGKILL at random points of writing", quick=5, full=200)
def writing(place: Path, rounds: int) -> Figures:
    moments = random.Random(SEED)
    root = place / "store"
    cut = visible = 0
    seconds = 0.0
    for number in range(rounds + 1):
        work = make_tree(place / f"work{number}", str(number), 40)
        taskhash = f"{number:064x}"

        def write(work: Path = work, taskhash: str = taskhash) -> None:
            put(Store(root), work, taskhash)

        if not number:
            seconds = duration(write)
        else:
            cut += killed(write, moments.uniform(0, seconds))
            assert not findings(root), "a damaged store"
            found = Store(root).record(taskhash)
            if found is not None:
                visible += 1
                restores(Store(root), found, work, place / "out-before")
        restores(Store(root), put(Store(root), work, taskhash), work, place / "out")
        empty(root)
        for name in ("out", "out-before", work.name):
            shutil.rmtree(place / name, ignore_errors=True)
    return Figures(rounds, f"{cut} were hit while writing; {visible} records there, all whole; each written again")


@row(GROUP, "SIGKILL at random points of restoring", quick=5, full=200)
def restoring(place: Path, rounds: int) -> Figures:
    moments = random.Random(SEED)
    root, work = place / "store", make_tree(place / "work", files=60)
    record = put(Store(root), work, "a" * 64)
    expected = snapshot(work)
    parts = [SysrootPart(label="zlib", tree=record.tree, subdirectory="image")]
    actions: list[Callable[[], None]] = [
        lambda: Store(root).checkout(record.tree, place / "out", link=False),
        lambda: Store(root).checkout(record.tree, place / "out", link=True),
        lambda: Store(root).merge(parts, place / "out/image"),
    ]
    times = []
    for action in actions:
        times.append(duration(action))
        shutil.rmtree(place / "out")
    cut = whole = 0
    for number in range(rounds):
        which = number % len(actions)
        cut += killed(actions[which], moments.uniform(0, times[which]))
        if (place / "out/image" if which == 2 else place / "out").exists():
            whole += 1
            assert snapshot(place / "out") == expected, "a half output under its final name"
        actions[which]()
        assert {k: v for k, v in snapshot(place / "out").items() if not k.startswith(".")} == expected, "a wrong output"
        shutil.rmtree(place / "out")
    assert not findings(root), "a damaged store"
    assert not list(place.glob(".out*")), "half directories stay behind"
    return Figures(rounds, f"{cut} were hit while restoring; {whole} directories there, all whole; each restored again")


@row(GROUP, "SIGKILL at random points of collecting", quick=4, full=200)
def collecting(place: Path, rounds: int) -> Figures:
    moments = random.Random(SEED)
    original = place / "original"
    works = [make_tree(place / f"work{number}", str(number), 8) for number in range(5)]
    for number, work in enumerate(works):
        put(Store(original), work, f"{number:064x}")
        os.utime(Store(original).record_path(f"{number:064x}"), (number + 1, number + 1))
    root = place / "store"
    shutil.copytree(original, root)

    def take() -> None:
        collect(Store(root), 2_000, grace=-1)

    seconds = duration(take)
    cut = left = 0
    for _ in range(rounds):
        shutil.rmtree(root)
        shutil.copytree(original, root)
        cut += killed(take, moments.uniform(0, seconds))
        assert not findings(root), "a damaged store"
        for number, work in enumerate(works):
            found = Store(root).record(f"{number:064x}")
            if found is not None:
                left += 1
                restores(Store(root), found, work, place / "out")
                shutil.rmtree(place / "out")
        take()
        assert not findings(root), "a damaged store"
        empty(root)
    return Figures(
        rounds, f"{cut} were hit while collecting; {left} records were left, all whole; each collected to its end"
    )


@row(GROUP, "ends at every single file-system call of writing, restoring, collecting", quick=12, full=100_000)
def every_call(place: Path, rounds: int) -> Figures:
    work = make_tree(place / "work", files=3)
    original = place / "original"
    record = put(Store(original), work, "a" * 64)
    root = place / "store"
    actions = three_actions(root, work, record, place / "out", link=True)
    counts = {}
    for name, action in actions.items():
        at, step = 1, 1
        while True:
            shutil.rmtree(root, ignore_errors=True)
            if name != "writing":
                shutil.copytree(original, root)
            child = os.fork()
            if not child:
                with failing(at, end):
                    action()
                os._exit(0)
            ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
            assert not findings(root), "a damaged store"
            found = Store(root).record("a" * 64)
            if found is not None:
                restores(Store(root), found, work, place / "again")
                shutil.rmtree(place / "again")
            action()
            if name == "restoring":
                assert snapshot(place / "out") == snapshot(work), "a wrong output"
                shutil.rmtree(place / "out")
            elif name == "writing":
                assert Store(root).record("a" * 64) == record
            if not ended:
                break
            counts[name] = counts.get(name, 0) + 1
            # The quick run takes calls spread over all of them.
            step = 1 if rounds > 1000 else 11
            at += step
    said = ", ".join(f"{count} of {name}" for name, count in counts.items())
    return Figures(sum(counts.values()), f"{said}: done again each time, and whole")
