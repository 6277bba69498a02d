"""The disk: full, failing, read-only."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from disk import error, failing
from matrix import HERE, Figures, row
from subject import findings, make_tree, put, restores, snapshot, three_actions

from hadronbake.artifacts.collection import collect
from hadronbake.artifacts.store import Store
from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution.engine import system_error

GROUP = "the disk"


def each_call(place: Path, rounds: int, number: int, writing_only: bool) -> Figures:
    """Each single call fails once: while writing, restoring and collecting."""
    work = make_tree(place / "work", files=3)
    original = place / "original"
    record = put(Store(original), work, "a" * 64)
    root = place / "store"
    actions = three_actions(root, work, record, place / "out", link=False)
    tried = told = silent = aside = 0
    said = ""
    for name, action in actions.items():
        at, more = 1, True
        while more:
            shutil.rmtree(root, ignore_errors=True)
            shutil.rmtree(place / "out", ignore_errors=True)
            if name != "writing":
                shutil.copytree(original, root)
            with failing(at, error(number), writing_only=writing_only) as disk:
                try:
                    action()
                except OSError as problem:
                    told += 1
                    said = said or str(system_error(problem))
                except HadronbakeError:
                    told += 1
                else:
                    silent += disk.hit
            more = disk.hit
            tried += more
            # What couldn't be read was put aside as damaged; a record may wait for its task to run again.
            missed = list((root / "bad").glob("*"))
            aside += bool(missed)
            wrong = [item for item in findings(root) if not (missed and item.kind == "record")]
            assert not wrong, f"a damaged store after call {at} of {name}: {wrong}"
            if (place / "out").exists():
                assert snapshot(place / "out") == snapshot(work), "a half output under its final name"
            found = Store(root).record("a" * 64)
            if found is not None:
                restores(Store(root), found, work, place / "again")
                shutil.rmtree(place / "again")
            put(Store(root), work, "a" * 64)
            restores(Store(root), record, work, place / "again")
            shutil.rmtree(place / "again")
            at += 1 if rounds > 1000 else 13
    outcome = f"{told} ended with the error or a blob missed, {silent} were of no consequence; {aside} put aside what couldn't be read"
    return Figures(tried, f"{outcome}; done again each time, and whole", said)


@row(GROUP, "each single writing call fails with ENOSPC", quick=1, full=100_000)
def no_space(place: Path, rounds: int) -> Figures:
    return each_call(place, rounds, errno.ENOSPC, True)


@row(GROUP, "each single call fails with EIO", quick=1, full=100_000)
def input_output(place: Path, rounds: int) -> Figures:
    return each_call(place, rounds, errno.EIO, False)


def in_namespace(place: Path, options: str, action: str, rounds: int) -> dict[str, object]:
    """Runs ``action`` of this module as a program, with a file system of its own mounted at ``place/disk``."""
    mount = place / "disk"
    mount.mkdir()
    code = (
        f"import sys, json; sys.path.insert(0, {str(HERE)!r}); import rows_2_disk as rows; from pathlib import Path; "
        f"print(json.dumps(rows.{action}(Path({str(place)!r}), {rounds})))"
    )
    shell = f'mount -t tmpfs -o {options} tmpfs "$1" && exec "$2" -c "$3"'
    done = subprocess.run(
        ["unshare", "-Urm", "/bin/sh", "-c", shell, "sh", str(mount), sys.executable, code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def fill(place: Path, rounds: int) -> dict[str, object]:
    """Trees are put into a store on the small disk until it is full, again and again."""
    root = place / "disk/store"
    full = whole = number = 0
    said = ""
    while full < rounds:
        work = make_tree(place / f"work{number}", str(number), 30)
        try:
            put(Store(root), work, f"{number:064x}")
        except OSError as problem:
            assert problem.errno == errno.ENOSPC
            full += 1
            said = str(system_error(problem))
            assert not findings(root)
            for other in range(number):
                found = Store(root).record(f"{other:064x}")
                if found is not None:
                    whole += 1
                    restores(Store(root), found, place / f"work{other}", place / "out")
                    shutil.rmtree(place / "out")
            # Room is made as a person would; deleting must work on a full disk.
            collect(Store(root), 60_000 + 7_000 * (full % 5), grace=-1)
            assert not findings(root)
            put(Store(root), work, f"{number:064x}")
        number += 1
    return {"full": full, "whole": whole, "said": said, "trees": number}


@row(GROUP, "ENOSPC on a small tmpfs, in the middle of writing", quick=3, full=50, needs="sandbox")
def small_disk(place: Path, rounds: int) -> Figures:
    found = in_namespace(place, "size=1200k", "fill", rounds)
    outcome = (
        f"full {found['full']} times in {found['trees']} trees; {found['whole']} records read then, all whole; collected while full, "
        "then written"
    )
    return Figures(int(str(found["full"])), outcome, str(found["said"]))


def read_only(place: Path, rounds: int) -> dict[str, object]:
    """What is there is used; what must be written is refused before anything runs."""
    root = place / "disk/store"
    work = make_tree(place / "work")
    record = put(Store(root), work, "a" * 64)
    broken = put(Store(root), make_tree(place / "work2", "2"), "b" * 64)
    path = Path(Store(root).cas.path(broken.tree, False))
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    subprocess.run(["mount", "-o", "remount,ro", str(place / "disk")], check=True)
    before = snapshot(root)
    store = Store(root)
    with store.building(place) as used:
        assert store.records(["a" * 64]) == {"a" * 64: record}
        used.succeeded()
    restores(store, record, work, place / "out")
    store.checkout(record.tree, place / "linked", link=True)
    assert snapshot(place / "linked") == snapshot(work)
    tried = ["lookup", "restore", "link"]
    try:
        store.checkout(broken.tree, place / "bad", link=False)
    except HadronbakeError:
        tried.append("damaged blob")
    try:
        store.check_writable()
    except HadronbakeError as problem:
        said = str(problem)
        tried.append("refusal")
    with suppress(OSError):
        put(store, make_tree(place / "other", "x"), "c" * 64)
        raise AssertionError("something was written")
    with suppress(OSError):
        collect(store, 0, grace=-1)
    assert snapshot(root) == before
    return {"tried": tried, "said": said}


@row(GROUP, "a read-only cache", quick=1, full=1, needs="sandbox")
def read_only_cache(place: Path, rounds: int) -> Figures:
    found = in_namespace(place, "size=8m", "read_only", rounds)
    tried = found["tried"]
    assert isinstance(tried, list)
    assert len(tried) == 5
    outcome = "what is there is found and restored, what is damaged there is missed; a task that must write is refused before it runs"
    return Figures(len(tried), outcome, str(found["said"]))
