"""An image in whose tree dracut can't run is refused with what to do about it."""

import os
import shutil
import struct
from pathlib import Path

import pytest

from hadronbake.diagnostics import HadronbakeError
from hadronbake.images import initramfs

needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="enters the tree with bubblewrap")


def elf(machine: int, big: bool = False) -> bytes:
    order = ">" if big else "<"
    return b"\x7fELF\x02" + bytes([2 if big else 1]) + bytes(10) + struct.pack(f"{order}HH", 2, machine) + bytes(44)


def tree(tmp_path: Path, shell: bytes) -> Path:
    for name in ("usr/bin", "proc", "dev", "tmp", "var/tmp", "run"):
        (tmp_path / "tree" / name).mkdir(parents=True)
    program = tmp_path / "tree/usr/bin/bash"
    program.write_bytes(shell)
    program.chmod(0o755)
    return tmp_path / "tree"


def test_architectures(tmp_path: Path) -> None:
    program = tmp_path / "program"
    for content, expected in (
        (elf(0x3E), "x86_64"),
        (elf(0xB7), "aarch64"),
        (elf(0x16, big=True), "s390x"),
        (elf(0x1234), "unknown"),
        (b"#!/bin/sh\n", "unknown"),
    ):
        program.write_bytes(content)
        assert initramfs.architecture(program) == expected


def test_a_tree_without_a_shell(tmp_path: Path) -> None:
    with pytest.raises(HadronbakeError) as error:
        initramfs.check_runs(tmp_path)
    assert error.value.diagnostics[0].code == "HBI144"


@needs_bubblewrap
def test_a_foreign_tree(tmp_path: Path) -> None:
    foreign, number = ("aarch64", 0xB7) if os.uname().machine == "x86_64" else ("x86_64", 0x3E)
    with pytest.raises(HadronbakeError) as error:
        initramfs.check_runs(tree(tmp_path, elf(number)))
    problem = error.value.diagnostics[0]
    assert problem.code == "HBI145"
    assert problem.message == (
        f"the image is for {foreign}, whose programs don't run on this {os.uname().machine}; dracut is one of them"
    )
    assert problem.hint == (
        f"register qemu-{foreign} in binfmt_misc with the flag F (packages qemu-user-static and binfmt-support)"
    )


def test_a_kernel_with_and_without_modules(tmp_path: Path) -> None:
    assert initramfs.kernel_options(tmp_path) == ["--no-kernel", "--kver", "none"]
    modules = tmp_path / "usr/lib/modules/6.12.107"
    modules.mkdir(parents=True)
    (modules / "modules.dep").touch()
    assert initramfs.kernel_options(tmp_path) == ["--no-kernel", "--kver", "none"]
    (modules / "loop.ko.zst").touch()
    assert initramfs.kernel_options(tmp_path) == ["--kver", "6.12.107"]
