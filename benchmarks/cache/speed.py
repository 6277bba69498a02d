"""How fast shared state is, as ratios to plain tools in one run. Run: .venv/bin/python benchmarks/cache/speed.py [DIRECTORY] [RECORDS]

DIRECTORY: on the file system to measure (default: the one for temporary files); RECORDS: how many to list and collect (100,000).
Figures are CPU seconds of the process and its children, the smallest of RUNS; with them the elapsed time, which says more on a
machine that does nothing else.
"""

from __future__ import annotations

import hashlib
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hadronbake.artifacts import inventory
from hadronbake.artifacts.capture import capture
from hadronbake.artifacts.collection import collect
from hadronbake.artifacts.record import Record
from hadronbake.artifacts.store import Store, SysrootPart, canonical

RUNS = 3
Seconds = tuple[float, float]


def timed(action: Callable[[], object], prepare: Callable[[], object] = lambda: None, runs: int = RUNS) -> Seconds:
    """CPU and elapsed seconds of ``action``, each the smallest."""
    found = []
    for _ in range(runs):
        prepare()
        os.sync()
        before, began = usage(), time.monotonic()
        action()
        found.append((usage() - before, time.monotonic() - began))
    return min(cpu for cpu, _ in found), min(wall for _, wall in found)


def usage() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def show(title: str, rows: list[tuple[str, Seconds]]) -> None:
    """The first row is the baseline."""
    print(f"\n{title}")
    cpu_base, wall_base = rows[0][1]
    for label, (cpu, wall) in rows:
        print(
            f"  {label:44} {cpu:7.2f} s CPU {cpu / cpu_base:6.2f} ×   {wall:7.2f} s elapsed {wall / wall_base:6.2f} ×"
        )


