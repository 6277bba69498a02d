"""hadron-iso-trusted: a machine without keys takes them from the medium, boots it by Secure Boot, and installs from it.

Needs qemu-system-x86_64, ovmf, swtpm, and the built images with their keys (make test-trusted).
"""

import base64
import re
from pathlib import Path

import pytest
from guest import Guest, deployed
from trusted import BOOT_SECONDS, KEYS, REFUSED, Machines, SoftwareTpm, copied, efi_variable, state

pytestmark = pytest.mark.qemu


def medium() -> Path:
    return deployed() / f"hadron-iso-trusted-{deployed().name}.iso"


def proven(guest: Guest) -> None:
    """Firmware and kernel say that Secure Boot is on; the firmware trusts our key and no other."""
    assert efi_variable(guest, "SecureBoot") == 1
    assert efi_variable(guest, "SetupMode") == 0
    assert "Secure boot enabled" in guest.run("dmesg | grep -i 'secure boot'")
    for name in ("PK", "KEK", "db"):
        said = guest.run(f"cat /sys/firmware/efi/efivars/{name}-* | tail -c +5 | base64 -w 0").split()[-1]
        assert base64.b64decode(said) == (KEYS / f"{name}.esl").read_bytes()


@pytest.mark.parametrize("kind", ["cd", "disk"])
def test_the_medium_enrols_its_keys(machines: Machines, tmp_path: Path, kind: str) -> None:
    """No variables: the loader enrols and restarts the machine, which then boots the signed system of the medium."""
    if kind == "cd":
        guest = machines.boot(None, None, cdrom=medium())
    else:
        guest = machines.boot(copied(medium(), tmp_path / "disk.img"), None)
    guest.wait_start(1, BOOT_SECONDS)
    # What was started to enrol has not started a kernel.
    marks = [mark for mark, *_ in guest.times]
    assert (marks.count("firmware"), marks.count("kernel")) == (2, 1), marks
    proven(guest)
    assert state(guest) == "running"
    guest.power_off(BOOT_SECONDS)


def test_a_changed_medium_is_refused(machines: Machines, variables: Path, tmp_path: Path) -> None:
    """One digit of the digest of what the installer writes."""
    disk = copied(medium(), tmp_path / "disk.img")
    content = disk.read_bytes()
    place = content.index(b"hadron.disk=") + 12
    with disk.open("r+b") as stream:
        stream.seek(place)
        stream.write(b"0" if content[place : place + 1] != b"0" else b"1")
    text = machines.boot(disk, variables).wait_console(REFUSED, BOOT_SECONDS)
    assert "Linux version" not in text


def test_the_trusted_system_is_installed_from_the_medium(machines: Machines, tmp_path: Path) -> None:
    """From a machine without keys and an empty disk to the installed system under Secure Boot, whose state is encrypted."""
    machines.screen = False
    disk = tmp_path / "disk.img"
    with disk.open("wb") as stream:
        stream.truncate(2 << 30)
    with SoftwareTpm(tmp_path / "tpm") as tpm:
        live = machines.boot(disk, None, tpm, cdrom=medium())
        live.wait_start(1, BOOT_SECONDS)
        live.run("mkdir -p /tmp/other && mount -t tmpfs other /tmp/other && mkdir /tmp/other/boot")
        live.run("cd /tmp/other/boot && echo 1 > disk.size && echo | zstd -qo disk.img.zst; cd")
        said = live.run("HADRON_MEDIUM=/tmp/other hadron-install --yes /dev/vda")
        assert "isn't the one that the running program was signed with" in said
        assert live.run("head -c 1M /dev/vda | tr -d '\\0' | wc -c").split()[-1] == "0"
        assert "is ready" in live.run("hadron-install --yes /dev/vda", BOOT_SECONDS)
        live.power_off(BOOT_SECONDS)
    with SoftwareTpm(tmp_path / "tpm") as tpm:
        installed = machines.started(disk, tmp_path / "variables.fd", tpm)
        proven(installed)
        assert state(installed) == "running"
        assert installed.run("findmnt -no SOURCE,FSTYPE /").split()[-2:] == ["/dev/dm-0", "erofs"]
        assert installed.run("findmnt -no SOURCE /var").split()[-1] == "/dev/mapper/state"
        # The state has the rest of the disk.
        assert int(installed.run("df --output=size -B1M /var | tail -n 1").split()[-1]) > 1200
        assert re.search(r"hadron_1 \(runs\)", installed.run("hadron-update status"))
        installed.power_off(BOOT_SECONDS)
