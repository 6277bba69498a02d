"""How two trees differ."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hadronbake.artifacts import comparison
from hadronbake.artifacts.checkout import read
from hadronbake.artifacts.comparison import Difference, compare
from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.store import Store
from hadronbake.artifacts.tree import Directory, DirectoryNode
from hadronbake.diagnostics import HadronbakeError


def differences(tmp_path: Path, change: Callable[[Path], object]) -> list[tuple[str, str, str, str]]:
    store = Store(tmp_path / "sstate")
    trees = []
    for name, changed in (("one", False), ("two", True)):
        top = tmp_path / name / "image"
        (top / "usr/bin").mkdir(parents=True)
        (top / "usr/bin/tool").write_text("#!/bin/sh\n")
        (top / "usr/bin/tool").chmod(0o755)
        (top / "usr/text").write_text("text")
        (top / "usr/link").symlink_to("text")
        if changed:
            change(top / "usr")
        trees.append(store.put_tree(tmp_path / name, ["image"]).digest)

    def reader(digest: Digest) -> Directory:
        return read(store.cas, digest)

    found: list[Difference] = list(compare((trees[0], reader), (trees[1], reader)))
    return [(item.path, item.aspect, item.first, item.second) for item in found]


def test_equal_trees_do_not_differ(tmp_path: Path) -> None:
    assert differences(tmp_path, lambda usr: None) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda usr: (usr / "text").write_text("texts"),
            ("image/usr/text", "content", "file of 4 bytes, 982d9e3eb996", "file of 5 bytes, a4b992ab4296"),
        ),
        (lambda usr: (usr / "bin/tool").chmod(0o644), ("image/usr/bin/tool", "mode", "0755", "0644")),
        (lambda usr: (usr / "bin").chmod(0o700), ("image/usr/bin", "mode", "0755", "0700")),
        (
            lambda usr: ((usr / "link").unlink(), (usr / "link").symlink_to("bin")),
            ("image/usr/link", "target", "link to text", "link to bin"),
        ),
        (lambda usr: (usr / "link").unlink(), ("image/usr/link", "only in first", "link to text", "")),
        (lambda usr: (usr / "lib").mkdir(), ("image/usr/lib", "only in second", "", "directory")),
        (
            lambda usr: ((usr / "text").unlink(), (usr / "text").mkdir()),
            ("image/usr/text", "type", "file of 4 bytes, 982d9e3eb996", "directory"),
        ),
    ],
)
def test_each_kind_of_difference(
    tmp_path: Path, change: Callable[[Path], object], expected: tuple[str, str, str, str]
) -> None:
    os.umask(0o022)
    assert differences(tmp_path, change) == [expected]


def test_all_below_a_directory_that_one_side_lacks_is_named(tmp_path: Path) -> None:
    def change(usr: Path) -> None:
        (usr / "lib/deep").mkdir(parents=True)
        (usr / "lib/deep/file").write_text("file")
        (usr / "bin/tool").unlink()
        (usr / "bin").rmdir()
        (usr / "bin").symlink_to("lib")

    assert [(path, aspect) for path, aspect, _, _ in differences(tmp_path, change)] == [
        ("image/usr/bin", "type"),
        ("image/usr/lib", "only in second"),
        ("image/usr/bin/tool", "only in first"),
        ("image/usr/lib/deep", "only in second"),
        ("image/usr/lib/deep/file", "only in second"),
    ]


def test_a_tree_that_unfolds_without_end_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MOST_ENTRIES", 1000)

    def reader(digest: Digest) -> Directory:
        deeper = Digest(hash=f"{int(digest.hash, 16) + 1:064x}", size=1)
        return Directory(directories=tuple(DirectoryNode(f"{number:06}", deeper) for number in range(200)))

    with pytest.raises(HadronbakeError, match="HBA010"):
        list(compare((Digest(hash="0" * 64, size=1), reader), (Digest(hash="f" * 63 + "0", size=1), reader)))
