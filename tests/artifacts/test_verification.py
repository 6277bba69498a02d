"""Verification: each kind of damage is found, named, put aside, and what it means is said."""

from pathlib import Path

import pytest

from hadronbake.artifacts import verification
from hadronbake.artifacts.digest import of_bytes
from hadronbake.artifacts.export import export
from hadronbake.artifacts.quota import parse_size, show_size
from hadronbake.artifacts.record import Record
from hadronbake.artifacts.store import Store
from hadronbake.artifacts.tree import Directory, SymlinkNode, encode
from hadronbake.artifacts.verification import Finding, verify
from hadronbake.diagnostics import HadronbakeError

A, B = "a" * 64, "b" * 64


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    (tmp_path / "work/image/usr").mkdir(parents=True)
    (tmp_path / "work/image/usr/text").write_text("text")
    (tmp_path / "work/image/usr/program").write_text("program")
    (tmp_path / "work/image/usr/program").chmod(0o755)
    (tmp_path / "work/image/link").symlink_to("usr/text")
    tree = store.put_tree(tmp_path / "work", ["image"]).digest
    store.add_record(
        Record(
            taskhash=A,
            task="zlib:do_install",
            outhash=tree.hash,
            unihash=A,
            tree=tree,
            inputs=store.put_blob(b"[]"),
            log=store.put_blob(b"log"),
        )
    )
    return store


def change(path: Path, content: bytes | None) -> None:
    path.chmod(0o644)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


def found(store: Store) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(item.kind, item.problem, item.tasks) for item in verify(Store(store.root)).findings]


def test_a_good_store_is_good(store: Store) -> None:
    result = verify(store)
    assert result.findings == []
    assert (result.blobs, result.trees, result.records, result.index) == (7, 3, 1, 1)


def test_a_damaged_blob_names_the_task(store: Store) -> None:
    digest = of_bytes(b"text")
    change(Path(store.cas.path(digest, False)), b"tEXt")
    other = of_bytes(b"tEXt")
    assert found(store) == [
        ("record", "1 of the blobs it names are missing or damaged", ("zlib:do_install",)),
        ("blob", f"its content is that of {other.hash[:12]}… (4 bytes)", ("zlib:do_install",)),
    ]
    assert len(list((store.root / "bad").iterdir())) == 2
    assert found(store) == []


@pytest.mark.parametrize("lost", [b"program", b"log", b"[]"])
def test_a_missing_blob_puts_the_record_aside(store: Store, lost: bytes) -> None:
    change(Path(store.cas.path(of_bytes(lost), lost == b"program")), None)
    assert found(store)[0] == ("record", "1 of the blobs it names are missing or damaged", ("zlib:do_install",))
    assert store.record(A) is None


def test_one_of_two_files_of_a_content_is_no_loss(store: Store) -> None:
    digest = of_bytes(b"text")
    change(Path(store.cas.locate(digest, True)), b"x")
    assert [(kind, tasks) for kind, _, tasks in found(store)] == [("blob", ())]
    assert store.record(A) is not None


def test_a_malformed_tree(store: Store) -> None:
    bad = store.put_blob(encode(Directory(symlinks=(SymlinkNode("..", "x"),))))
    store.add_record(
        Record(
            taskhash="b" * 64, task="x:do_y", outhash=bad.hash, unihash="b" * 64, tree=bad, inputs=store.put_blob(b"[]")
        )
    )
    assert found(store) == [
        ("record", "1 of the blobs it names are missing or damaged", ("x:do_y",)),
        ("tree", "a directory message of shared state is malformed: it has an entry named '..'", ("x:do_y",)),
    ]


def test_a_damaged_record_and_index(store: Store) -> None:
    change(store.record_path(A), b"{}\n")
    index = next(path for path in (store.root / "equivalent").rglob("*") if path.is_file())
    change(index, b"not a hash")
    assert found(store) == [
        ("record", "it can't be read, or its checksum is wrong", ()),
        ("index", "it can't be read, or its checksum is wrong", ()),
    ]


