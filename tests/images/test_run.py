"""``hbake run``: which of the built images is booted, and how."""

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hadronbake.cli import machine
from hadronbake.diagnostics import HadronbakeError
from hadronbake.images import qemu


def build(topdir: Path, *names: str) -> None:
    """In this order. As from shared state all have the same time of modification."""
    deploy = topdir / "deploy/images/pc"
    deploy.mkdir(parents=True)
    for name in ("bzImage", *names):
        stem, _, suffix = name.partition(".")
        path = deploy / (f"{stem}-pc.{suffix}" if suffix else name)
        path.touch()
        os.utime(path, (1, 1))
        # Longer than the clock of the filesystem takes for a tick.
        time.sleep(0.02)


def test_the_newest_image_is_taken(tmp_path: Path) -> None:
    build(tmp_path, "a.ext4", "c.ext4", "b.iso", "a.img")
    assert machine.find(tmp_path, None).name == "a"
    assert machine.find(tmp_path, "b").iso == tmp_path / "deploy/images/pc/b-pc.iso"
    with pytest.raises(HadronbakeError, match="no image 'd'"):
        machine.find(tmp_path, "d")


def test_how_it_is_started(tmp_path: Path) -> None:
    build(
        tmp_path,
        "both.img",
        "both.ext4",
        "whole.img",
        "signed.img",
        "signed.pcr11",
        "medium.iso",
        "keys.iso",
        "keys.pcr11",
    )
    names = ("both", "whole", "signed", "medium", "keys")
    choice = {name: machine.choose(machine.find(tmp_path, name), "auto") for name in names}
    assert choice == {"both": "kernel", "whole": "uefi", "signed": "secure", "medium": "bios", "keys": "secure"}
    assert machine.choose(machine.find(tmp_path, "both"), "uefi") == "uefi"
    with pytest.raises(HadronbakeError) as error:
        machine.choose(machine.find(tmp_path, "whole"), "kernel")
    assert error.value.diagnostics[0].expected == ("bios", "uefi", "secure")
    with pytest.raises(HadronbakeError) as error:
        machine.choose(machine.find(tmp_path, "keys"), "bios")
    assert error.value.diagnostics[0].expected == ("uefi", "secure")


def test_a_medium_gets_an_empty_disk_that_is_kept_if_asked(tmp_path: Path) -> None:
    build(tmp_path, "medium.iso")
    image = machine.find(tmp_path, "medium")
    with machine.disk_of(image, "bios", False, 1) as disk:
        assert disk.stat().st_size == 1 << 20
    assert not disk.exists()
    with machine.disk_of(image, "bios", True, 1) as disk:
        disk.write_bytes(b"installed")
    with machine.disk_of(image, "bios", True, 1) as disk:
        assert disk.read_bytes() == b"installed"


def test_the_command_line_of_a_cd(tmp_path: Path) -> None:
    words = qemu.command(qemu.Machine(disk=None, cdrom=tmp_path / "a.iso"))
    assert f"file={tmp_path}/a.iso,format=raw,media=cdrom,if=none,id=cdrom,readonly=on" in words
    assert not any("virtio-blk" in word for word in words)
    assert "pflash" not in " ".join(words)


def test_a_kernel_gets_its_initrd(tmp_path: Path) -> None:
    machine = qemu.Machine(disk=None, kernel=tmp_path / "k", initrd=tmp_path / "i", append="root=/dev/vda")
    words = qemu.command(machine)
    place = words.index("-kernel")
    assert words[place : place + 6] == [
        "-kernel",
        f"{tmp_path}/k",
        "-append",
        "root=/dev/vda",
        "-initrd",
        f"{tmp_path}/i",
    ]


@pytest.mark.parametrize(("keys", "status"), [(b"a\x1d", 0), (b"q", 7)])
def test_keys_go_through_and_one_leaves(keys: bytes, status: int) -> None:
    """On a terminal of its own: what isn't Ctrl-] reaches the program, Ctrl-C too."""
    program = "import os,sys; print('ready', flush=True); [sys.exit(7) for key in iter(lambda: os.read(0, 1), b'') if key == b'q']"
    code = (
        f"import sys; from hadronbake.cli.console import attach; sys.exit(attach([sys.executable, '-c', {program!r}]))"
    )
    ours, its = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], stdin=its, stdout=its, stderr=its, start_new_session=True)
    try:
        shown = b""
        while b"ready" not in shown:
            shown += os.read(ours, 100)
        os.write(ours, b"\x03" + keys)
        assert process.wait(timeout=60) == status
    finally:
        process.kill()
        os.close(ours)
        os.close(its)
