"""What a collection takes, what it leaves, and that it can be ended anywhere."""

import os
import shutil
from pathlib import Path

import pytest

from hadronbake.artifacts import collection, inventory
from hadronbake.artifacts.collection import Report, collect
from hadronbake.artifacts.record import Record
from hadronbake.artifacts.store import Store
from hadronbake.artifacts.verification import verify

DAY = 86_400.0


class Filled:
    """A store with records of one file each: ``add("a", 1000)`` has its own 1000 bytes and one file that all share."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store(root / "store")

    def add(
        self, name: str, size: int, days: float = 1, *, task: str = "", unihash: str = "", content: str = ""
    ) -> str:
        work = self.root / f"work-{name}"
        (work / "image").mkdir(parents=True)
        (work / "image/own").write_bytes((content or name).encode().ljust(size, b"."))
        (work / "image/shared").write_text("shared")
        tree = self.store.put_tree(work, ["image"]).digest
        taskhash = name * 64
        self.store.add_record(
            Record(
                taskhash=taskhash,
                task=task or f"{name}:do_install",
                outhash=tree.hash,
                unihash=unihash * 64 or taskhash,
                tree=tree,
                inputs=self.store.put_blob(f"inputs of {name}".encode()),
                log=self.store.put_blob(f"log of {name}".encode()),
            )
        )
        path = self.store.record_path(taskhash)
        used = path.stat().st_mtime - days * DAY
        os.utime(path, (used, used))
        return taskhash

    def collect(self, quota: int | None, *, dry_run: bool = False, grace: float = 0) -> Report:
        return collect(self.store, quota, grace=grace, dry_run=dry_run)

    def names(self) -> str:
        return "".join(name[0] for name in inventory.record_names(self.store.root))

    def whole(self) -> None:
        """Nothing is wrong, and nothing is there that no record names."""
        assert verify(Store(self.store.root)).findings == []
        assert collect(self.store, None, grace=0, dry_run=True).blobs == 0


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    return Filled(tmp_path)


def test_what_was_used_longest_ago_goes_until_it_fits(filled: Filled) -> None:
    for name, days in (("a", 3), ("b", 9), ("c", 1), ("d", 6)):
        filled.add(name, 1_000_000, days)
    report = filled.collect(2_500_000)
    assert filled.names() == "ac"
    assert [item.task for item in report.evicted] == ["b:do_install", "d:do_install"]
    assert all(1_000_000 < item.bytes < 1_030_000 for item in report.evicted)
    assert report.before - report.after == sum(item.bytes for item in report.evicted)
    assert inventory.summary(filled.store).bytes == report.after < 2_500_000
    filled.whole()


def test_below_the_quota_nothing_goes(filled: Filled) -> None:
    filled.add("a", 1_000_000, 500)
    assert filled.collect(2_000_000).evicted == []
    assert filled.names() == "a"


def test_a_dry_run_says_the_same_and_does_nothing(filled: Filled) -> None:
    for name in "abcd":
        filled.add(name, 500_000, ord(name))
    before = sorted(path for path in filled.store.root.rglob("*"))
    said = filled.collect(1_200_000, dry_run=True)
    assert sorted(path for path in filled.store.root.rglob("*")) == before
    done = filled.collect(1_200_000)
    assert (said.evicted, said.after, said.blobs) == (done.evicted, done.after, done.blobs)
    assert done.evicted


def test_reading_a_record_is_using_it(filled: Filled) -> None:
    for name, days in (("a", 3), ("b", 9)):
        filled.add(name, 1_000_000, days)
    assert filled.store.record("b" * 64) is not None
    filled.collect(1_500_000)
    assert filled.names() == "b"


def test_looking_at_it_is_not(filled: Filled) -> None:
    for name, days in (("a", 3), ("b", 9)):
        filled.add(name, 1_000_000, days)
    assert filled.store.peek("b" * 64) is not None
    filled.collect(1_500_000)
    assert filled.names() == "a"


def test_what_no_record_names_goes_without_a_quota(filled: Filled) -> None:
    filled.add("a", 1000)
    filled.add("b", 1000)
    filled.store.record_path("b" * 64).unlink()
    report = filled.collect(None)
    assert report.blobs == 5  # its file, two directories, inputs, log
    assert report.loose > 1000
    filled.whole()


def test_what_is_new_stays(filled: Filled) -> None:
    filled.add("a", 1000)
    filled.store.put_blob(b"just written, named by no record yet")
    assert filled.collect(0, grace=DAY * 2).blobs == 0
    assert filled.names() == "a"
    assert filled.collect(0, grace=3600).evicted[0].task == "a:do_install"
    assert filled.names() == ""


def test_an_old_blob_that_is_put_again_is_new(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = filled.store.put_blob(b"content")
    changed = Path(filled.store.cas.path(digest, False)).stat().st_ctime
    moment = changed + DAY
    # The clock of the file system can't be set, so everybody else's is.
    monkeypatch.setattr("hadronbake.artifacts.cas.time.time", lambda: moment)
    filled.store.put_blob(b"content")
    assert Path(filled.store.cas.path(digest, False)).stat().st_ctime > changed


def test_the_last_builds_of_existing_directories_stay(filled: Filled, tmp_path: Path) -> None:
    for name in "abcd":
        filled.add(name, 1_000_000, days=5)
    for directory, name, ok in (("one", "a", True), ("two", "b", True), ("three", "c", False)):
        (tmp_path / directory).mkdir()
        with filled.store.building(tmp_path / directory) as used:
            assert filled.store.record(name * 64)
            os.utime(filled.store.record_path(name * 64), (1, 1))
            if ok:
                used.succeeded()
    shutil.rmtree(tmp_path / "two")
    report = filled.collect(0)
    assert filled.names() == "ac"
    assert report.over
    assert report.rooted == 2
    assert len(list((filled.store.root / "roots").iterdir())) == 2
    filled.whole()


def test_a_later_build_takes_the_place_of_an_earlier(filled: Filled, tmp_path: Path) -> None:
    for name in "ab":
        filled.add(name, 1_000_000, days=5)
    for name in "ab":
        with filled.store.building(tmp_path) as used:
            assert filled.store.record(name * 64)
            os.utime(filled.store.record_path(name * 64), (1, 1))
            used.succeeded()
    filled.collect(0)
    assert filled.names() == "b"


def test_a_build_that_failed_keeps_what_the_one_before_used(filled: Filled, tmp_path: Path) -> None:
    for name in "ab":
        filled.add(name, 1_000_000, days=5)
    for name, ok in (("a", True), ("b", False)):
        with filled.store.building(tmp_path) as used:
            assert filled.store.record(name * 64)
            if ok:
                used.succeeded()
    for name in "ab":
        os.utime(filled.store.record_path(name * 64), (1, 1))
    filled.collect(0)
    assert filled.names() == "ab"


def test_a_build_directory_of_another_host_counts_for_thirty_days(filled: Filled, tmp_path: Path) -> None:
    for name in "ab":
        filled.add(name, 1_000_000, days=50)
    roots = filled.store.root / "roots"
    roots.mkdir()
    for name, days in (("a", 29), ("b", 31)):
        path = roots / f"{name}.last"
        path.write_text('{"host": "elsewhere", "directory": "/no/such"}\n' + name * 64 + "\n" + "torn")
        used = path.stat().st_mtime - days * DAY
        os.utime(path, (used, used))
    filled.collect(0)
    assert filled.names() == "a"


def test_the_index_names_another_record_of_the_same_output(filled: Filled) -> None:
    """B came to the output of A, and took over A's unihash; A goes, and the output is still known by it."""
    filled.add("a", 1000, 9, task="z:do_x", content="same")
    filled.add("b", 1000, 1, task="z:do_x", content="same", unihash="a")
    filled.add("e", 1_000_000, 5)
    outhash = filled.store.peek("b" * 64).outhash  # type: ignore[union-attr]
    os.utime(filled.store.record_path("a" * 64), (1, 1))
    filled.collect(500_000)
    assert filled.names() == "b"
    assert filled.store.equivalent("z:do_x", outhash) == "a" * 64
    filled.whole()


