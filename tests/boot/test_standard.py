"""hadron-image and hadron-iso boot by BIOS and by UEFI, and the one installs the other.

Needs qemu-system-x86_64, ovmf, and both built images (make test-boot).
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from guest import Guest, deployed
from trusted import CREDENTIALS, place

from hadronbake.images import qemu

pytestmark = pytest.mark.qemu

# Generous: without KVM and beside other work a start takes minutes.
BOOT_SECONDS = int(os.environ.get("HB_BOOT_SECONDS", "600"))
Start = Callable[..., Guest]


def image(name: str) -> Path:
    stem, _, suffix = name.partition(".")
    return deployed() / f"{stem}-{deployed().name}.{suffix}"


@pytest.fixture
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Starts a machine, with UEFI's variables as new where ``firmware`` is "uefi"; all are ended with the test."""
    started: list[Guest] = []
    report = place(request.node.name)
    shutil.rmtree(report, ignore_errors=True)

    def begin(firmware: str, disk: Path | None, cdrom: Path | None = None, snapshot: bool = True) -> Guest:
        machine = qemu.Machine(
            disk=disk,
            cdrom=cdrom,
            firmware=qemu.firmware(tmp_path / f"variables-{len(started)}.fd", secure=False)
            if firmware == "uefi"
            else None,
            credentials=CREDENTIALS,
            snapshot=snapshot,
        )
        started.append(Guest(report, machine, f"console-{len(started) + 1}"))
        return started[-1]

    yield begin
    for guest in started:
        guest.end()


def booted(guest: Guest) -> Guest:
    """A machine whose system is up and says that it is well."""
    guest.wait_console(r"login: ", BOOT_SECONDS)
    print(f"login prompt after {time.monotonic() - guest.started:.1f} s")
    guest.wait_shell(BOOT_SECONDS)
    state = guest.run("systemctl is-system-running --wait", BOOT_SECONDS)
    assert state.splitlines()[-1] == "running", guest.run("systemctl --failed --no-pager")
    return guest


def by_firmware(guest: Guest, firmware: str) -> bool:
    there = guest.run("test -d /sys/firmware/efi && echo uefi || echo bios")
    return there.split()[-1] == firmware


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_the_disk_boots(start: Start, firmware: str) -> None:
    guest = booted(start(firmware, image("hadron-image.img")))
    assert by_firmware(guest, firmware)
    assert guest.run("findmnt -no SOURCE,FSTYPE /").split()[-2:] == ["/dev/vda3", "ext4"]
    assert "dracut" in guest.run("journalctl -b --no-pager -o cat | grep -i 'running in initrd\\|dracut' | head -n 3")
    guest.power_off()


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
@pytest.mark.parametrize("medium", ["cd", "disk"])
def test_the_medium_boots(start: Start, firmware: str, medium: str) -> None:
    iso = image("hadron-iso.iso")
    guest = booted(start(firmware, None, iso) if medium == "cd" else start(firmware, iso))
    assert by_firmware(guest, firmware)
    assert guest.run("findmnt -no FSTYPE /").split()[-1] == "overlay"
    assert guest.run("findmnt -no FSTYPE /run/rootfsbase").split()[-1] == "erofs"
    guest.run("echo changed > /usr/share/changed")
    assert guest.run("cat /usr/share/changed").split()[-1] == "changed"


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_a_system_is_installed_from_the_medium(start: Start, tmp_path: Path, firmware: str) -> None:
    disk = tmp_path / "empty.img"
    with disk.open("wb") as stream:
        stream.truncate(2 << 30)
    live = booted(start(firmware, disk, image("hadron-iso.iso"), snapshot=False))
    assert "isn't a whole disk" in live.run("hadron-install --yes /dev/loop0")
    assert "is ready" in live.run("hadron-install --yes /dev/vda", 600)
    live.power_off()
    installed = booted(start(firmware, disk, snapshot=False))
    assert by_firmware(installed, firmware)
    assert installed.run("findmnt -no SOURCE /").split()[-1] == "/dev/vda3"
    # The root has the whole disk, and an identity of its own.
    assert int(installed.run("df --output=size -B1M / | tail -n 1").split()[-1]) > 1500
    shipped = subprocess.run(
        ["sfdisk", "--part-uuid", image("hadron-image.img"), "3"], capture_output=True, check=True, text=True
    )
    assert installed.run("lsblk -no PARTUUID /dev/vda3").split()[-1].upper() != shipped.stdout.strip().upper()
