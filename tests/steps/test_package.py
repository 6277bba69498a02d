"""Splitting by FILES, permissions, ELF facts, and the checks of packages."""

import json
import subprocess
from pathlib import Path

import pytest

from hadronbake.diagnostics import HadronbakeError
from hadronbake.steps import elf, package, quality


class Values(dict[str, str]):
    def getVar(self, name: str) -> str | None:
        return self.get(name)


def values(tmp_path: Path, **more: str) -> Values:
    base = {
        "D": str(tmp_path / "image"),
        "PKGDEST": str(tmp_path / "split"),
        "PN": "x",
        "PV": "1",
        "LICENSE": "MIT",
        "PACKAGES": "x-dbg x-dev x",
        "FILES:x-dbg": "/usr/lib/debug",
        "FILES:x-dev": "/usr/include /usr/lib/lib*.so",
        "FILES:x": "/usr/bin /usr/lib/lib*.so.*",
        "OBJCOPY": "objcopy",
        "STRIP": "strip",
        "TARGET_ARCH": "x86_64",
        "STAGING_DIR_HOST": str(tmp_path / "sysroot"),
        "ERROR_QA": "buildpaths arch file-rdeps textrel installed-vs-shipped rpaths shebang usrmerge",
    }
    return Values({**base, **{key.replace("__", ":"): value for key, value in more.items()}})