def test_the_index_of_an_output_that_is_gone_goes(filled: Filled) -> None:
    filled.add("a", 1000)
    filled.collect(0)
    assert list(inventory.equivalent_files(filled.store.root)) == []
    assert list(inventory.blob_files(filled.store.root)) == []


def test_after_the_clock_was_set_back_everything_is_young(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.add("a", 1000, days=-1)
    filled.store.put_blob(b"loose")
    monkeypatch.setattr(collection, "clock", lambda root: 1_000_000.0)
    report = filled.collect(0)
    assert (report.evicted, report.blobs) == ([], 0)
    assert report.over


class Killed(BaseException):
    pass


def test_ended_at_any_deletion_the_store_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = os.unlink
    original = Filled(tmp_path / "original")
    for name in "abcd":
        original.add(name, 100_000, ord(name))
    for moment in range(1, 60):
        filled = Filled(tmp_path / str(moment))
        shutil.copytree(original.store.root, filled.store.root)
        shutil.copytree(original.root / "keys", filled.root / "keys")
        left = moment

        def die(path: str) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Killed
            unlink(path)

        with monkeypatch.context() as patched:
            patched.setattr(collection.os, "unlink", die)
            try:
                filled.collect(160_000)
            except Killed:
                pass
            else:
                break
        assert all(item.kind == "index" for item in verify(Store(filled.store.root)).findings)
        filled.collect(160_000)
        assert filled.names() == "a"
        filled.whole()
    assert moment > 10


def test_a_record_that_is_used_at_the_last_moment_stays_with_its_blobs(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        filled.add(name, 100_000)
    choose = collection._choose

    def and_then(*arguments: object) -> object:
        chosen = choose(*arguments)  # type: ignore[arg-type]
        assert filled.store.record("b" * 64)
        return chosen

    monkeypatch.setattr(collection, "_choose", and_then)
    filled.collect(0)
    assert filled.names() == "b"
    filled.whole()


def test_who_writes_holds_a_collection_up_but_not_for_ever(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.add("a", 1000)
    monkeypatch.setattr(collection, "_WAIT_SECONDS", 0.05)
    with filled.store.cas.batch() as batch:
        batch.put(b"x")
        report = filled.collect(0)
    assert report.busy
    assert filled.names() == "a"
    assert not filled.collect(0).busy
    assert filled.names() == ""
