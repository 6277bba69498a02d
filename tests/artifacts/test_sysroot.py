"""Merging trees into one sysroot."""

import stat
from pathlib import Path

import pytest

from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.store import Store, SysrootPart
from hadronbake.diagnostics import HadronbakeError


class Maker:
    """Puts small trees: path → content, "-> target" for a link, None for a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store(root / "store")
        self.count = 0

    def __call__(
        self, label: str, files: dict[str, str | None], top: str = "sysroot", mode: int = 0o644
    ) -> SysrootPart:
        self.count += 1
        base = self.root / f"work{self.count}"
        (base / top).mkdir(parents=True)
        for name, content in files.items():
            path = base / top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.mkdir(parents=True, exist_ok=True)
            elif content.startswith("-> "):
                path.symlink_to(content[3:])
            else:
                path.write_text(content)
                path.chmod(mode)
        return SysrootPart(label, self.store.put_tree(base, [top]).digest, top)

    def merge(self, *parts: SysrootPart) -> Path:
        out = self.root / "out"
        self.store.merge(parts, out)
        return out


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def error(make: Maker, *parts: SysrootPart) -> str:
    with pytest.raises(HadronbakeError) as caught:
        make.merge(*parts)
    assert not (make.root / "out").exists()
    return str(caught.value)


def test_trees_come_together_by_hard_links(make: Maker) -> None:
    zlib = make("zlib", {"usr/include/zlib.h": "z", "usr/lib/libz.so": "-> libz.so.1"})
    xz = make("xz", {"usr/include/lzma.h": "x"})
    out = make.merge(zlib, xz)
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir()) == [
        "usr/include/lzma.h",
        "usr/include/zlib.h",
        "usr/lib/libz.so",
    ]
    assert (out / "usr/lib/libz.so").readlink() == Path("libz.so.1")
    header = (out / "usr/include/zlib.h").stat()
    assert (stat.S_IMODE(header.st_mode), header.st_nlink) == (0o444, 2)


def test_only_the_wanted_top_directory_is_merged(make: Maker) -> None:
    part = make("gcc", {"usr/bin/gcc": "g"}, top="native")
    out = make.merge(SysrootPart("gcc", part.tree, "sysroot"))
    assert list(out.iterdir()) == []


def test_equal_files_may_coincide_and_stay_executable(make: Maker) -> None:
    one = make("a", {"usr/bin/tool": "same"}, mode=0o755)
    two = make("b", {"usr/bin/tool": "same"})
    for parts in ((one, two), (two, one)):
        out = make.merge(*parts)
        assert stat.S_IMODE((out / "usr/bin/tool").stat().st_mode) == 0o555
        (out).rename(make.root / f"done{parts[0].label}")


def test_different_files_name_both_recipes_and_the_path(make: Maker) -> None:
    assert error(make, make("zlib", {"usr/include/z.h": "1"}), make("zlib-ng", {"usr/include/z.h": "2"})) == (
        "error[HBA006]: zlib and zlib-ng both install /usr/include/z.h into the sysroot, with different content\n"
        "  = hint: one of the two must not install it, or install it under another name"
    )


def test_every_conflict_is_said(make: Maker) -> None:
    text = error(make, make("a", {"x": "1", "y": "1"}), make("b", {"x": "2", "y": "2"}))
    assert "/x " in text
    assert "/y " in text


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"lib": "-> usr/lib"}, {"lib/libz.so": "z"}, "/lib in the sysroot is a symbolic link to usr/lib of a and a directory of b"),
        ({"lib/libz.so": "z"}, {"lib": "-> usr/lib"}, "/lib in the sysroot is a directory of a and a symbolic link to usr/lib of b"),
        ({"etc": "file"}, {"etc/passwd": "p"}, "/etc in the sysroot is a file of a and a directory of b"),
        ({"etc/passwd": "p"}, {"etc": "file"}, "/etc in the sysroot is a directory of a and a file of b"),
        ({"l": "-> x"}, {"l": "-> y"}, "/l in the sysroot is a symbolic link to x of a and a symbolic link to y of b"),
        ({"l": "-> x"}, {"l": "file"}, "/l in the sysroot is a symbolic link to x of a and a file of b"),
    ],
)  # fmt: skip
def test_kinds_that_differ_conflict(
    make: Maker, first: dict[str, str | None], second: dict[str, str | None], message: str
) -> None:
    assert message in error(make, make("a", first), make("b", second))


def test_equal_links_and_directories_coincide(make: Maker) -> None:
    out = make.merge(make("a", {"l": "-> x", "d": None}), make("b", {"l": "-> x", "d": None}))
    assert (out / "d").is_dir()
    assert (out / "l").readlink() == Path("x")


def test_a_merged_sysroot_is_taken_as_it_is(make: Maker) -> None:
    part = make("a", {"x": "1"})
    out = make.merge(part)
    make.store.merge([SysrootPart("gone", Digest(hash="0" * 64, size=1), "sysroot")], out)
    assert (out / "x").read_text() == "1"
