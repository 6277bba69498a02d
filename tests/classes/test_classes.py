"""The functions of hadron-core's classes, run on small trees."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from hadronbake.datastore.emit import python_script, shell_script
from hadronbake.datastore.store import DataStore
from hadronbake.metadata.configuration import read_configuration
from hadronbake.metadata.layers import RecipeFile
from hadronbake.metadata.variants import parse_recipe

CORE = Path(__file__).resolve().parents[2] / "layers" / "hadron-core"


def parsed(tmp_path: Path, text: str, name: str = "thing_1.0.bb") -> dict[str, DataStore]:
    """The variants of a recipe of that text, read with the project's own configuration."""
    build = tmp_path / "build"
    (build / "conf").mkdir(parents=True)
    (build / "conf" / "bblayers.conf").write_text(f'BBPATH = "${{TOPDIR}}:${{HADRONBAKE_DIR}}"\nBBLAYERS = "{CORE}"\n')
    recipe = tmp_path / name
    recipe.write_text('LICENSE = "MIT"\n' + text)
    base = read_configuration(build, {"PATH": os.environ["PATH"]}).d
    variants, _ = parse_recipe(RecipeFile(str(recipe), "hadron-core", 5), base)
    return {variant: found.d for variant, found in variants.items()}


class Fatal(Exception):
    pass


def fatal(message: str) -> None:
    raise Fatal(message)


def run_python(function: str, d: DataStore) -> None:
    text, _ = python_script(function, d)
    exec(compile(text, function, "exec"), {"bb": SimpleNamespace(fatal=fatal), "d": d, "os": os})


def merged(tmp_path: Path, image: Path) -> None:
    d = parsed(tmp_path, f'D = "{image}"\n')[""]
    run_python("merge_usr", d)


def put(root: Path, path: str, text: str = "x") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def link(root: Path, path: str, target: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).symlink_to(target)


