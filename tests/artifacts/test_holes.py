"""What is zero takes no space: put, restored, received in pieces, and where it lies since before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadronbake.artifacts import holes
from hadronbake.artifacts.collection import collect, store_bytes
from hadronbake.artifacts.digest import of_file
from hadronbake.artifacts.inventory import summary
from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.store import Store
from hadronbake.artifacts.verification import verify

SIZE = 40 << 20
MIB = 1 << 20


def space(path: Path | str) -> int:
    return Path(path).stat().st_blocks * 512


def image(path: Path, *, sparse: bool) -> Path:
    """40 MiB, of which 2 MiB aren't zeros: at the start, in the middle and (off the blocks) before the hole at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        if not sparse:
            file.write(bytes(SIZE))
        for place in (0, SIZE // 2, SIZE - 5 * MIB + 77):
            file.seek(place)
            file.write(b"content" * 100_000)
        file.truncate(SIZE)
    assert (space(path) < SIZE // 2) == sparse
    return path


def put(store: Store, work: Path) -> tuple[Digest, Digest]:
    """The tree's digest, and that of its file."""
    return store.put_tree(work, ["image"]).digest, of_file(work / "image/disk.img")


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("executable", [False, True])
def test_a_stored_and_a_restored_file_have_holes(tmp_path: Path, sparse: bool, executable: bool) -> None:
    work = tmp_path / "work"
    source = image(work / "image/disk.img", sparse=sparse)
    source.chmod(0o755 if executable else 0o644)
    store = Store(tmp_path / "store")
    tree, digest = put(store, work)
    assert digest.size == SIZE
    blob = store.cas.locate(digest, executable)
    assert (of_file(blob), space(blob) < 4 * MIB) == (digest, True)
    other = store.cas.locate(digest, not executable)
    assert (of_file(other), space(other) < 4 * MIB) == (digest, True)
    for link in (False, True):
        out = tmp_path / f"out{link}"
        store.checkout(tree, out, link=link)
        assert (out / "image/disk.img").read_bytes() == source.read_bytes()
        assert space(out / "image/disk.img") < 4 * MIB


def test_a_smaller_one_too(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    data = bytes(MIB) + b"word" + bytes(2 * MIB)
    digest = store.put_blob(data)
    assert store.get_blob(digest) == data
    assert space(store.cas.locate(digest, False)) <= 2 * holes.BLOCK
    empty = store.put_blob(bytes(MIB))
    assert store.get_blob(empty) == bytes(MIB)


def test_what_counts_is_what_the_disk_holds(tmp_path: Path) -> None:
    image(tmp_path / "work/image/disk.img", sparse=True)
    store = Store(tmp_path / "store")
    put(store, tmp_path / "work")
    assert 2 * MIB < summary(store).bytes == store_bytes(store) < 4 * MIB
    report = collect(store, 0, grace=-1)
    assert report.before < 4 * MIB
    assert report.after == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3 * holes.BLOCK)), max_size=12), st.integers(1, 5000))
def test_however_it_is_cut_it_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[bool, int]], step: int
) -> None:
    data = b"".join(b"\0" * size if zero else b"x" * size for zero, size in runs)
    path = tmp_path_factory.mktemp("holes") / "file"
    target = os.open(path, os.O_RDWR | os.O_CREAT)
    for start in range(0, len(data), step):
        holes.write(target, data[start : start + step], start)
    os.ftruncate(target, len(data))
    assert path.read_bytes() == data
    for begin, end in holes.zeros(data, 0):
        assert not any(data[begin:end])
    again = os.open(f"{path}2", os.O_RDWR | os.O_CREAT)
    holes.copy(target, again, len(data))
    os.close(target)
    os.close(again)
    assert Path(f"{path}2").read_bytes() == data


def dense(store: Store, work: Path) -> tuple[Digest, Path, os.stat_result]:
    """A store of before: its blob has no holes, and is linked from elsewhere."""
    tree, digest = put(store, work)
    blob = Path(store.cas.locate(digest, False))
    content = blob.read_bytes()
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        file.write(content)
    blob.chmod(0o444)
    os.utime(blob, ns=(0, 315_619_200 * 10**9))
    store.checkout(tree, work.parent / "linked", link=True)
    assert space(blob) >= SIZE
    return digest, blob, blob.stat()


def test_verification_makes_holes_where_blobs_lie(tmp_path: Path) -> None:
    image(tmp_path / "work/image/disk.img", sparse=False)
    store = Store(tmp_path / "store")
    digest, blob, before = dense(store, tmp_path / "work")
    result = verify(store)
    assert result.findings == []
    assert result.freed > SIZE - 4 * MIB
    after = blob.stat()
    for name in ("st_ino", "st_mode", "st_size", "st_mtime_ns", "st_nlink"):
        assert getattr(after, name) == getattr(before, name)
    assert (of_file(blob), space(tmp_path / "linked/image/disk.img") < 4 * MIB) == (digest, True)
    assert verify(store).freed == 0
    # As after a kill in between.
    os.utime(blob)
    assert verify(store).findings == []
    assert blob.stat().st_mtime_ns == before.st_mtime_ns


def test_what_is_damaged_is_left_as_it_is(tmp_path: Path) -> None:
    image(tmp_path / "work/image/disk.img", sparse=False)
    store = Store(tmp_path / "store")
    _, blob, _ = dense(store, tmp_path / "work")
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        file.seek(10 * MIB)
        file.write(b"x")
    blob.chmod(0o444)
    result = verify(store)
    (finding,) = [item for item in result.findings if item.kind == "blob"]
    assert (result.freed, space(finding.aside) >= SIZE) == (0, True)
