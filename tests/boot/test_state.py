"""The state of hadron-image-trusted is encrypted; the TPM opens it for the programs whose measurement is signed. (make test-trusted)"""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from guest import Guest
from server import Server
from test_upgrade import release, versions
from trusted import (
    BOOT_SECONDS,
    CREDENTIALS,
    ESP,
    Machines,
    SoftwareTpm,
    copied,
    image,
    online,
    place,
    put,
    sign,
    state,
    unsigned,
    with_command_line,
)

from hadronbake.images import measure

pytestmark = [pytest.mark.qemu, pytest.mark.xdist_group("state")]

PARTITION = "/dev/disk/by-partlabel/state"
REFUSED = "the TPM doesn't open the state"


@dataclass(frozen=True)
class Made:
    """A machine whose state was made in its first start: disk and TPM, which tests copy, and the recovery key."""

    disk: Path
    tpm: Path
    key: str

    def copy(self, machines: Machines, tpm: Path) -> Path:
        shutil.copytree(self.tpm, tpm, ignore=shutil.ignore_patterns("control"))
        return copied(self.disk, machines.scratch / "disk.img")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, variables: Path) -> Iterator[Made]:
    scratch = tmp_path_factory.mktemp("made")
    machines = Machines(scratch, place("state-made"))
    disk = machines.disk()
    try:
        with SoftwareTpm(scratch / "tpm") as tpm:
            guest = machines.started(disk, variables, tpm)
            assert guest.run(f"blkid -p -s TYPE -o value {PARTITION}").split()[-1] == "crypto_LUKS"
            assert guest.run("findmnt -no SOURCE /var").split()[-1] == "/dev/mapper/state"
            assert "systemd-tpm2" in guest.run(f"cryptsetup luksDump {PARTITION}", BOOT_SECONDS)
            assert state(guest) == "running"
            guest.run("echo secret > /var/lib/mine; sync")
            assert guest.run("stat -c %a /var/lib/hadron/recovery-key").split()[-1] == "600"
            key = guest.run("cat /var/lib/hadron/recovery-key").split()[-1]
            assert len(key) == 71, key
            # Who is root by now can't have the TPM let go the key again.
            enrol = f"systemd-cryptenroll --unlock-tpm2-device=auto --recovery-key {PARTITION}"
            said = guest.run(f"{enrol}; echo $?", BOOT_SECONDS)
            assert "Failed to unseal" in said, said
            assert said.split()[-1] != "0", said
            guest.power_off(BOOT_SECONDS)
        yield Made(disk, scratch / "tpm", key)
    finally:
        machines.end()
        disk.unlink()


def keeps(guest: Guest) -> bool:
    return guest.run("cat /var/lib/mine").split()[-1:] == ["secret"]


def refused(machines: Machines, disk: Path, variables: Path | None, tpm: Path, what: str) -> None:
    guest = machines.boot(disk, variables, tpm)
    text = guest.wait_console(REFUSED, BOOT_SECONDS)
    assert "Linux version" in text
    assert "login:" not in text
    guest.cut()
    machines.notes[what] = "the key stays in the TPM"


def programs(disk: Path) -> list[str]:
    listed = subprocess.run(["mdir", "-b", "-i", f"{disk}{ESP}", "::/EFI/Linux"], check=True, capture_output=True)
    return [line.removeprefix("::") for line in listed.stdout.decode().split() if line.endswith(".efi")]


def replace_program(disk: Path, content: bytes, scratch: Path) -> None:
    """By one that is signed by the very key that the firmware trusts."""
    sign(content, scratch / "changed.efi", scratch)
    for name in programs(disk):
        put(disk, scratch / "changed.efi", name)


def test_the_tpm_opens_the_state_also_after_an_upgrade(
    made: Made, machines: Machines, variables: Path, served: Server
) -> None:
    """Encrypted at the first start; opened at the next, and by version 2."""
    disk = made.copy(machines, machines.scratch / "tpm")
    with SoftwareTpm(machines.scratch / "tpm") as tpm:
        guest = machines.started(disk, variables, tpm)
        assert keeps(guest)
        online(guest)
        assert "2 is installed" in guest.run(f"hadron-update install {release(served)}", 900)
        guest.restart(BOOT_SECONDS)
        assert "running: 2" in versions(guest)
        assert keeps(guest)
        assert state(guest) == "running"


def test_the_state_stays_closed_after_tampering(
    made: Made, machines: Machines, variables: Path, tmp_path: Path
) -> None:
    """Another command line; policies signed by another key; Secure Boot switched off."""
    disk = made.copy(machines, machines.scratch / "tpm")
    good = unsigned(image(".release") / "hadron_1.efi", tmp_path)
    with SoftwareTpm(machines.scratch / "tpm") as tpm:
        replace_program(disk, with_command_line(good, b"lockdown=integrity", b"lockdown=none"), tmp_path)
        refused(machines, disk, variables, tpm, "another command line")

        subprocess.run(["openssl", "genrsa", "-out", tmp_path / "pcr.key", "2048"], check=True, capture_output=True)
        public = ["openssl", "rsa", "-in", tmp_path / "pcr.key", "-pubout"]
        key = subprocess.run(public, check=True, capture_output=True).stdout

        def signature(data: bytes) -> bytes:
            command = ["openssl", "dgst", "-sha256", "-sign", tmp_path / "pcr.key"]
            return subprocess.run(command, input=data, check=True, capture_output=True).stdout

        replace_program(disk, measure.seal(good, key, signature), tmp_path)
        refused(machines, disk, variables, tpm, "policies of another key")

        replace_program(disk, good, tmp_path)
        subprocess.run(["mdeltree", "-i", f"{disk}{ESP}", "::/loader/keys"], check=True)
        refused(machines, disk, None, tpm, "Secure Boot off")


def test_a_recovery_key_opens_the_state_on_another_machine(
    made: Made, machines: Machines, variables: Path, tmp_path: Path
) -> None:
    """Its TPM doesn't know the key, which is asked for, once: then the new TPM has it."""
    disk = made.copy(machines, machines.scratch / "tpm")
    with SoftwareTpm(tmp_path / "other") as tpm:
        guest = machines.boot(disk, variables, tpm, {**CREDENTIALS, "cryptsetup.passphrase": made.key})
        guest.wait_start(1, BOOT_SECONDS)
        assert REFUSED in guest.console.read_text(errors="replace")
        assert keeps(guest)
        guest.power_off(BOOT_SECONDS)
        guest = machines.started(disk, variables, tpm)
        assert REFUSED not in guest.console.read_text(errors="replace")
        assert keeps(guest)
    machines.notes["another TPM"] = "refused, until the recovery key is given"


def test_without_a_tpm_the_state_is_plain(machines: Machines, variables: Path) -> None:
    """There is nobody who could keep a key."""
    guest = machines.started(machines.disk(), variables)
    assert guest.run(f"blkid -p -s TYPE -o value {PARTITION}").split()[-1] == "ext4"
    assert state(guest) == "running"