def tree(root: Path) -> dict[str, str]:
    """Path → content, or ``-> target`` of a link; directories only if empty."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_text()
        elif not any(path.iterdir()):
            found[name] = "(empty)"
    return found


def test_everything_ends_in_usr_bin_and_usr_lib(tmp_path: Path) -> None:
    image = tmp_path / "image"
    for path in ("bin/a", "sbin/b", "usr/sbin/c", "lib/d.so", "lib64/e.so", "usr/lib64/f/g.so", "etc/h"):
        put(image, path)
    merged(tmp_path, image)
    assert sorted(tree(image)) == [
        "etc/h",
        "usr/bin/a",
        "usr/bin/b",
        "usr/bin/c",
        "usr/lib/d.so",
        "usr/lib/e.so",
        "usr/lib/f/g.so",
    ]


def test_links_between_the_merged_directories_still_lead_to_the_same_file(tmp_path: Path) -> None:
    image = tmp_path / "image"
    put(image, "lib/libz.so.1")
    link(image, "usr/lib/libz.so", "../../lib/libz.so.1")
    put(image, "usr/bin/tool")
    link(image, "sbin/tool-link", "../usr/bin/tool")
    link(image, "usr/lib/libc-loader", "/lib/libz.so.1")
    link(image, "etc/thing", "/etc/elsewhere")
    merged(tmp_path, image)
    assert tree(image) == {
        "etc/thing": "-> /etc/elsewhere",
        "usr/bin/tool": "x",
        "usr/bin/tool-link": "-> tool",
        "usr/lib/libc-loader": "-> libz.so.1",
        "usr/lib/libz.so": "-> libz.so.1",
        "usr/lib/libz.so.1": "x",
    }


def test_a_link_to_what_it_would_be_merged_with_is_dropped(tmp_path: Path) -> None:
    image = tmp_path / "image"
    put(image, "usr/bin/init")
    link(image, "sbin/init", "/usr/bin/init")
    link(image, "usr/sbin/init", "../bin/init")
    merged(tmp_path, image)
    assert tree(image) == {"usr/bin/init": "x"}


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    image = tmp_path / "image"
    put(image, "usr/bin/mount")
    put(image, "sbin/mount", "y")
    with pytest.raises(Fatal) as error:
        merged(tmp_path, image)
    assert str(error.value) == (
        "/sbin/mount and /usr/bin/mount would be one file in a merged /usr: install only one of them"
    )


def test_the_links_of_a_merged_system_stay(tmp_path: Path) -> None:
    image = tmp_path / "image"
    put(image, "usr/bin/a")
    link(image, "bin", "usr/bin")
    link(image, "lib64", "usr/lib")
    link(image, "usr/sbin", "bin")
    merged(tmp_path, image)
    assert tree(image) == {"bin": "-> usr/bin", "lib64": "-> usr/lib", "usr/bin/a": "x", "usr/sbin": "-> bin"}


def test_a_native_tree_is_merged_below_its_own_root(tmp_path: Path) -> None:
    image = tmp_path / "image"
    put(image, "hb/native/usr/sbin/mke2fs")
    put(image, "hb/native/usr/lib64/libx.so")
    merged(tmp_path, image)
    assert sorted(tree(image)) == ["hb/native/usr/bin/mke2fs", "hb/native/usr/lib/libx.so"]


def test_a_native_variant_depends_on_native_recipes_and_makes_no_packages(tmp_path: Path) -> None:
    variants = parsed(
        tmp_path,
        'DEPENDS = "zlib gcc-cross foo-native"\nPROVIDES += "other"\nBBCLASSEXTEND = "native"\ninherit autotools\n',
    )
    native = variants["native"]
    assert (native.getVar("DEPENDS") or "").split() == ["zlib-native", "gcc-cross", "foo-native"]
    assert (native.getVar("PROVIDES") or "").split() == ["thing-native", "other-native"]
    assert native.getVar("HB_RECIPE_KIND") == "native"
    assert native.getVar("bindir") == "/hb/native/usr/bin"
    assert native.getVar("S") == "/hb/work/sources/thing-1.0"
    assert "do_package" not in (native.getVar("__BBTASKS", False) or [])
    target = variants[""]
    assert (target.getVar("DEPENDS") or "").split() == [
        "virtual/cross-cc",
        "virtual/libc",
        "zlib",
        "gcc-cross",
        "foo-native",
    ]
    assert target.getVar("CC") == "x86_64-hadron-linux-musl-gcc --sysroot=/hb/sysroot"


def test_a_unit_that_is_not_installed_is_an_error_and_an_installed_one_gets_a_preset(tmp_path: Path) -> None:
    image = tmp_path / "image"
    put(image, "usr/lib/systemd/system/thing@.service")
    recipe = f'D = "{image}"\ninherit systemd\nSYSTEMD_SERVICE:${{PN}} = "thing@tty1.service%s"\n'
    run_python("systemd_presets", parsed(tmp_path, recipe % "")[""])
    assert (image / "usr/lib/systemd/system-preset/50-thing.preset").read_text() == "enable thing@tty1.service\n"
    with pytest.raises(Fatal, match=r"SYSTEMD_SERVICE names gone\.socket"):
        run_python("systemd_presets", parsed(tmp_path / "2", recipe % " gone.socket")[""])


@pytest.mark.parametrize(
    ("wanted", "config", "errors"),
    [
        ("CONFIG_A=y\n# CONFIG_B is not set\n", "CONFIG_A=y\n", []),
        ("CONFIG_A=y\n", "# CONFIG_A is not set\n", ["CONFIG_A=y, the configuration has: # CONFIG_A is not set"]),
        (
            "CONFIG_A=y\n",
            "CONFIG_AB=y\n",
            ["CONFIG_A=y, the configuration has: nothing of that name: a dependency is missing"],
        ),
        ("CONFIG_N=4\n", "CONFIG_N=8\n", ["CONFIG_N=4, the configuration has: CONFIG_N=8"]),
        ("# CONFIG_A is not set\n", "CONFIG_A=y\n", ["does not want CONFIG_A, but another option selects it"]),
        ("CONFIG_A=n\n", "CONFIG_A=y\n", ["does not want CONFIG_A, but another option selects it"]),
    ],
)
def test_a_kernel_option_that_got_lost_is_named(tmp_path: Path, wanted: str, config: str, errors: list[str]) -> None:
    work = tmp_path / "work"
    put(work, "sources/some.cfg", wanted)
    put(work, "build/.config", config)
    recipe = f'SRC_URI = "file://some.cfg"\ninherit kernel\nWORKDIR = "{work}"\n'
    script = shell_script("kernel_check_config", parsed(tmp_path, recipe)[""])
    result = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    lines = result.stderr.splitlines()
    assert result.returncode == (1 if errors else 0), result.stderr
    assert [error for error in errors if not any(line.endswith(error) for line in lines)] == []
    assert len(lines) == (len(errors) + 1 if errors else 0)
