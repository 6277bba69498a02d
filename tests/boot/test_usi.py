"""hadron-image-usi: the whole system is the initrd of one signed program.

Needs qemu-system-x86_64, ovmf, swtpm, mtools, and the built images with their keys (make test-trusted).
"""

import re
from pathlib import Path

import pytest
from guest import deployed
from trusted import BOOT_SECONDS, REFUSED, Machines, copied, efi_variable, put, state

from hadronbake.images import measure, qemu

pytestmark = pytest.mark.qemu


def image(suffix: str) -> Path:
    return deployed() / f"hadron-image-usi-{deployed().name}{suffix}"


def test_the_system_is_one_program(machines: Machines, variables: Path, tpm: Path, tmp_path: Path) -> None:
    """To the login prompt by Secure Boot; nothing is mounted from a disk, and PCR 11 is what was predicted."""
    disk = copied(image(".img"), tmp_path / "disk.img")
    guest = machines.started(disk, variables, tpm)
    assert efi_variable(guest, "SecureBoot") == 1
    assert "Secure boot enabled" in guest.run("dmesg | grep -i 'secure boot'")
    assert state(guest) == "running"
    assert guest.run("findmnt -no FSTYPE /").split()[-1] == "rootfs"
    assert "/dev/vda" not in guest.run("cat /proc/mounts")
    # Containers change their root so, which can't be done to the kernel's first one.
    turn = "mount -t tmpfs new /mnt && mkdir /mnt/old && cd /mnt && pivot_root . old && cd / && [ -x /old/init ] && echo turned"
    assert guest.run(f"mkdir -p /mnt; unshare -m bash -c '{turn}'").split()[-1] == "turned"
    predicted = image(".pcr11").read_text().strip()
    assert measure.pcr11(image(".efi")) == predicted
    assert guest.run("cat /sys/class/tpm/tpm0/pcr-sha256/11").split()[-1].lower() == predicted
    for line in guest.run("cat /etc/shadow").splitlines():
        assert re.match(r"[\w-]+:[!*]", line), line
    guest.power_off(BOOT_SECONDS)


def test_the_program_comes_from_a_network(machines: Machines, variables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The firmware gets the program by TFTP; the machine has no disk."""
    machines.screen = False
    command, program = qemu.command, image(".efi")

    def served(machine: qemu.Machine) -> list[str]:
        card = f"user,model=virtio-net-pci,tftp={program.parent},bootfile=/{program.name}"
        return [card if word == "user,model=virtio-net-pci" else word for word in command(machine)]

    monkeypatch.setattr(qemu, "command", served)
    guest = machines.boot(None, variables)
    guest.wait_start(1, BOOT_SECONDS)
    assert efi_variable(guest, "SecureBoot") == 1
    assert state(guest) == "running"
    assert "/dev/" not in guest.run("lsblk --noheadings --paths --exclude 7,11").replace("/dev/zram", "")


def test_a_changed_initrd_is_refused(machines: Machines, variables: Path, tmp_path: Path) -> None:
    """One bit in the middle of the system."""
    program = bytearray(image(".efi").read_bytes())
    _, size, place = measure.headers(bytes(program))[".initrd"]
    program[place + size // 2] ^= 1
    (tmp_path / "changed.efi").write_bytes(program)
    disk = copied(image(".img"), tmp_path / "disk.img")
    put(disk, tmp_path / "changed.efi", "/EFI/Linux/hadron_1.efi")
    text = machines.boot(disk, variables).wait_console(REFUSED, BOOT_SECONDS)
    assert "Linux version" not in text
