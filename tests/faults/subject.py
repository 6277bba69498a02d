"""What faults are made to: a small tree, a store with a record of it, and how a store is looked over afterwards."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from hadronbake.artifacts import collection, inventory
from hadronbake.artifacts.record import Record
from hadronbake.artifacts.store import Store
from hadronbake.artifacts.verification import Finding, verify

LABEL = "zlib:do_install"


def make_tree(work: Path, salt: str = "", files: int = 12) -> Path:
    """``work`` with a directory ``image``: files, a program, links, an empty directory; another content for another salt."""
    (work / "image/usr/bin").mkdir(parents=True)
    (work / "image/empty").mkdir()
    for number in range(files):
        directory = work / f"image/usr/d{number % 4}"
        directory.mkdir(exist_ok=True)
        (directory / f"file{number}").write_bytes(f"{salt} {number}".encode() * (1 + 50 * (number % 3)))
    (work / "image/usr/bin/tool").write_text(f"tool {salt}")
    (work / "image/usr/bin/tool").chmod(0o755)
    (work / "image/usr/bin/alias").symlink_to("tool")
    (work / "image/usr/out").symlink_to("/etc/passwd")
    return work


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Path → mode and content (for hard links and copies alike: of the mode only whether it is a program)."""
    found: dict[str, tuple[int, bytes]] = {}
    for directory, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(directory, name)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                content = os.fsencode(path.readlink())
            else:
                content = b"/" if stat.S_ISDIR(mode) else path.read_bytes()
            found[str(path.relative_to(root))] = (stat.S_IFMT(mode) | bool(mode & 0o100), content)
    return found


def put(store: Store, work: Path, taskhash: str, label: str = LABEL) -> Record:
    """As a worker does it: tree, inputs, log, record."""
    tree = store.put_tree(work, ["image"]).digest
    return store.add_record(
        Record(
            taskhash=taskhash,
            task=label,
            outhash=tree.hash,
            unihash=store.equivalent(label, tree.hash) or taskhash,
            tree=tree,
            inputs=store.put_blob(f"inputs {taskhash}".encode()),
            log=store.put_blob(f"log {taskhash}".encode()),
        )
    )


def three_actions(root: Path, work: Path, record: Record, out: Path, *, link: bool) -> dict[str, Callable[[], object]]:
    """What is done to the store at ``root``: the record of ``work`` is written, restored at ``out``, collected."""
    return {
        "writing": lambda: put(Store(root), work, record.taskhash),
        "restoring": lambda: Store(root).checkout(record.tree, out, link=link),
        "collecting": lambda: collection.collect(Store(root), 0, grace=-1),
    }


def findings(root: Path) -> list[Finding]:
    """What is wrong in the store, beside entries of the index whose record has gone: these say nothing false."""
    return [item for item in verify(Store(root)).findings if item.kind != "index"]


def restores(store: Store, record: Record, work: Path, place: Path) -> None:
    """Asserts that the record's tree comes out as ``work`` is."""
    store.checkout(record.tree, place, link=False)
    assert snapshot(place) == snapshot(work), "a wrong output"


def empty(root: Path) -> None:
    """Takes all records and blobs out of the store; asserts that collection leaves none."""
    collection.collect(Store(root), 0, grace=-1)
    assert not inventory.record_names(root)
    assert not list(inventory.blob_files(root)), "collection left blobs"
