"""do_unpack: every kind of archive, and none that leaves its directory."""

import io
import json
import lzma
import os
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hadronbake.diagnostics import HadronbakeError
from hadronbake.steps import archives, unpack


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


CONTENT = {"foo-1.0/configure": (0o775, b"#!/bin/sh\n"), "foo-1.0/src/main.c": (0o664, b"int main;\n" * 5000)}


def entry(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644, data: bytes = b""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size, info.mtime = kind, link, mode, len(data), 1_000_000_000
    return info, data


def make_tar(path: Path, entries: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return path


def good() -> list[tuple[tarfile.TarInfo, bytes]]:
    return [
        entry("foo-1.0", tarfile.DIRTYPE, mode=0o777),
        *(entry(name, mode=mode, data=data) for name, (mode, data) in CONTENT.items()),
        entry("foo-1.0/link", tarfile.SYMTYPE, "src/main.c"),
        entry("foo-1.0/hard", tarfile.LNKTYPE, "foo-1.0/src/main.c"),
    ]


def make(path: Path) -> Path:
    """An archive of CONTENT in the format of the path's suffix."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, (mode, data) in CONTENT.items():
                info = zipfile.ZipInfo(name, (2001, 9, 9, 1, 46, 40))
                info.external_attr = (stat.S_IFREG | mode) << 16
                file.writestr(info, data)
            info = zipfile.ZipInfo("foo-1.0/link")
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(info, "src/main.c")
        return path
    plain = make_tar(path.parent / "plain.tar", good())
    form = path.suffix[1:]
    programs = {"zst": ["zstd", "-qc"], "lz4": ["lz4", "-qc"]}
    if form in programs:
        path.write_bytes(subprocess.run([*programs[form], plain], check=True, capture_output=True).stdout)
    elif form == "lzma":
        path.write_bytes(lzma.compress(plain.read_bytes(), format=lzma.FORMAT_ALONE))
    else:
        form = {"tgz": "gz", "crate": "gz", "tbz2": "bz2", "txz": "xz", "tar": ""}.get(form, form)
        make_tar(path, good(), f"w:{form}")
    plain.unlink(missing_ok=path != plain)
    return path


FORMATS = ["tar", "tar.gz", "tgz", "crate", "tar.bz2", "tbz2", "tar.xz", "txz", "tar.lzma", "tar.zst", "tar.lz4", "zip"]


def check(root: Path) -> None:
    for name, (_, data) in CONTENT.items():
        assert (root / name).read_bytes() == data
        assert (root / name).stat().st_mtime == 1_000_000_000
    assert stat.S_IMODE((root / "foo-1.0/configure").stat().st_mode) == 0o755
    assert stat.S_IMODE((root / "foo-1.0/src/main.c").stat().st_mode) == 0o644
    assert (root / "foo-1.0/link").readlink() == Path("src/main.c")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format(tmp_path: Path, form: str) -> None:
    archives.unpack(make(tmp_path / f"foo.{form}"), tmp_path / "out")
    check(tmp_path / "out")
    if form != "zip":
        assert (tmp_path / "out/foo-1.0/hard").stat().st_ino == (tmp_path / "out/foo-1.0/src/main.c").stat().st_ino
        assert (tmp_path / "out/foo-1.0").stat().st_mtime == 1_000_000_000


@pytest.mark.parametrize("form", ["tar.gz", "tar.bz2", "tar.xz", "tar.lzma", "tar.zst"])
def test_without_the_programs_python_does_it(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make(tmp_path / f"foo.{form}")
    monkeypatch.setenv("PATH", str(tmp_path))
    archives.unpack(archive, tmp_path / "out")
    check(tmp_path / "out")


def test_a_compression_without_program_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make(tmp_path / "foo.tar.lz4")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HadronbakeError) as caught:
        archives.unpack(archive, tmp_path / "out")
    assert str(caught.value) == (
        "error[HBS103]: foo.tar.lz4 can't be decompressed: the program lz4 isn't there\n"
        '  = hint: install it on the host and add it to HOSTTOOLS: HOSTTOOLS += "lz4"'
    )


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("programs", [True, False])
def test_a_truncated_archive_is_an_error(
    tmp_path: Path, form: str, programs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make(tmp_path / f"foo.{form}")
    data = archive.read_bytes()
    # Of an uncompressed tar the end would be only zeros.
    archive.write_bytes(data[: len(data) // 2 if form in ("tar", "zip") else len(data) - 5])
    if not programs:
        if form == "tar.lz4":
            return
        monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HadronbakeError) as caught:
        archives.unpack(archive, tmp_path / "out")
    assert caught.value.diagnostics[0].code == "HBS102"


def test_what_is_no_tar_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "foo.tar.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(HadronbakeError, match="HBS102"):
        archives.unpack(tmp_path / "foo.tar.gz", tmp_path / "out")


EVIL: list[tuple[str, list[tuple[tarfile.TarInfo, bytes]], str]] = [
    ("dotdot", [entry("a/../../evil", data=b"x")], "'a/../../evil' has '..' in its name"),
    ("dotdot-dir", [entry("../evil", tarfile.DIRTYPE)], "'../evil' has '..' in its name"),
    ("absolute", [entry("/tmp/evil", data=b"x")], "'/tmp/evil' has an absolute name"),
    (
        "symlink",
        [entry("a", tarfile.SYMTYPE, ".."), entry("a/evil", data=b"x")],
        "'a/evil' goes through the symbolic link 'a'",
    ),
    (
        "symlink-deep",
        [entry("a", tarfile.SYMTYPE, "/etc"), entry("a/b/evil", data=b"x")],
        "'a/b/evil' goes through the symbolic link 'a'",
    ),
    (
        "symlink-dir",
        [entry("a", tarfile.SYMTYPE, ".."), entry("a", tarfile.DIRTYPE)],
        "'a' goes through the symbolic link 'a'",
    ),
    ("hardlink", [entry("a", tarfile.LNKTYPE, "../secret")], "is a hard link to '../secret', outside of the directory"),
    ("hardlink-absolute", [entry("a", tarfile.LNKTYPE, "/etc/passwd")], "is a hard link to '/etc/passwd', outside"),
    (
        "hardlink-through",
        [entry("d", tarfile.SYMTYPE, ".."), entry("a", tarfile.LNKTYPE, "d/secret")],
        "is a hard link to 'd/secret', through a symbolic link",
    ),
    ("hardlink-missing", [entry("a", tarfile.LNKTYPE, "b")], "is a hard link to 'b', which isn't in it before"),
    ("device", [entry("null", tarfile.CHRTYPE)], "'null' is a device or a fifo"),
    ("fifo", [entry("pipe", tarfile.FIFOTYPE)], "'pipe' is a device or a fifo"),
    ("file-as-dir", [entry("a", data=b"x"), entry("a/b", data=b"x")], "'a/b' has the file 'a' for a directory"),
    ("file-over-dir", [entry("a/b", data=b"x"), entry("a", data=b"x")], "'a' is in the place of a directory"),
]


@pytest.mark.parametrize(("entries", "message"), [item[1:] for item in EVIL], ids=[item[0] for item in EVIL])
def test_an_entry_that_leaves_the_directory_is_refused(
    tmp_path: Path, entries: list[tuple[tarfile.TarInfo, bytes]], message: str
) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box/secret").write_text("secret")
    archive = make_tar(tmp_path / "evil.tar.xz", entries, "w:xz")
    with pytest.raises(HadronbakeError) as caught:
        archives.unpack(archive, tmp_path / "box/out")
    assert caught.value.diagnostics[0].code == "HBS101"
    assert message in str(caught.value)
    assert str(caught.value).startswith("error[HBS101]: evil.tar.xz: the entry '")
    assert names(tmp_path / "box") == ["out", "secret"]
    assert (tmp_path / "box/secret").read_text() == "secret"
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/../../evil"])
def test_zip_entries_too(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as file:
        file.writestr(name, "x")
    with pytest.raises(HadronbakeError, match="HBS101"):
        archives.unpack(tmp_path / "evil.zip", tmp_path / "box/out")


def test_a_symbolic_link_is_replaced_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    archive = make_tar(
        tmp_path / "x.tar", [entry("a", tarfile.SYMTYPE, str(tmp_path / "victim")), entry("a", data=b"theirs")]
    )
    archives.unpack(archive, tmp_path / "out")
    assert (tmp_path / "victim").read_text() == "mine"
    assert (tmp_path / "out/a").read_bytes() == b"theirs"
    assert not (tmp_path / "out/a").is_symlink()


def test_a_later_entry_of_one_name_does_not_change_a_hard_linked_one(tmp_path: Path) -> None:
    archive = make_tar(
        tmp_path / "x.tar", [entry("a", data=b"one"), entry("b", tarfile.LNKTYPE, "a"), entry("a", data=b"two")]
    )
    archives.unpack(archive, tmp_path / "out")
    assert [(tmp_path / "out" / name).read_bytes() for name in "ab"] == [b"two", b"one"]


def test_long_and_strange_names(tmp_path: Path) -> None:
    strange = ["d/" + "n" * 180, "d/é ü", os.fsdecode(b"d/latin\xe9"), "./d//x"]
    archive = make_tar(
        tmp_path / "x.tar", [entry(name, data=name.encode(errors="surrogateescape")) for name in strange]
    )
    archives.unpack(archive, tmp_path / "out")
    for name in strange:
        assert (tmp_path / "out" / name).read_bytes() == name.encode(errors="surrogateescape")


def test_a_sparse_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with (tmp_path / "in/sparse").open("wb") as file:
        file.seek(1 << 20)
        file.write(b"end")
    subprocess.run(["tar", "-C", tmp_path / "in", "--sparse", "-cJf", tmp_path / "x.tar.xz", "sparse"], check=True)
    archives.unpack(tmp_path / "x.tar.xz", tmp_path / "out")
    assert (tmp_path / "out/sparse").read_bytes() == bytes(1 << 20) + b"end"


def test_strip_level(tmp_path: Path) -> None:
    archives.unpack(make(tmp_path / "foo.tar.gz"), tmp_path / "out", striplevel=1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["configure", "hard", "link", "src"]


def nested(tmp_path: Path, form: str = "tar.gz") -> Path:
    inner = make(tmp_path / "foo-dfsg.tar.xz")
    other = make_tar(tmp_path / "newlib.tar.gz", [entry("newlib/x", data=b"x")], "w:gz")
    outer = tmp_path / f"outer.{form}"
    if form == "zip":
        with zipfile.ZipFile(outer, "w") as file:
            for path in (inner, other):
                file.write(path, f"gcc-14/{path.name}")
        return outer
    return make_tar(
        outer,
        [
            entry("gcc-14", tarfile.DIRTYPE),
            *(entry(f"gcc-14/{path.name}", data=path.read_bytes()) for path in (inner, other)),
        ],
        "w:gz",
    )


@pytest.mark.parametrize("form", ["tar.gz", "zip"])
def test_nested_archives_are_unpacked_instead(tmp_path: Path, form: str) -> None:
    archives.unpack_nested(nested(tmp_path, form), tmp_path / "out", "foo-*.tar.*")
    check(tmp_path / "out")
    assert names(tmp_path / "out") == ["foo-1.0"]


def test_nested_by_the_whole_name(tmp_path: Path) -> None:
    archives.unpack_nested(nested(tmp_path), tmp_path / "out", "gcc-14/new*")
    assert names(tmp_path / "out") == ["newlib"]


def test_nested_without_a_match_names_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(HadronbakeError) as caught:
        archives.unpack_nested(nested(tmp_path), tmp_path / "out", "bar-*")
    assert str(caught.value) == (
        "error[HBS105]: no file in outer.tar.gz matches nested=bar-*\n"
        "  = hint: the archives in it are: gcc-14/foo-dfsg.tar.xz, gcc-14/newlib.tar.gz"
    )


class D(dict[str, str]):
    def getVar(self, name: str) -> str | None:
        return self.get(name)


Step = Callable[..., Path]


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    """Runs do_unpack over entries (uri, type, path, parameters) and gives UNPACKDIR."""

    def run(*entries: tuple[str, str, Path, dict[str, str]], s: str = "") -> Path:
        file = tmp_path / "fetched.json"
        file.write_text(json.dumps([{"uri": u, "type": t, "path": str(p), "parameters": q} for u, t, p, q in entries]))
        monkeypatch.setattr(unpack, "FETCHED", file)
        unpack.run(D(UNPACKDIR=str(tmp_path / "work/sources"), S=str(tmp_path / "work/sources" / s)))
        return tmp_path / "work/sources"

    return run


def test_archives_and_local_files_go_to_unpackdir(tmp_path: Path, step: Step) -> None:
    archive = make(tmp_path / "foo.tar.gz")
    (tmp_path / "files/conf.d").mkdir(parents=True)
    (tmp_path / "files/conf.d/a.conf").write_text("a")
    (tmp_path / "files/conf.d/a.conf").chmod(0o444)
    (tmp_path / "files/tree").mkdir()
    (tmp_path / "files/tree/leaf").write_text("leaf")
    root = step(
        ("https://example.org/foo.tar.gz", "https", archive, {}),
        ("https://example.org/raw.tar.gz", "https", archive, {"unpack": "0", "subdir": "raw"}),
        ("file://conf.d/a.conf", "file", tmp_path / "files/conf.d/a.conf", {}),
        ("file://a/b/local.tar.gz", "file", archive, {"subdir": "local"}),
        ("file://tree", "file", tmp_path / "files/tree", {"subdir": "below"}),
        s="foo-1.0",
    )
    check(root)
    assert (root / "raw/foo.tar.gz").read_bytes() == archive.read_bytes()
    assert (root / "conf.d/a.conf").read_text() == "a"
    assert stat.S_IMODE((root / "conf.d/a.conf").stat().st_mode) == 0o644
    check(root / "local")
    assert (root / "below/tree/leaf").read_text() == "leaf"


def test_a_single_compressed_file(tmp_path: Path, step: Step) -> None:
    subprocess.run(
        ["gzip", "-k", "-n", "x.txt"], cwd=tmp_path, check=True, input=(tmp_path / "x.txt").write_text("hello") and b""
    )
    assert (step(("https://e.org/x.txt.gz", "https", tmp_path / "x.txt.gz", {})) / "x.txt").read_text() == "hello"


def test_parameters_can_not_leave_unpackdir(tmp_path: Path, step: Step) -> None:
    archive = make(tmp_path / "foo.tar.gz")
    with pytest.raises(HadronbakeError, match=r"HBS111.*subdir '\.\./\.\./x' leaves"):
        step(("https://e.org/foo.tar.gz", "https", archive, {"subdir": "../../x"}))
    with pytest.raises(HadronbakeError, match="HBS111"):
        step(("file://../../x", "file", tmp_path / "plain", {}), s="")


def test_a_missing_source_directory_names_those_that_are_there(tmp_path: Path, step: Step) -> None:
    archive = make(tmp_path / "foo.tar.gz")
    with pytest.raises(HadronbakeError) as caught:
        step(("https://e.org/foo.tar.gz", "https", archive, {}), s="foo-1.1")
    assert str(caught.value) == (
        f"error[HBS110]: S is {tmp_path}/work/sources/foo-1.1, which doesn't exist after unpacking; "
        f"in {tmp_path}/work/sources there are: foo-1.0\n"
        '  = hint: say S = "${UNPACKDIR}/foo-1.0"'
    )


def test_a_missing_source_directory_without_any(tmp_path: Path, step: Step) -> None:
    (tmp_path / "a.conf").write_text("")
    with pytest.raises(HadronbakeError, match=r'for sources that are single files say S = "\${UNPACKDIR}"'):
        step(("file://a.conf", "file", tmp_path / "a.conf", {}), s="foo-1.0")


def test_a_recipe_without_sources_gets_an_empty_one(step: Step) -> None:
    assert (step(s="foo-1.0") / "foo-1.0").is_dir()
