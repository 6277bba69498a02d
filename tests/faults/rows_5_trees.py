"""Trees that no honest machine sends, and outputs that no tree can hold."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import time
from pathlib import Path

from matrix import Figures, row
from subject import findings, make_tree, put, snapshot

from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.store import Store, SysrootPart
from hadronbake.artifacts.tree import Directory, DirectoryNode, FileNode, SymlinkNode, encode
from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution.workdir import remove_tree

GROUP = "trees"


def refused(store: Store, tree: Digest, place: Path) -> str:
    """Asserts that the tree can't be put anywhere, and that nothing of it is; the message."""
    said = ""
    parent = place / "jail"
    parent.mkdir(exist_ok=True)
    before = snapshot(parent)
    for link in (False, True):
        try:
            store.checkout(tree, parent / "out", link=link)
        except HadronbakeError as error:
            said = str(error)
        else:
            raise AssertionError("it was taken")
    try:
        store.merge(
            [
                SysrootPart(
                    label="x",
                    tree=store.put_blob(encode(Directory(directories=(DirectoryNode("sysroot", tree),)))),
                    subdirectory="sysroot",
                )
            ],
            parent / "out",
        )
    except HadronbakeError:
        pass
    else:
        raise AssertionError("it was merged")
    assert not store.has_tree(tree)
    assert snapshot(parent) == before, "something was written"
    assert {path.name for path in place.iterdir()} <= {"store", "jail"}, "something was written"
    return said


@row(GROUP, "names: '..', '.', absolute, with '/' or a zero byte, empty", quick=1, full=1)
def names(place: Path, rounds: int) -> Figures:
    store = Store(place / "store")
    file = store.put_blob(b"x")
    child = store.put_blob(encode(Directory()))
    said, tried = "", 0
    for name in ("..", ".", "/etc", "a/b", "../../x", "a\0b", ""):
        for directory in (
            Directory(files=(FileNode(name, file),)),
            Directory(directories=(DirectoryNode(name, child),)),
            Directory(symlinks=(SymlinkNode(name, "x"),)),
        ):
            inner = store.put_blob(encode(directory))
            outer = store.put_blob(encode(Directory(directories=(DirectoryNode("below", inner),))))
            for tree in (inner, outer):
                said = said or refused(store, tree, place)
                tried += 1
    return Figures(tried, "all refused, nothing written", said)


@row(GROUP, "one name twice; entries out of order; unknown fields; a digest that is a path", quick=1, full=1)
def malformed(place: Path, rounds: int) -> Figures:
    store = Store(place / "store")
    one, two = store.put_blob(b"1"), store.put_blob(b"2")
    a, b = (encode(Directory(files=(FileNode(name, one),))) for name in "ab")
    cases = {
        "twice": encode(Directory(files=(FileNode("a", one), FileNode("a", two)))),
        "file and link": encode(Directory(files=(FileNode("a", one),), symlinks=(SymlinkNode("a", "/etc"),))),
        "order": b + a,
        "field": a + b"\x7a\x01x",
        "path": encode(Directory(files=(FileNode("a", Digest(hash="../../../../etc/passwd", size=1)),))),
        "short": a[:-1],
        "mode": encode(Directory(files=(FileNode("a", one, 0o777_7777),))),
        "endless length": b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    }
    said = ""
    for data in cases.values():
        said = said or refused(store, store.put_blob(data), place)
    return Figures(len(cases), "all refused, nothing written", said)


