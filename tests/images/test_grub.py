"""GRUB's sectors: placed as its own loaders read them (boot.S, diskboot.S of 2.12)."""

import struct
from pathlib import Path

import pytest
import zstandard

from hadronbake.diagnostics import HadronbakeError
from hadronbake.images import grub, grubdisk, iso


def test_the_first_sector_knows_where_the_core_image_is() -> None:
    code = grub.boot_sector(bytes(range(256)) * 2, 2048)
    assert len(code) == 440
    assert struct.unpack_from("<Q", code, 0x5C) == (2048,)
    assert code[0x66:0x68] == b"\x90\x90"
    assert code[:0x5C] == bytes(range(0x5C))


def test_the_core_image_knows_its_own_sectors() -> None:
    core = bytearray(b"\xaa" * (3 * 512 + 7))
    struct.pack_into("<QHH", core, 0x1F4, 2, 4, 0x820)
    placed = grub.placed_core(bytes(core), 2048)
    assert len(placed) == 4 * 512
    assert struct.unpack_from("<QHH", placed, 0x1F4) == (2049, 3, 0x820)
    assert placed[512 : 3 * 512 + 7] == core[512:]


def test_the_menu() -> None:
    entry = grub.Entry("Hadron Linux", "/vmlinuz", "/initramfs", "root=PARTUUID=1 rw")
    assert grub.config([entry], 2) == (
        "if serial --unit=0 --speed=115200; then\n"
        "  terminal_input console serial\n"
        "  terminal_output console serial\n"
        "fi\n"
        "set default=0\n"
        "set timeout=2\n"
        "\n"
        'menuentry "Hadron Linux" {\n'
        "  linux /vmlinuz root=PARTUUID=1 rw\n"
        "  initrd /initramfs\n"
        "}\n"
    )
    assert grub.early_config("--label X").splitlines()[0] == "search --no-floppy --set=root --label X"


def test_the_boot_filesystem(tmp_path: Path) -> None:
    for name in ("program", "kernel", "initramfs"):
        (tmp_path / name).write_text(name)
    tree = grubdisk.boot_tree(
        tmp_path / "tree", tmp_path / "program", tmp_path / "kernel", tmp_path / "initramfs", "set timeout=0\n"
    )
    files = {str(path.relative_to(tree)): path.read_text() for path in tree.rglob("*") if path.is_file()}
    assert files == {
        "EFI/BOOT/BOOTX64.EFI": "program",
        "grub/grub.cfg": "set timeout=0\n",
        "initramfs": "initramfs",
        "vmlinuz": "kernel",
    }


def test_an_input_that_no_task_gave() -> None:
    with pytest.raises(HadronbakeError) as error:
        grubdisk.find_input("*/do_deploy/**/nothing")
    assert str(error.value) == "error[HBI146]: none of the tasks that this one depends on gave */do_deploy/**/nothing"


def test_a_medium_without_xorriso(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HadronbakeError) as error:
        iso.write(tmp_path, tmp_path / "efi", tmp_path / "iso", "HADRON", 0)
    assert str(error.value) == (
        "error[HBI147]: xorriso isn't installed\n  = hint: scripts/setup build, which installs it"
    )


def test_what_is_packed_can_be_checked(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(bytes(100_000) + b"end")
    iso.pack(tmp_path / "disk", tmp_path / "packed")
    packed = (tmp_path / "packed").read_bytes()
    assert zstandard.get_frame_parameters(packed).has_checksum
    assert zstandard.ZstdDecompressor().stream_reader(packed).read() == bytes(100_000) + b"end"