def test_a_mode_is_mended(store: Store) -> None:
    path = Path(store.cas.path(of_bytes(b"text"), False))
    path.chmod(0o644)
    assert verify(store).findings == [Finding("blob", of_bytes(b"text").hash, "its mode was 644, and is 444 again")]
    assert path.stat().st_mode & 0o777 == 0o444


def test_strange_files_are_put_aside(store: Store) -> None:
    (store.root / "cas/00").mkdir(exist_ok=True)
    (store.root / "cas/00/notes.txt").write_text("x")
    assert found(store) == [("blob", "its name is no hash", ())]


def test_export(store: Store, tmp_path: Path) -> None:
    tree = store.record(A)
    assert tree is not None
    export(store, {"": tree.tree}, tmp_path / "out")
    assert (tmp_path / "out/image/link").read_text() == "text"
    for end in (".tar", ".tar.gz", ".tar.zst"):
        for name in ("one", "two"):
            export(store, {"do_install": tree.tree}, tmp_path / f"{name}{end}")
        assert (tmp_path / f"one{end}").read_bytes() == (tmp_path / f"two{end}").read_bytes()
    import tarfile

    with tarfile.open(tmp_path / "one.tar.gz") as archive:
        modes = {item.name: (item.type, item.mode) for item in archive}
    assert modes["do_install/image/usr/program"] == (tarfile.REGTYPE, 0o755)
    assert modes["do_install/image/link"][0] == tarfile.SYMTYPE
    with pytest.raises(HadronbakeError) as caught:
        export(store, {"": tree.tree}, tmp_path / "one.tar")
    assert str(caught.value) == (
        f"error[HBA031]: {tmp_path / 'one.tar'} exists already\n  = hint: name another place, or remove it"
    )
    for name in ("out.zip", "out.tgz", "out.tar.xz", "new/out.TZST"):
        with pytest.raises(HadronbakeError) as caught:
            export(store, {"": tree.tree}, tmp_path / name)
        assert str(caught.value) == (
            f"error[HBA032]: {tmp_path / name} would be an archive of a kind that isn't written\n"
            "  = hint: let it end with .tar, .tar.gz or .tar.zst; a directory, with something else"
        )
    export(store, {"": tree.tree}, tmp_path / "new/place/of.tar.d")
    export(store, {"": tree.tree}, tmp_path / "another/place/out.tar")
    assert (tmp_path / "another/place/out.tar").is_file()


def test_sizes() -> None:
    assert [parse_size(text, "X") for text in ("", " ", "0", "20G", "1.5k", "3 MiB")] == [
        None,
        None,
        0,
        20 << 30,
        1536,
        3 << 20,
    ]
    assert [show_size(size) for size in (0, 1023, 1536, 20 << 30)] == ["0 B", "1023 B", "1.5 KiB", "20.0 GiB"]
    with pytest.raises(HadronbakeError) as caught:
        parse_size("lots", "HB_CACHE_SIZE")
    assert str(caught.value) == (
        "error[HBA030]: HB_CACHE_SIZE: 'lots' is no size\n  = hint: a number with K, M, G or T, for example 20G"
    )


def test_what_is_built_meanwhile_is_no_loss(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large store is read for minutes: the records that are looked at after its blobs name some that weren't listed."""
    real = verification.record_names

    def later(root: Path) -> list[str]:
        (tmp_path / "work/image/usr/new").write_text("written while blobs were read")
        other = Store(root, store.keys)
        tree = other.put_tree(tmp_path / "work", ["image"]).digest
        made = other.put_blob(b"[1]")
        other.add_record(Record(taskhash=B, task="b:do_install", outhash=tree.hash, unihash=B, tree=tree, inputs=made))
        return real(root)

    monkeypatch.setattr(verification, "record_names", later)
    assert verify(Store(store.root)).findings == []
    assert store.record(B) is not None