@row(GROUP, "symbolic links that lead out, and files below them", quick=1, full=1)
def links(place: Path, rounds: int) -> Figures:
    store = Store(place / "store")
    outside = place / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    file = store.put_blob(b"theirs")
    inside = store.put_blob(encode(Directory(files=(FileNode("file", file),))))
    link = store.put_blob(encode(Directory(symlinks=(SymlinkNode("d", str(outside)),))))
    real = store.put_blob(encode(Directory(directories=(DirectoryNode("d", inside),))))
    said = ""
    # A tree's own link is a link, and never followed.
    store.checkout(link, place / "one", link=False)
    assert (place / "one/d").is_symlink()
    # Another tree over it.
    for how in (False, True):
        try:
            store.checkout(real, place / "one", link=how)
        except HadronbakeError as error:
            said = str(error)
    # Both in one sysroot.
    tops = [store.put_blob(encode(Directory(directories=(DirectoryNode("sysroot", tree),)))) for tree in (link, real)]
    parts = [
        SysrootPart(label=f"recipe{number}", tree=tree, subdirectory="sysroot") for number, tree in enumerate(tops)
    ]
    try:
        store.merge(parts, place / "merged")
        raise AssertionError("merged")
    except HadronbakeError as error:
        said = str(error)
    # A file where a link leads out.
    (place / "two/d").mkdir(parents=True)
    (place / "two/d/file").symlink_to(outside / "file")
    store.checkout(real, place / "two", link=False)
    assert (place / "two/d/file").read_text() == "theirs"
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"file": "mine"}, "written through a link"
    return Figures(5, "links stay links, nothing is written through one", said)


@row(
    GROUP,
    "device nodes, fifos, sockets, names that aren't UTF-8, files that change while they are read",
    quick=1,
    full=1,
)
def special(place: Path, rounds: int) -> Figures:
    root = place / "store"
    said, tried = "", 0

    def make(kind: str, path: Path) -> None:
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            # A socket's name may have 107 bytes at most.
            here = Path.cwd()
            os.chdir(path.parent)
            try:
                socket.socket(socket.AF_UNIX).bind(path.name)
            finally:
                os.chdir(here)
        elif kind == "name":
            Path(os.fsdecode(os.fsencode(path) + b"\xe9")).touch()
        elif kind == "target":
            path.symlink_to(os.fsdecode(b"\xff"))
        else:
            os.mknod(path, 0o600 | (0o020000 if kind == "character" else 0o060000), os.makedev(1, 3))

    kinds = ["fifo", "socket", "name", "target", *(["character", "block"] if os.geteuid() == 0 else [])]
    for kind in kinds:
        work = make_tree(place / kind)
        make(kind, work / "image/usr/strange")
        try:
            put(Store(root), work, "a" * 64)
        except HadronbakeError as error:
            said = str(error)
            tried += 1
    assert tried == len(kinds)
    assert not [path for path in root.rglob("*") if path.is_file() and path.name != "lock"], (
        "something of it is in the store"
    )
    return Figures(tried, f"all refused by name ({', '.join(kinds)}), nothing in the store", said)


@row(GROUP, "a million entries in one directory", quick=20_000, full=1_000_000)
def many(place: Path, rounds: int) -> Figures:
    store = Store(place / "store")
    file = store.put_blob(b"")
    began = time.process_time()
    tree = store.put_blob(encode(Directory(files=tuple(FileNode(f"{number:07}", file) for number in range(rounds)))))
    written = time.process_time() - began
    Store(store.root).checkout(tree, place / "out", link=False)
    assert len(os.listdir(place / "out")) == rounds  # noqa: PTH208
    shutil.rmtree(place / "out")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    assert not findings(store.root)
    outcome = (
        f"{tree.size >> 20} MiB of message, written in {written:.0f} s of CPU, restored; at most {peak} MiB of memory"
    )
    return Figures(rounds, outcome)


@row(GROUP, "a tree 10,000 directories deep, and one that unfolds to 2^60 entries", quick=1, full=1)
def deep(place: Path, rounds: int) -> Figures:
    store = Store(place / "store")
    said = ""
    for label, width, levels in (("deep", 1, 10_000), ("wide", 4, 30)):
        with store.cas.batch() as batch:
            tree = batch.put(encode(Directory()))
            for _ in range(levels):
                tree = batch.put(
                    encode(Directory(directories=tuple(DirectoryNode(f"d{n}", tree) for n in range(width))))
                )
        began = time.monotonic()
        said = refused(store, tree, place)
        assert time.monotonic() - began < 600, label
    work = place / "work/image"
    work.mkdir(parents=True)
    here = Path.cwd()
    os.chdir(work)
    try:
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
    finally:
        os.chdir(here)
    try:
        put(store, place / "work", "a" * 64)
        raise AssertionError("1500 levels were taken")
    except HadronbakeError as error:
        said = str(error)
    remove_tree(place / "work")
    return Figures(3, "refused before anything is unfolded; the work directory with 1500 levels can be deleted", said)