def install(tmp_path: Path, name: str, text: str, mode: int = 0o644) -> Path:
    path = tmp_path / "image" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def compile_library(tmp_path: Path, name: str, *options: str, text: str = "int f(void) { return 1; }") -> Path:
    source = tmp_path / "f.c"
    source.write_text(text)
    path = tmp_path / "image/usr/lib" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [
        "gcc",
        "-g",
        "-shared",
        "-fPIC",
        "-nostdlib",
        f"-Wl,-soname,{name}",
        "-o",
        str(path),
        str(source),
        *options,
    ]
    subprocess.run(command, check=True)
    return path


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/usr/lib/*.a", "/usr/lib/x.a", True),
        ("/usr/lib/*.a", "/usr/lib/gcc/x.a", False),
        ("/usr/lib", "/usr/lib/gcc/x.a", True),
        ("/usr/lib", "/usr/libexec/x", False),
        ("/usr/lib/", "/usr/lib/x", True),
        ("/usr/lib/**.a", "/usr/lib/gcc/x.a", True),
        ("/usr/bin/[a-c]?", "/usr/bin/bz", True),
        ("/usr/bin/[!a-c]?", "/usr/bin/bz", False),
        ("/usr/bin/[", "/usr/bin/[", True),
        ("/usr/share/a+b", "/usr/share/a+b", True),
    ],
)
def test_patterns(pattern: str, path: str, matches: bool) -> None:
    shares, left = package.split([path], [("p", [pattern])])
    assert bool(shares["p"]) is matches
    assert bool(left) is not matches


def test_the_first_package_wins() -> None:
    shares, left = package.split(
        ["/usr/lib/liba.so", "/usr/lib/liba.so.1"], [("dev", ["/usr/lib/lib*.so"]), ("main", ["/usr/lib"])]
    )
    assert shares == {"dev": ["/usr/lib/liba.so"], "main": ["/usr/lib/liba.so.1"]}
    assert left == []


def test_package_descriptions(tmp_path: Path) -> None:
    install(tmp_path, "usr/bin/tool", "#!/bin/sh\n", 0o755)
    install(tmp_path, "usr/include/x.h", "int x;\n")
    install(tmp_path, "odd/file", "")
    (tmp_path / "image/usr/bin/alias").symlink_to("tool")
    d = values(
        tmp_path, RDEPENDS__x="libc (>= 1.2) y", FILE_PERMS__x="/usr/bin/tool:4755:root:root /usr/bin/alias:-:bin:bin"
    )
    package.run(d)
    described = package.Package.model_validate_json((tmp_path / "split/x.json").read_text())
    assert described.files == ("/usr/bin/alias", "/usr/bin/tool")
    assert described.depends == ("libc", "y")
    assert described.permissions[0].mode == 0o4755
    assert described.permissions[1].mode is None
    assert (tmp_path / "split/x/usr/bin/alias").readlink() == Path("tool")
    assert json.loads((tmp_path / "split/unshipped.json").read_text()) == ["/odd/file"]
    assert (tmp_path / "split/x-dev/usr/include/x.h").is_file()


def test_wrong_permissions() -> None:
    with pytest.raises(HadronbakeError) as caught:
        package.parse_permissions("usr/bin/x:rwx:a:b", "x")
    assert str(caught.value) == (
        "error[HBS301]: FILE_PERMS:x: 'usr/bin/x:rwx:a:b' isn't path:mode:user:group\n"
        "  = expected: /absolute/path:4755:root:root, - for the mode to leave it as it is"
    )


def test_symbols_go_to_the_debug_package(tmp_path: Path) -> None:
    path = compile_library(tmp_path, "libf.so.1")
    facts = elf.read(path)
    assert facts is not None
    assert (facts.kind, facts.soname, facts.stripped) == ("shared", "libf.so.1", False)
    package.run(values(tmp_path))
    stripped = elf.read(tmp_path / "split/x/usr/lib/libf.so.1")
    assert stripped is not None
    assert stripped.stripped
    assert (tmp_path / "split/x-dbg/usr/lib/debug/usr/lib/libf.so.1.debug").is_file()
    unchanged = elf.read(path)
    assert unchanged is not None
    assert not unchanged.stripped, "the installed tree must not be touched"
    described = package.Package.model_validate_json((tmp_path / "split/x.json").read_text())
    assert described.sonames == ("libf.so.1",)


def failing(tmp_path: Path, **more: str) -> str:
    d = values(tmp_path, **more)
    package.run(d)
    with pytest.raises(HadronbakeError) as caught:
        quality.run(d)
    return str(caught.value)


def test_a_build_path_is_found(tmp_path: Path) -> None:
    install(tmp_path, "usr/bin/tool", "a" * (1 << 20) + "/hb/work/x\n")
    assert "x: /usr/bin/tool contains a path of the build [buildpaths]" in failing(tmp_path)


def test_an_unshipped_file_is_found_and_can_be_excused(tmp_path: Path) -> None:
    install(tmp_path, "odd/file", "")
    assert "x: /odd/file is installed but in no package [installed-vs-shipped]" in failing(tmp_path)
    d = values(tmp_path, INSANE_SKIP__x="installed-vs-shipped")
    quality.run(d)


def test_a_shebang_of_the_build_is_found(tmp_path: Path) -> None:
    install(tmp_path, "usr/bin/tool", "#!/hb/native/usr/bin/python\n", 0o755)
    assert "[shebang]" in failing(tmp_path)


def test_elf_checks(tmp_path: Path) -> None:
    compile_library(tmp_path, "libf.so.1", "-Wl,-rpath,/hb/work/lib")
    text = failing(tmp_path, TARGET_ARCH="aarch64")
    assert "is EM_X86_64 64 bit, not EM_AARCH64 64 bit [arch]" in text
    assert "has the rpath '/hb/work/lib' [rpaths]" in failing(tmp_path)


def test_a_missing_library_is_found(tmp_path: Path) -> None:
    other = compile_library(tmp_path, "libother.so.3")
    compile_library(tmp_path, "libf.so.1", str(other), text="int f(void); int g(void) { return f(); }")
    other.unlink()
    assert "needs libother.so.3, which neither this recipe nor its DEPENDS provide [file-rdeps]" in failing(tmp_path)
    (tmp_path / "sysroot/usr/lib").mkdir(parents=True)
    (tmp_path / "sysroot/usr/lib/libother.so.3").touch()
    quality.run(values(tmp_path))


def test_text_relocations_are_found(tmp_path: Path) -> None:
    source = tmp_path / "t.s"
    source.write_text(".text\n.globl f\nf: .quad f\nret\n")
    path = tmp_path / "image/usr/lib/libt.so.1"
    path.parent.mkdir(parents=True)
    subprocess.run(
        ["gcc", "-shared", "-nostdlib", "-Wl,-z,notext", "-Wl,-soname,libt.so.1", "-o", str(path), str(source)],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    assert "has text relocations [textrel]" in failing(tmp_path)
