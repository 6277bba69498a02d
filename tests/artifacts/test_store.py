"""Shared state on the disk: in and out, damage, first write, two processes."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hadronbake.artifacts.digest import of_bytes
from hadronbake.artifacts.record import Digest, Record
from hadronbake.artifacts.store import MissingBlob, Store
from hadronbake.diagnostics import HadronbakeError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    (work / "image/usr/bin").mkdir(parents=True)
    (work / "image/empty").mkdir(mode=0o700)
    (work / "image/empty").chmod(0o1777)
    (work / "image/usr/bin/su").write_text("program")
    (work / "image/usr/bin/su").chmod(0o4755)
    (work / "image/usr/readme").write_text("text")
    (work / "image/usr/readme").chmod(0o644)
    (work / "image/usr/secret").write_text("s")
    (work / "image/usr/secret").chmod(0o600)
    (work / "image/usr/link").symlink_to("../nowhere")
    (work / "image/usr/absolute").symlink_to("/etc/passwd")
    os.link(work / "image/usr/readme", work / "image/usr/readme2")
    return work


def snapshot(root: Path) -> dict[str, tuple[int, str]]:
    found = {}
    for path in sorted(root.rglob("*")):
        mode = path.lstat().st_mode
        content = str(path.readlink()) if path.is_symlink() else path.read_text() if path.is_file() else "/"
        found[str(path.relative_to(root))] = (0 if path.is_symlink() else stat.S_IMODE(mode), content)
    return found


def record(taskhash: str, tree: Digest, **changes: object) -> Record:
    values: dict[str, object] = {
        "taskhash": taskhash, "task": "zlib:do_install", "outhash": "0" * 64, "unihash": taskhash, "tree": tree, "inputs": tree,
    }  # fmt: skip
    return Record.model_validate({**values, **changes})


A, B, C = "a" * 64, "b" * 64, "c" * 64


def test_a_tree_comes_out_as_it_went_in(store: Store, work: Path, tmp_path: Path) -> None:
    tree = store.put_tree(work, ["image"])
    assert (tree.files, tree.bytes) == (4, len("program" + "text" + "s" + "text"))
    store.checkout(tree.digest, tmp_path / "out", link=False)
    assert snapshot(tmp_path / "out") == snapshot(work)
    assert len({path.lstat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}) == 1
    one, two = (tmp_path / "out/image/usr" / name for name in ("readme", "readme2"))
    one.write_text("changed")
    assert two.read_text() == "text"
    assert store.has_tree(tree.digest)


def test_the_digest_covers_names_modes_and_content_but_no_times(store: Store, work: Path) -> None:
    first = store.put_tree(work, ["image"]).digest
    os.utime(work / "image/usr/readme", (1, 1))
    assert store.put_tree(work, ["image"]).digest == first
    (work / "image/usr/secret").chmod(0o640)
    second = store.put_tree(work, ["image"]).digest
    assert second != first
    (work / "image/usr/secret").chmod(0o600)
    (work / "image/usr").chmod(0o750)
    assert store.put_tree(work, ["image"]).digest not in (first, second)


def test_links_are_read_only_and_share_the_stores_files(store: Store, work: Path, tmp_path: Path) -> None:
    tree = store.put_tree(work, ["image"])
    store.checkout(tree.digest, tmp_path / "one", link=True)
    store.checkout(tree.digest, tmp_path / "two", link=True)
    for name, mode in (("usr/readme", 0o444), ("usr/bin/su", 0o555), ("usr/secret", 0o444)):
        first, second = (tmp_path / place / "image" / name for place in ("one", "two"))
        assert first.stat().st_ino == second.stat().st_ino
        assert stat.S_IMODE(first.stat().st_mode) == mode


def test_one_content_may_be_both_a_program_and_a_text(store: Store, tmp_path: Path) -> None:
    (tmp_path / "w/d").mkdir(parents=True)
    for name, mode in (("a", 0o755), ("b", 0o644)):
        (tmp_path / "w/d" / name).write_text("same")
        (tmp_path / "w/d" / name).chmod(mode)
    tree = store.put_tree(tmp_path / "w", ["d"])
    store.checkout(tree.digest, tmp_path / "out", link=True)
    assert [stat.S_IMODE((tmp_path / "out/d" / name).stat().st_mode) for name in "ab"] == [0o555, 0o444]


def test_several_directories_of_several_parts(store: Store, work: Path, tmp_path: Path) -> None:
    (work / "a/b").mkdir(parents=True)
    (work / "a/b/file").write_text("x")
    (work / "a/other").write_text("not wanted")
    tree = store.put_tree(work, ["a/b", "image"])
    store.checkout(tree.digest, tmp_path / "out", link=False)
    names = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*")}
    assert "a/b/file" in names
    assert "a/other" not in names
    assert "image/usr/readme" in names


def test_a_missing_output_directory_is_said(store: Store, work: Path) -> None:
    with pytest.raises(HadronbakeError) as caught:
        store.put_tree(work, ["deploy"])
    assert str(caught.value) == (
        "error[HBA005]: the output directory 'deploy' isn't there after the task\n"
        "  = hint: the task names it in [sstate-inputdirs] and must make it; [dirs] or [cleandirs] do that"
    )


@pytest.mark.parametrize("directory", ["../x", "/etc", ""])
def test_an_output_directory_must_be_below_the_work_directory(store: Store, work: Path, directory: str) -> None:
    with pytest.raises(HadronbakeError, match="HBA005"):
        store.put_tree(work, [directory])


def test_an_output_directory_may_not_be_a_link(store: Store, work: Path) -> None:
    (work / "deploy").symlink_to("/etc")
    with pytest.raises(HadronbakeError, match="HBA005"):
        store.put_tree(work, ["deploy"])


def test_a_fifo_is_refused_by_name_and_nothing_is_left(store: Store, work: Path) -> None:
    os.mkfifo(work / "image/usr/pipe")
    with pytest.raises(HadronbakeError, match=r"image/usr/pipe' is a fifo"):
        store.put_tree(work, ["image"])
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_a_name_that_is_not_utf8_is_refused(store: Store, work: Path) -> None:
    (work / os.fsdecode(b"image/caf\xe9")).write_text("")
    with pytest.raises(HadronbakeError, match="HBA004"):
        store.put_tree(work, ["image"])


def test_files_that_their_owner_cannot_read_are_taken_all_the_same(store: Store, work: Path, tmp_path: Path) -> None:
    (work / "image/usr/secret").chmod(0o111)
    (work / "image/empty").chmod(0)
    tree = store.put_tree(work, ["image"])
    assert stat.S_IMODE((work / "image/usr/secret").stat().st_mode) == 0o111
    store.checkout(tree.digest, tmp_path / "out", link=False)
    assert stat.S_IMODE((tmp_path / "out/image/usr/secret").stat().st_mode) == 0o111
    assert stat.S_IMODE((tmp_path / "out/image/empty").stat().st_mode) == 0
    for place in (tmp_path / "out", work):
        (place / "image/empty").chmod(0o755)


def test_a_big_file(store: Store, tmp_path: Path) -> None:
    (tmp_path / "w/d").mkdir(parents=True)
    content = os.urandom(5 << 20)
    (tmp_path / "w/d/big").write_bytes(content)
    tree = store.put_tree(tmp_path / "w", ["d"])
    store.checkout(tree.digest, tmp_path / "out", link=False)
    assert (tmp_path / "out/d/big").read_bytes() == content


def damage(store: Store, digest: Digest, how: str) -> None:
    """To all copies of the blob."""
    found = [path for path in store.root.rglob(digest.hash) if path.parent.parent.name in ("cas", "exec")]
    assert found
    for path in found:
        path.chmod(0o644)
        data = bytearray(path.read_bytes())
        if how == "flip":
            data[0] ^= 1
            path.write_bytes(data)
        elif how == "truncate":
            path.write_bytes(data[:-1])
        else:
            path.unlink()


@pytest.mark.parametrize("how", ["flip", "truncate", "delete"])
@pytest.mark.parametrize("link", [True, False])
def test_a_bad_blob_is_missing_and_can_be_put_again(
    store: Store, work: Path, tmp_path: Path, how: str, link: bool
) -> None:
    tree = store.put_tree(work, ["image"])
    damage(store, of_bytes(b"program"), how)
    later = Store(store.root)
    with pytest.raises(MissingBlob) as caught:
        later.checkout(tree.digest, tmp_path / "out", link=link)
    assert caught.value.digest == of_bytes(b"program")
    assert not (tmp_path / "out").exists()
    assert list((store.root / "bad").glob("*") if how != "delete" else [1])
    assert not later.has_tree(tree.digest)
    assert later.put_tree(work, ["image"]) == tree
    later.checkout(tree.digest, tmp_path / "out", link=link)
    assert (tmp_path / "out/image/usr/bin/su").read_text() == "program"


@pytest.mark.parametrize("how", ["flip", "truncate", "delete"])
def test_a_bad_directory_message_is_missing(store: Store, work: Path, tmp_path: Path, how: str) -> None:
    tree = store.put_tree(work, ["image"])
    damage(store, tree.digest, how)
    later = Store(store.root)
    assert not later.has_tree(tree.digest)
    with pytest.raises(MissingBlob):
        later.checkout(tree.digest, tmp_path / "out", link=False)


def test_blobs(store: Store) -> None:
    digest = store.put_blob(b"log")
    assert store.get_blob(digest) == b"log"
    assert store.put_blob(b"log") == digest
    with pytest.raises(MissingBlob):
        store.get_blob(of_bytes(b"other"))


def test_a_checkout_into_an_existing_directory_leaves_the_rest(store: Store, work: Path, tmp_path: Path) -> None:
    tree = store.put_tree(work, ["image"])
    out = tmp_path / "out"
    (out / "image/usr").mkdir(parents=True)
    (out / "keep").write_text("kept")
    (out / "image/usr/readme").write_text("old")
    store.checkout(tree.digest, out, link=False)
    assert (out / "keep").read_text() == "kept"
    assert (out / "image/usr/readme").read_text() == "text"


def test_nothing_is_written_through_a_symbolic_link(store: Store, work: Path, tmp_path: Path) -> None:
    tree = store.put_tree(work, ["image"])
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "file").write_text("mine")
    out = tmp_path / "out"
    (out / "image/usr").mkdir(parents=True)
    (out / "image/usr/readme").symlink_to(tmp_path / "file")
    store.checkout(tree.digest, out, link=False)
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "out2/image").mkdir(parents=True)
    (tmp_path / "out2/image/usr").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HadronbakeError, match="HBA009"):
        store.checkout(tree.digest, tmp_path / "out2", link=False)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_first_record_wins(store: Store, work: Path) -> None:
    tree = store.put_tree(work, ["image"]).digest
    first = record(A, tree, builder="first")
    assert store.add_record(first) == first
    assert store.add_record(record(A, tree, builder="second")) == first
    assert store.record(A) == first
    assert store.records([A, B]) == {A: first}


def test_a_record_whose_tree_is_gone_gives_way(store: Store, work: Path) -> None:
    tree = store.put_tree(work, ["image"]).digest
    store.add_record(record(A, tree, builder="first"))
    damage(store, of_bytes(b"program"), "delete")
    (work / "image/usr/bin/su").write_text("another")
    again = record(A, store.put_tree(work, ["image"]).digest, builder="second")
    assert store.add_record(again) == again
    assert store.record(A) == again


def test_equivalence_is_of_task_and_output(store: Store, work: Path) -> None:
    tree = store.put_tree(work, ["image"]).digest
    assert store.equivalent("zlib:do_install", "0" * 64) is None
    store.add_record(record(A, tree))
    store.add_record(record(B, tree, unihash=A))
    store.add_record(record(C, tree, task="xz:do_install"))
    assert store.equivalent("zlib:do_install", "0" * 64) == A
    assert store.equivalent("xz:do_install", "0" * 64) == C
    assert store.equivalent("zlib:do_install", "1" * 64) is None


@pytest.mark.parametrize("position", [5, 40, 200, -3])
def test_a_damaged_record_is_none_and_set_aside(store: Store, work: Path, position: int) -> None:
    tree = store.put_tree(work, ["image"]).digest
    good = record(A, tree)
    store.add_record(good)
    path = store.root / "ac/aa" / A
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    assert store.record(A) is None
    (aside,) = (store.root / "bad").iterdir()
    assert store.take_notices() == [
        f"a damaged record of shared state was set aside as {aside}; what it told of is built again"
    ]
    assert store.add_record(good) == good
    assert store.equivalent("zlib:do_install", "0" * 64) == A


def test_a_record_under_another_name_is_none(store: Store, work: Path) -> None:
    tree = store.put_tree(work, ["image"]).digest
    store.add_record(record(A, tree))
    (store.root / "ac/bb").mkdir()
    os.link(store.root / "ac/aa" / A, store.root / "ac/bb" / B)
    assert store.record(B) is None


def test_what_is_no_hash_is_no_path(store: Store) -> None:
    with pytest.raises(ValueError, match="no SHA-256"):
        store.record("../../etc/passwd")
    with pytest.raises(ValueError, match="no SHA-256"):
        store.get_blob(Digest(hash="../x", size=1))


PUTTER = """
import sys
from pathlib import Path
from hadronbake.artifacts.store import Store
from hadronbake.artifacts.record import Record
root, work = Path(sys.argv[1]), Path(sys.argv[2])
store = Store(root)
for _ in range(5):
    tree = store.put_tree(work, ["d"])
    kept = store.add_record(Record(taskhash="a" * 64, task="x:do_y", outhash=tree.digest.hash, unihash="a" * 64,
        tree=tree.digest, inputs=tree.digest, builder=sys.argv[3]))
    store.checkout(tree.digest, Path(sys.argv[4]), link=True)