def make_tree(place: Path, files: int) -> int:
    """Files of the sizes that a package has: most of some kilobytes, a few of some hundred. The bytes."""
    sizes = random.Random(1)
    total = 0
    for number in range(files):
        directory = place / f"image/usr/{('lib', 'include', 'share/doc', 'share/locale')[number % 4]}/d{number % 97}"
        directory.mkdir(parents=True, exist_ok=True)
        size = min(int(sizes.lognormvariate(8, 1.5)), 1 << 20)
        content = (f"line {number} of a text that packs like one {number * 7919}\n" * (size // 40 + 1)).encode()[:size]
        (directory / f"file{number}").write_bytes(content)
        total += size
    return total


def in_and_out(base: Path) -> None:
    files = 5000
    work = base / "work"
    size = make_tree(work, files)

    def clear() -> None:
        for name in ("copy", "store", "out", "t.tar.zst"):
            path = base / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def shell(text: str) -> Callable[[], object]:
        return lambda: subprocess.run(["/bin/sh", "-c", text], cwd=base, check=True)

    store = Store(base / "store")
    show(
        f"a tree of {files} files, {size >> 20} MiB, into the store",
        [
            ("cp -a (and sync -f)", timed(shell("cp -a work copy && sync -f copy"), clear)),
            ("tar | zstd", timed(shell("tar -C work -c . | zstd -q -T1 -o t.tar.zst && sync -f t.tar.zst"), clear)),
            ("put, all new", timed(lambda: Store(base / "store").put_tree(work, ["image"]), clear)),
            ("put, all known", timed(lambda: Store(base / "store").put_tree(work, ["image"]))),
        ],
    )
    tree = store.put_tree(work, ["image"]).digest
    shell("tar -C work -c . | zstd -q -T1 -o t.tar.zst")()
    store.checkout(tree, base / "out", link=True)

    def emptied() -> None:
        for name in ("copy", "out"):
            shutil.rmtree(base / name, ignore_errors=True)
        (base / "copy").mkdir()

    show(
        "and out again",
        [
            ("cp -a", timed(shell("cp -a work/image copy/"), emptied)),
            ("zstd | tar", timed(shell("zstd -q -d -c t.tar.zst | tar -C copy -x"), emptied)),
            (
                "copies, first use (each file is hashed)",
                timed(lambda: Store(base / "store").checkout(tree, base / "out", False), emptied),
            ),
            ("copies, used before", timed(lambda: store.checkout(tree, base / "out", False), emptied)),
            ("hard links, first use", timed(lambda: Store(base / "store").checkout(tree, base / "out", True), emptied)),
            ("hard links, used before", timed(lambda: store.checkout(tree, base / "out", True), emptied)),
        ],
    )


def sysroots(base: Path) -> None:
    """20,000 files of 40 recipes, a third of them in directories that several share."""
    store = Store(base / "store")
    parts = []
    for recipe in range(40):
        work = base / f"work{recipe}"
        for number in range(500):
            top = (
                f"usr/include/p{recipe}/d{number % 12}"
                if number % 3
                else f"usr/lib/{'' if number % 2 else 'pkgconfig'}"
            )
            directory = work / "sysroot" / top
            directory.mkdir(parents=True, exist_ok=True)
            (directory / f"f{recipe}_{number}").write_bytes(f"{recipe} {number} ".encode() * 50)
        parts.append(SysrootPart(f"r{recipe}", store.put_tree(work, ["sysroot"]).digest, "sysroot"))
        shutil.rmtree(work)
    store.merge(parts, base / "first")
    names = {os.stat(file.path).st_ino: file.path for file in inventory.blob_files(store.root)}  # noqa: PTH116
    directories, links = [], []
    for path in sorted((base / "first").rglob("*")):
        target = str(base / "out" / path.relative_to(base / "first"))
        if path.is_dir():
            directories.append(target)
        else:
            links.append((names[path.stat().st_ino], target))

    def bare() -> None:
        (base / "out").mkdir()
        for directory in directories:
            os.mkdir(directory)  # noqa: PTH102
        for source, target in links:
            os.link(source, target)

    def bare_read() -> None:
        for source, _ in links:
            file = os.open(source, os.O_RDONLY)
            hashlib.sha256(os.read(file, 1 << 20)).hexdigest()
            os.close(file)
        bare()

    def clear() -> None:
        shutil.rmtree(base / "out", ignore_errors=True)

    show(
        f"a sysroot of {len(links)} files of 40 recipes",
        [
            ("bare hard links, from a ready list", timed(bare, clear)),
            ("the same, and each file read and hashed", timed(bare_read, clear)),
            ("merged, used before", timed(lambda: store.merge(parts, base / "out"), clear)),
            (
                "merged, first use (each file is hashed)",
                timed(lambda: Store(store.root).merge(parts, base / "out"), clear),
            ),
        ],
    )


def many_records(base: Path, count: int) -> None:
    store = Store(base / "store")
    blob = store.put_blob(b"[]")
    trees = []
    for number in range(count // 10):
        (base / "work/image").mkdir(parents=True, exist_ok=True)
        (base / "work/image/file").write_text(str(number))
        with store.cas.batch() as batch:
            # As put_tree does, but nobody waits for the disk here.
            batch.commit = batch.publish  # type: ignore[method-assign]
            with ThreadPoolExecutor(1) as pool:
                trees.append(capture(base / "work", ["image"], batch, pool).digest)
    hashes = []
    for number in range(count):
        taskhash = hashlib.sha256(str(number).encode()).hexdigest()
        tree = trees[number % len(trees)]
        record = Record(
            taskhash=taskhash,
            task=f"r{number % 500}:do_install",
            outhash=tree.hash,
            unihash=taskhash,
            tree=tree,
            inputs=blob,
        )
        path = store.record_path(taskhash)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.keys.sign("record", canonical(record)))
        os.utime(path, (number, number))
        hashes.append(taskhash)

    def bare() -> None:
        for path in (store.root / "ac").glob("*/*"):
            path.read_bytes()

    def copied() -> None:
        shutil.rmtree(base / "again", ignore_errors=True)
        subprocess.run(["cp", "-a", str(store.root), str(base / "again")], check=True)

    half = sum(file.space for file in inventory.blob_files(store.root)) // 2
    show(
        f"{count} records with {len(trees)} trees",
        [
            ("bare: read every record's file", timed(bare)),
            ("listed", timed(lambda: list(inventory.records(store)))),
            ("looked up, with their signatures", timed(lambda: store.records(hashes), runs=1)),
            ("collection, dry run", timed(lambda: collect(store, half, grace=0, dry_run=True))),
            ("collected to the half", timed(lambda: collect(Store(base / "again"), half, grace=-1), copied, runs=1)),
        ],
    )


def main() -> None:
    where = sys.argv[1] if len(sys.argv) > 1 else None
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    for benchmark in (in_and_out, sysroots, lambda base: many_records(base, count)):
        with tempfile.TemporaryDirectory(dir=where) as name:
            benchmark(Path(name))


if __name__ == "__main__":
    main()
