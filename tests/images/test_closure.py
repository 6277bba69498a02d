"""Choosing packages, laying out the tree, owners."""

import json
from pathlib import Path

import pytest

from hadronbake.diagnostics import HadronbakeError
from hadronbake.images import archive, closure, ownership, rootfs
from hadronbake.steps.package import Package, Permission, write_json


def package(name: str, **more: object) -> Package:
    return Package.model_validate({"name": name, "recipe": name, "version": "1", "licence": "MIT", "files": (), **more})


def test_closure_follows_names_libraries_and_recommendations() -> None:
    available = [
        package("shell", needed=("libc.so",), depends=("base",), recommends=("docs", "not-built")),
        package("musl", sonames=("libc.so",)),
        package("filesystem", provides=("base",)),
        package("docs"),
        package("unused"),
    ]
    chosen = closure.select(available, ["shell"])
    assert [item.name for item in chosen.packages] == ["docs", "filesystem", "musl", "shell"]
    assert chosen.reasons["musl"] == "shell"
    without = closure.select(available, ["shell"], ["docs"])
    assert "docs" not in [item.name for item in without.packages]


def test_everything_missing_is_said_at_once() -> None:
    available = [
        package("shell", needed=("libx.so.1",), depends=("bsae",)),
        package("base"),
        package("y", conflicts=("base",)),
    ]
    with pytest.raises(HadronbakeError) as caught:
        closure.select(available, ["shell", "base", "y"])
    assert str(caught.value) == (
        "error[HBI102]: shell needs the library libx.so.1, which no package has\n"
        "  = hint: add its recipe to DEPENDS\n\n"
        "error[HBI101]: no package provides 'bsae', which shell asks for\n"
        "  = hint: did you mean base?\n\n"
        "error[HBI103]: y and base are both in the image, but conflict"
    )


def make(inputs: Path, item: Package) -> None:
    directory = inputs / item.recipe / "do_package/packages-split"
    (directory / item.name).mkdir(parents=True)
    for name in item.files:
        path = directory / item.name / name[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(item.name)
    write_json(directory / f"{item.name}.json", item)


class Values(dict[str, str]):
    def getVar(self, name: str) -> str | None:
        return self.get(name)


def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *packages: Package) -> Values:
    for item in packages:
        make(tmp_path / "inputs", item)
    monkeypatch.setattr(rootfs, "INPUTS", tmp_path / "inputs")
    names = " ".join(item.name for item in packages)
    return Values(
        IMAGE_INSTALL=names, IMAGE_ROOTFS=str(tmp_path / "root"), IMAGE_MANIFEST=str(tmp_path / "meta/manifest.json")
    )


def test_two_packages_with_one_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    d = prepare(tmp_path, monkeypatch, package("a", files=("/usr/bin/x",)), package("b", files=("/usr/bin/x",)))
    with pytest.raises(HadronbakeError) as caught:
        rootfs.run(d)
    assert "error[HBI105]: a and b both install /usr/bin/x" in str(caught.value)


def test_a_link_is_never_written_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    d = prepare(tmp_path, monkeypatch, package("a"), package("b", files=("/etc/x/file",)))
    link = tmp_path / "inputs/a/do_package/packages-split/a/etc/x"
    link.parent.mkdir()
    link.symlink_to(outside)
    with pytest.raises(HadronbakeError) as caught:
        rootfs.run(d)
    assert "error[HBI106]: b has files below /etc/x, which is no directory" in str(caught.value)
    assert list(outside.iterdir()) == []


def test_modes_owners_and_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    permissions = (
        Permission(path="/usr/bin/su", mode=0o4755),
        Permission(path="/usr/bin/bus", user="messagebus", group="messagebus"),
    )
    d = prepare(tmp_path, monkeypatch, package("a", files=("/usr/bin/su", "/usr/bin/bus"), permissions=permissions))
    rootfs.run(d)
    root, manifest = tmp_path / "root", tmp_path / "meta/manifest.json"
    assert (root / "usr/bin/su").stat().st_mode & 0o7777 == 0o4755
    assert json.loads(manifest.read_text())["packages"][0]["because_of"] == "IMAGE_INSTALL"
    with pytest.raises(HadronbakeError) as caught:
        ownership.read(root, manifest)
    assert "/usr/bin/bus belongs to the user 'messagebus', which the image doesn't have" in str(caught.value)
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text("root:x:0:0:::\nmessagebus:x:81:81:::\n")
    (root / "etc/group").write_text("root:x:0:\nmessagebus:x:81:\n")
    assert ownership.read(root, manifest) == {"/usr/bin/bus": (81, 81)}


def test_the_archive_depends_on_nothing_but_the_tree(tmp_path: Path) -> None:
    digests = []
    for number in (1, 2):
        root = tmp_path / str(number)
        (root / "usr").mkdir(parents=True)
        names = ["b", "a"] if number == 1 else ["a", "b"]
        for name in names:
            (root / "usr" / name).write_text(name)
        (root / "link").symlink_to("usr")
        target = tmp_path / f"{number}.tar.zst"
        archive.write(root, target, {"/usr/a": (7, 8)}, epoch=1_700_000_000)
        digests.append(target.read_bytes())
    assert digests[0] == digests[1]