print(kept.builder, tree.digest.hash)
"""


def test_processes_at_once_agree(tmp_path: Path) -> None:
    (tmp_path / "w/d").mkdir(parents=True)
    for number in range(300):
        (tmp_path / f"w/d/{number}").write_text(str(number % 100))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PUTTER, tmp_path / "store", tmp_path / "w", str(number), tmp_path / "out"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    said = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert len(said) == 1
    assert snapshot(tmp_path / "out").keys() == snapshot(tmp_path / "w").keys()
    assert list((tmp_path / "store/tmp").iterdir()) == []


def test_a_killed_writer_leaves_nothing_visible(tmp_path: Path) -> None:
    """The process dies after all content is written, before anything got its name."""
    (tmp_path / "w/d").mkdir(parents=True)
    (tmp_path / "w/d/file").write_text("x")
    code = (
        "import os, sys; from pathlib import Path; from hadronbake.artifacts import cas; "
        "from hadronbake.artifacts.store import Store; "
        "cas.Cas.publish = lambda *a: os._exit(9); "
        "Store(Path(sys.argv[1])).put_tree(Path(sys.argv[2]), ['d'])"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "store", tmp_path / "w"])
    assert done.returncode == 9
    store = Store(tmp_path / "store")
    assert not (store.root / "cas").exists()
    tree = store.put_tree(tmp_path / "w", ["d"])
    assert store.has_tree(tree.digest)


@pytest.mark.parametrize("link", [True, False])
def test_a_blob_that_vanishes_in_the_middle_of_a_process_is_missing(
    store: Store, work: Path, tmp_path: Path, link: bool
) -> None:
    tree = store.put_tree(work, ["image"])
    damage(store, of_bytes(b"program"), "delete")
    with pytest.raises(MissingBlob):
        store.checkout(tree.digest, tmp_path / "out", link=link)
