"""hadron-image-trusted: enrols its own keys, is measured, and is refused when it was changed.

Needs qemu-system-x86_64, ovmf, swtpm, mtools, osslsigncode, and the built images with their keys (make test-trusted).
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest import Guest
from trusted import (
    BOOT_SECONDS,
    REFUSED,
    Machines,
    SoftwareTpm,
    efi_variable,
    get,
    image,
    partition,
    place,
    put,
    sign,
    state,
    unsigned,
)

from hadronbake.images import keys, measure

pytestmark = pytest.mark.qemu


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A machine with a TPM that has never been started before: the boot loader enrols the keys and starts it anew."""
    scratch = tmp_path_factory.mktemp("first")
    made = Machines(scratch, place("first-start"))
    with SoftwareTpm(scratch / "tpm") as tpm:
        yield made.started(made.disk(), None, tpm)
        made.end()


def test_the_keys_are_enrolled_and_secure_boot_is_on(guest: Guest) -> None:
    """The firmware and the kernel say so."""
    assert efi_variable(guest, "SecureBoot") == 1
    assert efi_variable(guest, "SetupMode") == 0
    assert "Secure boot enabled" in guest.run("dmesg | grep -i 'secure boot'")


def test_the_system_runs_on_a_root_that_is_verified(guest: Guest) -> None:
    """No unit has failed; the root is EROFS under dm-verity, /etc an overlay, /var the state."""
    assert state(guest) == "running"
    assert guest.run("findmnt -no SOURCE,FSTYPE /").split()[-2:] == ["/dev/dm-0", "erofs"]
    assert "ro" in guest.run("findmnt -no OPTIONS /").split("\n")[-1].split(",")
    assert guest.run("findmnt -no FSTYPE /etc").split()[-1] == "overlay"
    assert guest.run("findmnt -no FSTYPE /var").split()[-1] == "ext4"


def test_what_is_measured_is_what_was_predicted(guest: Guest) -> None:
    """PCR 11 is the value in the deploy directory, and what follows from it when the phases of the start are added."""
    state(guest)
    assert measure.pcr11(image(".release") / "hadron_1.efi") == image(".pcr11").read_text().strip()
    expected = {
        measure.pcr11(image(".release") / "hadron_1.efi", phases)
        for phases in ((), ("hadron-state", "sysinit", "ready"))
    }
    assert guest.run("cat /sys/class/tpm/tpm0/pcr-sha256/11").split()[-1].lower() in expected


def test_a_good_boot_is_blessed(guest: Guest) -> None:
    """The program has lost its counter, after our own check."""
    guest.run("systemctl start systemd-bless-boot.service", 120)
    units = guest.run("systemctl is-active boot-complete.target hadron-health.service").split()
    assert units[-2:] == ["active", "active"]
    assert guest.run("ls /efi/EFI/Linux").split()[-1] == "hadron_1.efi"


def start_time(guest: Guest) -> str:
    """From the kernel's start to the login prompt, of the last start."""
    began, reached = ([when for when in guest.times if when[0] == mark][-1] for mark in ("kernel", "login"))
    return f"{reached[1] - began[1]:.0f} s, for which QEMU used {reached[2] - began[2]:.0f} s of CPU"


def test_the_time_of_the_start(guest: Guest, notes: dict[str, str]) -> None:
    """From the kernel's start to the login prompt; what took longest is in the report."""
    state(guest)
    lines = guest.run("systemd-analyze --no-pager", BOOT_SECONDS)
    text = "\n\n".join(
        guest.run(f"systemd-analyze {verb} --no-pager | cat", BOOT_SECONDS) for verb in ("blame", "critical-chain")
    )
    notes["kernel to login"] = start_time(guest)
    notes["systemd-analyze"] = lines.strip().splitlines()[0]
    report = place("test_the_time_of_the_start")
    report.mkdir(exist_ok=True)
    (report / "systemd-analyze.txt").write_text(f"{lines}\n\n{text}\n")
    assert re.search(r"Startup finished in .*\(kernel\)", lines), lines


def test_clean_power_off(guest: Guest) -> None:
    """All units stop by themselves."""
    guest.power_off(BOOT_SECONDS)
    assert "stop job is running" not in guest.console.read_text(errors="replace")


def test_a_changed_program_is_refused(machines: Machines, variables: Path, tmp_path: Path) -> None:
    """One byte of the command line."""
    disk = machines.disk()
    program = bytearray((image(".release") / "hadron_1.efi").read_bytes())
    program[program.index(b"panic=1") + 6] ^= 3
    (tmp_path / "changed.efi").write_bytes(program)
    put(disk, tmp_path / "changed.efi", "/EFI/Linux/hadron_1+3.efi")
    text = machines.boot(disk, variables).wait_console(REFUSED, BOOT_SECONDS)
    assert "Linux version" not in text


def test_an_unsigned_loader_is_refused(machines: Machines, variables: Path, tmp_path: Path) -> None:
    """The boot loader, without its signature."""
    disk = machines.disk()
    loader = get(disk, "/EFI/BOOT/BOOTX64.EFI", tmp_path / "loader.efi")
    (tmp_path / "loader").write_bytes(unsigned(loader, tmp_path))
    for name in ("BOOT/BOOTX64.EFI", "systemd/systemd-bootx64.efi"):
        put(disk, tmp_path / "loader", f"/EFI/{name}")
    text = machines.boot(disk, variables).wait_console(REFUSED, BOOT_SECONDS)
    assert "Linux version" not in text


def test_a_program_signed_by_another_key_is_refused(machines: Machines, variables: Path, tmp_path: Path) -> None:
    """The very program, with a good signature of somebody else."""
    disk = machines.disk()
    keys.make_secureboot(tmp_path / "other", "Somebody Else")
    content = unsigned(image(".release") / "hadron_1.efi", tmp_path)
    sign(content, tmp_path / "other.efi", tmp_path, tmp_path / "other")
    put(disk, tmp_path / "other.efi", "/EFI/Linux/hadron_1+3.efi")
    text = machines.boot(disk, variables).wait_console(REFUSED, BOOT_SECONDS)
    assert "Linux version" not in text


def test_a_changed_block_of_the_root_restarts_the_machine(machines: Machines, variables: Path) -> None:
    """One bit of the root's superblock: dm-verity sees it at the first read."""
    disk = machines.disk()
    with disk.open("r+b") as stream:
        stream.seek(partition(disk, "hadron_1") + 1024 + 80)
        byte = stream.read(1)
        stream.seek(-1, 1)
        stream.write(bytes([byte[0] ^ 1]))
    text = machines.boot(disk, variables).wait_console(r"verity: .*corrupt(?s:.*)Linux version", BOOT_SECONDS)
    assert "login:" not in text


def test_the_state_outlives_a_restart(machines: Machines, variables: Path, notes: dict[str, str]) -> None:
    """Files in /var and /etc, and the machine's number."""
    disk = machines.disk()
    first = machines.started(disk, variables)
    identity = first.run("cat /etc/machine-id").split()[-1]
    first.run("echo kept > /etc/mine; echo kept > /var/lib/mine; sync")
    first.power_off(BOOT_SECONDS)
    second = machines.started(disk, variables)
    notes["kernel to login, not the first time"] = start_time(second)
    assert second.run("cat /etc/mine /var/lib/mine").split()[-2:] == ["kept", "kept"]
    assert second.run("cat /etc/machine-id").split()[-1] == identity
    assert re.fullmatch(r"[0-9a-f]{32}", identity)
