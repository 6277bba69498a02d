"""Damage: bytes flipped, files cut off, longer, gone, exchanged."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from matrix import Figures, row
from subject import LABEL, findings, make_tree, put, restores, snapshot

from hadronbake.artifacts.cas import MissingBlob
from hadronbake.artifacts.inventory import blob_files, equivalent_files
from hadronbake.artifacts.record import Record
from hadronbake.artifacts.store import Store
from hadronbake.artifacts.verification import verify

GROUP = "damage"
A = "a" * 64
SEED = 1


class Damaged:
    """One store that is damaged again and again, and healed in between from a copy."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.work = make_tree(place / "work", files=2)
        self.root = place / "store"
        self.record = put(Store(self.root), self.work, A)
        shutil.copytree(self.root, place / "copy")
        self.expected = snapshot(self.work)
        self.seen = self.missed = self.harmless = 0
        self.said = ""

    def check(self, path: str, content: bytes | None, *, heal: bool) -> None:
        """With ``content`` in the file (None: without the file) a reader gets the right thing or misses it."""
        victim = Path(path)
        good = victim.read_bytes()
        mode = victim.stat().st_mode & 0o777
        victim.chmod(0o644)
        if content is None:
            victim.unlink()
        else:
            victim.write_bytes(content)
            victim.chmod(mode)
        self.seen += 1
        store = Store(self.root)
        record = store.record(A)
        whole = False
        if record is not None:
            assert record == self.record, "a wrong record"
            try:
                store.checkout(record.tree, self.place / "out", link=self.seen % 2 == 0)
                whole = True
            except MissingBlob as error:
                self.said = self.said or str(error)
            if whole:
                assert snapshot(self.place / "out") == self.expected, "a wrong output"
                shutil.rmtree(self.place / "out")
            assert not (self.place / "out").exists(), "a half output"
            for digest in (record.inputs, record.log):
                assert digest is not None
                try:
                    assert digest.size == len(store.get_blob(digest))
                except MissingBlob as error:
                    whole, self.said = False, self.said or str(error)
        unihash = store.equivalent(LABEL, self.record.outhash)
        assert unihash in (None, A), "a wrong equivalence"
        if whole and unihash == A:
            self.harmless += 1
        else:
            self.missed += 1
        if heal:
            # The task runs again.
            again = Store(self.root)
            assert put(again, self.work, A).tree == self.record.tree
            assert not findings(self.root), "a store that can't be healed"
            restores(Store(self.root), self.record, self.work, self.place / "healed")
            shutil.rmtree(self.place / "healed")
            verify(Store(self.root))
        shutil.rmtree(self.root / "bad", ignore_errors=True)
        victim.unlink(missing_ok=True)
        victim.write_bytes(good)
        victim.chmod(mode)
        for other in ("cas", "exec", "ac", "equivalent"):
            for saved in (self.place / "copy" / other).rglob("*"):
                target = self.root / saved.relative_to(self.place / "copy")
                if saved.is_file() and not target.exists():
                    shutil.copy2(saved, target)

    def figures(self) -> Figures:
        outcome = f"{self.missed} found and missed (so: built again), {self.harmless} of no consequence"
        return Figures(self.seen, outcome, self.said)


def flips(good: bytes, rounds: int) -> Iterator[bytes]:
    """Each byte with a bit flipped (of a long file, as many as there are rounds), and both ends."""
    chance = random.Random(SEED)
    places = range(len(good)) if len(good) <= rounds else sorted(chance.sample(range(len(good)), rounds))
    for position in places:
        changed = bytearray(good)
        changed[position] ^= 1 << chance.randrange(8)
        yield bytes(changed)


def cuts(good: bytes, rounds: int) -> Iterator[bytes]:
    """The file at each shorter length, and longer."""
    chance = random.Random(SEED)
    yield from (good[:length] for length in sorted(chance.sample(range(len(good)), min(len(good), rounds))))
    yield good + b"\0"
    yield good + good


def damage(place: Path, rounds: int, paths: Callable[[Damaged], list[str]]) -> Figures:
    subject = Damaged(place)
    for path in paths(subject):
        good = Path(path).read_bytes()
        for number, content in enumerate([*flips(good, rounds), *cuts(good, rounds), None]):
            subject.check(path, content, heal=number % 25 == 0 or content is None)
    return subject.figures()


def of_kind(subject: Damaged, trees: bool) -> list[str]:
    return [file.path for file in blob_files(subject.root) if (b"\x12" in Path(file.path).read_bytes()) == trees]


@row(GROUP, "each byte of each blob flipped; cut off at each length; gone", quick=2, full=2000)
def blobs(place: Path, rounds: int) -> Figures:
    return damage(place, rounds, lambda subject: of_kind(subject, trees=False))


@row(GROUP, "each byte of each tree flipped; cut off at each length; gone", quick=2, full=2000)
def trees(place: Path, rounds: int) -> Figures:
    return damage(place, rounds, lambda subject: of_kind(subject, trees=True))


@row(GROUP, "each byte of the record flipped; cut off at each length; gone", quick=15, full=2000)
def records(place: Path, rounds: int) -> Figures:
    return damage(place, rounds, lambda subject: [str(Store(subject.root).record_path(A))])


@row(GROUP, "each byte of the index flipped; cut off at each length; gone", quick=10, full=2000)
def index(place: Path, rounds: int) -> Figures:
    return damage(place, rounds, lambda subject: list(equivalent_files(subject.root)))


@row(GROUP, "a record, or an entry of the index, under another's name", quick=1, full=1)
def exchanged(place: Path, rounds: int) -> Figures:
    root = place / "store"
    store = Store(root)
    first = put(store, make_tree(place / "one", "1"), "1" * 64, "a:do_x")
    second = put(store, make_tree(place / "two", "2"), "2" * 64, "b:do_x")
    paths = {record.task: store.record_path(record.taskhash) for record in (first, second)}
    content = {task: path.read_bytes() for task, path in paths.items()}
    entries = list(equivalent_files(root))
    named = [Path(path).read_bytes() for path in entries]
    Path(entries[0]).write_bytes(named[1])
    Path(entries[1]).write_bytes(named[0])
    for record in (first, second):
        assert Store(root).equivalent(record.task, record.outhash) is None, "another task's unihash"
    paths["a:do_x"].chmod(0o644)
    paths["a:do_x"].write_bytes(content["b:do_x"])
    found: Record | None = Store(root).record(first.taskhash)
    assert found is None, "another task's output"
    return Figures(3, "each found and missed")


@row(GROUP, "each blob in turn missing behind a record that is there", quick=1, full=1)
def missing(place: Path, rounds: int) -> Figures:
    subject = Damaged(place)
    for file in list(blob_files(subject.root)):
        subject.check(file.path, None, heal=True)
    return subject.figures()
