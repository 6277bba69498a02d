"""Several at once on one store: builds, collections; and clocks that don't agree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

from matrix import HERE, Figures, row
from subject import findings, make_tree, put, restores

from hadronbake.artifacts import cas, collection, inventory
from hadronbake.artifacts.collection import collect
from hadronbake.artifacts.store import Store

GROUP = "sharing"
TOY = HERE.parent / "execution/toymain.py"
A = "a" * 64


def build(topdir: Path) -> subprocess.Popen[str]:
    """A build of four small recipes in sandboxes, with the store beside ``topdir``."""
    return subprocess.Popen(
        [sys.executable, str(TOY), str(topdir)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def outputs(process: subprocess.Popen[str]) -> tuple[dict[str, str], str]:
    text, said = process.communicate(timeout=600)
    assert process.returncode == 0, said
    found: dict[str, str] = json.loads(text)
    return found, said


def at_once(place: Path, rounds: int, count: int) -> Figures:
    expected, _ = outputs(build(place / "alone/build"))
    for number in range(rounds):
        running = [build(place / f"shared{number}/build{other}") for other in range(count)]
        for process in running:
            assert outputs(process)[0] == expected, "a wrong output"
        assert not findings(place / f"shared{number}/sstate"), "a damaged store"
    return Figures(rounds * count, f"{rounds} times {count} builds: all with the outputs of one alone, the store whole")


@row(GROUP, "two builds at once on one store", quick=0, full=10, needs="sandbox")
def two(place: Path, rounds: int) -> Figures:
    return at_once(place, rounds, 2)


@row(GROUP, "eight builds at once on one store", quick=0, full=3, needs="sandbox")
def eight(place: Path, rounds: int) -> Figures:
    return at_once(place, rounds, 8)


@row(GROUP, "collections without end beside a build, that spare nothing", quick=0, full=10, needs="sandbox")
def beside(place: Path, rounds: int) -> Figures:
    """No grace, no room: the worst that a collector can be told."""
    expected, _ = outputs(build(place / "alone/build"))
    collected = again = 0
    said = ""
    for number in range(rounds):
        root = place / f"shared{number}/sstate"
        process = build(place / f"shared{number}/build")
        while process.poll() is None:
            if root.is_dir():
                report = collect(Store(root), 0, grace=-1)
                collected += bool(report.blobs)
        found, lines = outputs(process)
        assert found == expected, "a wrong output"
        made_again = [line for line in lines.splitlines() if "is made again" in line]
        again += len(made_again)
        said = said or (made_again[0] if made_again else "")
        assert not [item for item in findings(root) if item.kind == "blob"], "a damaged store"
    return Figures(
        rounds,
        f"all outputs right; {collected} collections took something, {again} outputs were made again for it",
        said,
    )


@row(GROUP, "collections beside eight writers", quick=1, full=40)
def writers(place: Path, rounds: int) -> Figures:
    """With a grace as long as marks are old (600 s would do; the test's things are all younger), nothing that is written is lost."""
    root = place / "store"
    works = [make_tree(place / f"work{number}", str(number % 4), 6) for number in range(8)]
    problems: list[str] = []
    done = threading.Event()

    def write(number: int) -> None:
        try:
            for turn in range(rounds):
                store = Store(root)
                record = put(store, works[number], f"{number * 10_000 + turn:064x}")
                out = place / f"out{number}"
                restores(store, record, works[number], out)
                shutil.rmtree(out)
        except BaseException as error:
            problems.append(repr(error))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    count = 0

    def take() -> None:
        nonlocal count
        while not done.is_set():
            if root.is_dir():
                collect(Store(root), 0, grace=60)
                count += 1

    collector = threading.Thread(target=take)
    for thread in (*threads, collector):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    collector.join()
    assert not problems, problems
    assert not findings(root), "a damaged store"
    return Figures(8 * rounds, f"{count} collections beside them: each record written, found and restored")


@row(GROUP, "the clock set back by a year, and ahead by ten", quick=1, full=1)
def clocks(place: Path, rounds: int) -> Figures:
    root = place / "store"
    work = make_tree(place / "work")
    tried = 0
    began = time.time()
    for shift in (-365, 3650):
        with mock.patch.object(cas.time, "time", lambda shift=shift: began + shift * 86_400):
            record = put(Store(root), work, A)
            assert Store(root).record(A) == record
            # This machine's clock is wrong, the file system's is right.
            assert collect(Store(root), 0).evicted == []
            assert Store(root).record(A) == record
            restores(Store(root), record, work, place / f"out{shift}")
            tried += 1
    # The file system's clock itself was set back: what is there is of the future.
    now = inventory.clock(root)
    with mock.patch.object(collection, "clock", lambda place: now - 365 * 86_400):
        report = collect(Store(root), 0)
        assert (report.evicted, report.blobs) == ([], 0)
    used = Store(root).record_path(A)
    os.utime(used, (now + 10**8, now + 10**8))
    assert Store(root).record(A) is not None
    assert abs(used.stat().st_mtime - now) < 3600, "a use in the future is put right"
    assert not findings(root)
    return Figures(tried + 2, "nothing was taken that is new, and nothing that seems to be of the future")
