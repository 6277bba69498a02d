"""The system as one program, and the medium made of it, as far as they need no tools."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard

from hadronbake.images import iso, trustediso, uki, usi

Built = list[tuple[str, list[str]]]


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Built:
    """What ukify was told: command line and parts."""
    told: Built = []
    monkeypatch.setattr(uki, "build", lambda d, cmdline, parts: told.append((cmdline, list(parts))))
    return told


def data(work: Path, **more: str) -> Any:
    """An image of two files, one of them not root's."""
    root = work / "rootfs"
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nmail:x:7:8::/:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nmail:x:8:\n")
    (root / "letter").write_text("letter\n")
    for name in ("uki", "initrd"):
        (work / name).mkdir()
    (work / "manifest").write_text(json.dumps({"owners": [{"path": "/letter", "user": "mail", "group": "mail"}]}))
    values = {
        "WORKDIR": str(work),
        "IMAGE_ROOTFS": str(root),
        "IMAGE_MANIFEST": str(work / "manifest"),
        "UKIDIR": str(work / "uki"),
        "INITRDDIR": str(work / "initrd"),
        "SOURCE_DATE_EPOCH": "5",
        "UKI_CMDLINE": "console=ttyS0",
        **more,
    }
    return SimpleNamespace(getVar=values.get)


def test_the_root_is_the_initrd(tmp_path: Path, built: Built) -> None:
    d = data(tmp_path)
    usi.initrd(d)
    usi.program(d)
    assert built == [("console=ttyS0", [f"--initrd={tmp_path}/initrd/root.cpio.zst"])]
    content = zstandard.ZstdDecompressor().stream_reader((tmp_path / "initrd/root.cpio.zst").read_bytes()).read()
    header = content[content.index(b"letter\0") - 110 :]
    # uid and gid, in the third and fourth place.
    assert (int(header[22:30], 16), int(header[30:38], 16)) == (7, 8)


def test_the_command_line_names_what_is_installed(
    tmp_path: Path, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "other.img"
    disk.write_bytes(os.urandom(5000))
    asked: list[str] = []
    monkeypatch.setattr(trustediso, "find_input", lambda pattern: asked.append(pattern) or disk)
    trustediso.program(data(tmp_path, ISO_INSTALLS="other", ISO_LABEL="MINE"))
    assert asked == ["other/do_disk/**/*.img"]
    packed = (tmp_path / "uki/disk.img.zst").read_bytes()
    assert zstandard.ZstdDecompressor().stream_reader(packed).read() == disk.read_bytes()
    assert (tmp_path / "uki/disk.size").read_text() == "5000\n"
    assert built[0][0] == f"hadron.medium=MINE hadron.disk={hashlib.sha256(packed).hexdigest()} console=ttyS0"


def test_a_medium_that_installs_nothing(tmp_path: Path, built: Built) -> None:
    trustediso.program(data(tmp_path, ISO_LABEL="MINE"))
    assert built[0][0] == "console=ttyS0"
    assert list((tmp_path / "uki").iterdir()) == []


def test_the_medium_holds_the_boot_partition_and_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[list[str], list[str]]] = []

    def boot_partition(d: Any, target: Path) -> None:
        target.write_text("esp")

    def xorriso(options: list[str], tree: Path, target: Path, label: str, epoch: int) -> None:
        told.append((options, sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file())))
        assert (target.name, label, epoch) == ("medium-pc.iso", "MINE", 5)

    monkeypatch.setattr(usi, "boot_partition", boot_partition)
    monkeypatch.setattr(usi, "measured", lambda d, target: None)
    monkeypatch.setattr(iso, "run_xorriso", xorriso)
    d = data(tmp_path, ISO_LABEL="MINE", IMGDEPLOYDIR=str(tmp_path / "out"), IMAGE_LINK_NAME="medium-pc")
    for name in ("disk.img.zst", "disk.size", "hadron.efi"):
        (tmp_path / "uki" / name).write_text(name)
    trustediso.run(d)
    options, files = told[0]
    # In the volume: the catalogue has no room for the size of what is larger than 32 MiB.
    assert options[options.index("-e") + 1] == "boot/efi.img"
    assert files == ["boot/disk.img.zst", "boot/disk.size", "boot/efi.img"]
