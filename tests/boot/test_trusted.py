"""hadron-image-trusted: enrols its own keys, is measured, is refused when it was changed, and falls back after bad attempts.

Needs qemu-system-x86_64, ovmf, swtpm, mtools, osslsigncode, and the built image with its keys (make test-trusted).
"""

import functools
import http.server
import os
import random
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest import TOPDIR, Guest, deployed

from hadronbake.images import qemu

pytestmark = pytest.mark.qemu

BOOT_SECONDS = 300
NAME = "hadron-image-trusted"
KEYS = TOPDIR / "keys/secureboot"
EPOCH = "1767225600"
# A shell for the tests, by a credential: the image that is tried is the one that is shipped.
CREDENTIALS = {
    "systemd.extra-unit.test-shell.service": "[Service]\nExecStart=/bin/bash\nStandardInput=tty\nTTYPath=/dev/ttyS1\nRestart=always\n",
    "systemd.unit-dropin.multi-user.target": "[Unit]\nWants=test-shell.service\n",
}
# The first partition begins at the first mebibyte.
ESP = "@@1048576"


def image(suffix: str) -> Path:
    return deployed() / f"{NAME}-{deployed().name}{suffix}"


def machine(directory: Path, disk: Path, variables: Path | None = None, tpm: Path | None = None) -> qemu.Machine:
    """``variables``: those of a machine that knows the keys; without, one that has never been started."""
    mine = directory / "variables.fd"
    if variables is not None:
        shutil.copyfile(variables, mine)
    return qemu.Machine(
        disk=disk,
        firmware=qemu.firmware(mine),
        reboot=True,
        credentials=CREDENTIALS,
        tpm=tpm,
        snapshot=variables is None,
    )


@pytest.fixture(scope="module")
def tpm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("tpm")
    control = directory / "control"
    command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={directory}", "--ctrl", f"type=unixio,path={control}"]
    with subprocess.Popen(command) as process:
        while not control.exists():
            assert process.poll() is None
            time.sleep(0.1)
        yield control
        process.kill()


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory, tpm: Path) -> Iterator[Guest]:
    """A machine that has never been started before: the boot loader enrols the keys and starts it anew."""
    directory = tmp_path_factory.mktemp("trusted")
    started = Guest(directory, machine(directory, image(".img"), tpm=tpm))
    yield started
    started.end()


@pytest.fixture(scope="module")
def variables(guest: Guest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware's, with the keys in them."""
    guest.wait_console(r"login: ", BOOT_SECONDS)
    kept = tmp_path_factory.mktemp("enrolled") / "variables.fd"
    shutil.copyfile(Path(guest.console).parent / "variables.fd", kept)
    return kept


def unsigned(program: Path, scratch: Path) -> bytes:
    bare = scratch / "bare.efi"
    bare.unlink(missing_ok=True)
    subprocess.run(["osslsigncode", "remove-signature", "-in", program, "-out", bare], check=True, capture_output=True)
    return bare.read_bytes()


def sign(content: bytes, target: Path, scratch: Path) -> None:
    (scratch / "unsigned.efi").write_bytes(content)
    command = [
        "osslsigncode",
        "sign",
        "-certs",
        KEYS / "db.crt",
        "-key",
        KEYS / "db.key",
        "-h",
        "sha256",
        "-time",
        EPOCH,
    ]
    subprocess.run([*command, "-in", scratch / "unsigned.efi", "-out", target], check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    subprocess.run(["cp", "--sparse=always", image(".img"), tmp_path / "disk.img"], check=True)
    return tmp_path / "disk.img"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[list[Guest]]:
    guests: list[Guest] = []
    yield guests
    for item in guests:
        item.end()


def boot(start: list[Guest], directory: Path, disk: Path, variables: Path) -> Guest:
    start.append(Guest(directory, machine(directory, disk, variables)))
    return start[-1]


def efi_variable(guest: Guest, name: str) -> int:
    return int(guest.run(f"od -An -tu1 -j4 -N1 /sys/firmware/efi/efivars/{name}-*").split()[-1])


def test_the_keys_are_enrolled_and_secure_boot_is_on(guest: Guest) -> None:
    guest.wait_console(r"login: ", BOOT_SECONDS)
    guest.wait_shell(BOOT_SECONDS)
    assert efi_variable(guest, "SecureBoot") == 1
    assert efi_variable(guest, "SetupMode") == 0
    assert "Secure boot enabled" in guest.run("dmesg | grep -i 'secure boot'")


def test_the_system_runs_on_a_root_that_is_verified(guest: Guest) -> None:
    assert guest.run("systemctl is-system-running --wait", BOOT_SECONDS).splitlines()[-1] == "running", guest.run(
        "systemctl --failed --no-pager; journalctl -b -p warning --no-pager | tail -n 40"
    )
    assert guest.run("findmnt -no SOURCE,FSTYPE /").split()[-2:] == ["/dev/dm-0", "erofs"]
    assert "ro" in guest.run("findmnt -no OPTIONS /").split("\n")[-1].split(",")
    assert guest.run("findmnt -no FSTYPE /etc").split()[-1] == "overlay"
    assert guest.run("findmnt -no FSTYPE /var").split()[-1] == "ext4"


def test_what_is_measured_is_what_was_predicted(guest: Guest) -> None:
    assert guest.run("cat /sys/class/tpm/tpm0/pcr-sha256/11").split()[-1].lower() == image(".pcr11").read_text().strip()


def test_a_good_boot_is_blessed(guest: Guest) -> None:
    guest.run("systemctl start systemd-bless-boot.service", 60)
    assert (
        guest.run("systemctl is-active boot-complete.target systemd-boot-check-no-failures.service").split()[-2:]
        == ["active"] * 2
    )
    assert guest.run("ls /efi/EFI/Linux").split()[-1] == "hadron_1.efi"


def test_clean_power_off(guest: Guest, variables: Path) -> None:
    guest.power_off()


def test_a_changed_program_is_refused(start: list[Guest], tmp_path: Path, disk: Path, variables: Path) -> None:
    program = bytearray((image(".release") / "hadron_1.efi").read_bytes())
    assert program.count(b"panic=1") == 1
    place = program.index(b"panic=1")
    program[place : place + 7] = b"panic=2"
    (tmp_path / "changed.efi").write_bytes(program)
    subprocess.run(
        ["mcopy", "-o", "-i", f"{disk}{ESP}", tmp_path / "changed.efi", "::/EFI/Linux/hadron_1+3.efi"], check=True
    )
    text = boot(start, tmp_path, disk, variables).wait_console(r"(?i)access denied|security violation", BOOT_SECONDS)
    assert "Linux version" not in text


def test_an_unsigned_loader_is_refused(start: list[Guest], tmp_path: Path, disk: Path, variables: Path) -> None:
    subprocess.run(
        ["mcopy", "-n", "-i", f"{disk}{ESP}", "::/EFI/BOOT/BOOTX64.EFI", tmp_path / "loader.efi"], check=True
    )
    (tmp_path / "loader").write_bytes(unsigned(tmp_path / "loader.efi", tmp_path))
    for name in ("BOOT/BOOTX64.EFI", "systemd/systemd-bootx64.efi"):
        subprocess.run(["mcopy", "-o", "-i", f"{disk}{ESP}", tmp_path / "loader", f"::/EFI/{name}"], check=True)
    text = boot(start, tmp_path, disk, variables).wait_console(r"(?i)access denied|security violation", BOOT_SECONDS)
    assert "Linux version" not in text


def test_a_changed_block_of_the_root_restarts_the_machine(
    start: list[Guest], tmp_path: Path, disk: Path, variables: Path
) -> None:
    # The superblock of the filesystem, 1024 bytes into it.
    table = subprocess.run(["sfdisk", "-d", disk], check=True, capture_output=True, text=True).stdout
    found = re.search(r'start=\s*(\d+).*name="hadron_1"', table)
    assert found
    with disk.open("r+b") as stream:
        stream.seek(int(found[1]) * 512 + 1024 + 80)
        byte = stream.read(1)
        stream.seek(-1, 1)
        stream.write(bytes([byte[0] ^ 1]))
    text = boot(start, tmp_path, disk, variables).wait_console(r"verity: .*(?s:.*)Linux version", BOOT_SECONDS)
    assert "login:" not in text
    assert re.search(r"verity: .*corrupt", text)


def test_a_bad_version_is_given_up_after_its_attempts(
    start: list[Guest], tmp_path: Path, disk: Path, variables: Path
) -> None:
    """A second version whose root hash is wrong, with two attempts: the first version must come back by itself."""
    content = bytearray(unsigned(image(".release") / "hadron_1.efi", tmp_path))
    hashes = list(re.finditer(rb" sha256 ([0-9a-f]{64}) ", content))
    assert len(hashes) == 1
    content[hashes[0].start(1) : hashes[0].end(1)] = bytes(hashes[0][1])[::-1]
    content = content.replace(b"IMAGE_VERSION=1\n", b"IMAGE_VERSION=2\n")
    signed = tmp_path / "signed.efi"
    sign(content, signed, tmp_path)
    subprocess.run(["mcopy", "-i", f"{disk}{ESP}", signed, "::/EFI/Linux/hadron_2+2.efi"], check=True)
    guest = boot(start, tmp_path, disk, variables)
    text = guest.wait_console(r"login: ", 2 * BOOT_SECONDS)
    assert text.count("Linux version") >= 3
    guest.wait_shell(BOOT_SECONDS)
    names = guest.run("ls /efi/EFI/Linux").split()
    assert "hadron_2+0-2.efi" in names, names
    assert guest.run("grep -c IMAGE_VERSION=1 /usr/lib/os-release").split()[-1] == "1"


def test_the_state_outlives_a_restart(start: list[Guest], tmp_path: Path, disk: Path, variables: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = boot(start, tmp_path / "one", disk, variables)
    first.wait_console(r"login: ", BOOT_SECONDS)
    first.wait_shell(BOOT_SECONDS)
    identity = first.run("cat /etc/machine-id").split()[-1]
    first.run("echo kept > /etc/mine; echo kept > /var/lib/mine; sync")
    first.power_off()
    second = boot(start, tmp_path / "two", disk, variables)
    second.wait_console(r"login: ", BOOT_SECONDS)
    second.wait_shell(BOOT_SECONDS)
    assert second.run("cat /etc/mine /var/lib/mine").split()[-2:] == ["kept", "kept"]
    assert second.run("cat /etc/machine-id").split()[-1] == identity
    assert re.fullmatch(r"[0-9a-f]{32}", identity)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Version 2: the same root, in a slot of another name."""
    made = tmp_path / "release"
    made.mkdir()
    for suffix in ("erofs", "verity"):
        shutil.copyfile(image(".release") / f"hadron_1.{suffix}", made / f"hadron_2.{suffix}")
    content = unsigned(image(".release") / "hadron_1.efi", tmp_path)
    content = content.replace(b"PARTLABEL=hadron_1", b"PARTLABEL=hadron_2").replace(
        b"IMAGE_VERSION=1\n", b"IMAGE_VERSION=2\n"
    )
    sign(content, made / "hadron_2.efi", tmp_path)
    sums = subprocess.run(
        ["sha256sum", *sorted(path.name for path in made.iterdir())],
        cwd=made,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    (made / "SHA256SUMS").write_text(sums)
    command = [
        "openssl",
        "dgst",
        "-sha256",
        "-sign",
        KEYS / "db.key",
        "-out",
        made / "SHA256SUMS.sig",
        made / "SHA256SUMS",
    ]
    subprocess.run(command, check=True)
    return made


@pytest.fixture
def address(release: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(release))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://10.0.2.2:{server.server_address[1]}"
        server.shutdown()


def test_an_upgrade_and_the_way_back(
    start: list[Guest], tmp_path: Path, disk: Path, variables: Path, release: Path, address: str
) -> None:
    guest = boot(start, tmp_path, disk, variables)
    guest.wait_console(r"login: ", BOOT_SECONDS)
    guest.wait_shell(BOOT_SECONDS)
    guest.run("systemctl is-system-running --wait", BOOT_SECONDS)
    good = (release / "SHA256SUMS.sig").read_bytes()
    # Refused, with nothing changed: another's signature, a file that was damaged, a medium that is full.
    before = guest.run("hadron-update status")
    (release / "SHA256SUMS.sig").write_bytes(bytes(len(good)))
    assert "isn't signed by a key that this machine trusts" in guest.run(f"hadron-update install {address}", 120)
    (release / "SHA256SUMS.sig").write_bytes(good)
    whole = (release / "hadron_2.erofs").read_bytes()
    (release / "hadron_2.erofs").write_bytes(whole[:-4096])
    assert "isn't what the signed list says" in guest.run(f"hadron-update install {address}", 300)
    (release / "hadron_2.erofs").write_bytes(whole)
    assert guest.run("hadron-update status") == before
    guest.run("fallocate -l $(df --output=avail -B1 /var | tail -n 1) /var/full")
    assert "can't be" in guest.run(f"hadron-update install {address}", 300)
    guest.run("rm /var/full")
    assert guest.run("hadron-update status") == before

    assert "2 is newer than 1" in guest.run(f"hadron-update check {address}", 120)
    assert "2 is installed" in guest.run(f"hadron-update install {address}", 600)
    assert "hadron_2+3.efi" in guest.run("hadron-update status")
    guest.restart()
    assert "running: 2" in guest.run("hadron-update status")
    guest.run("systemctl start systemd-bless-boot.service", 60)
    assert "hadron_1 is booted next" in guest.run("hadron-update rollback")
    guest.restart()
    assert "running: 1" in guest.run("hadron-update status")


@pytest.mark.slow
def test_power_cuts_during_an_upgrade(
    start: list[Guest], tmp_path: Path, disk: Path, variables: Path, release: Path, address: str
) -> None:
    """The machine loses power at random moments of an upgrade: what starts next is version 1 or 2, whole, each time."""
    chance = random.Random(5)
    guest = boot(start, tmp_path, disk, variables)
    for _ in range(int(os.environ.get("HB_POWER_CUTS", "5"))):
        guest.wait_console(r"login: ", BOOT_SECONDS)
        guest.wait_shell(BOOT_SECONDS)
        status = guest.run("hadron-update status")
        assert re.search(r"running: [12]", status), status
        if "running: 2" in status:
            break
        guest.send(f"hadron-update install {address}; sync; echo b > /proc/sysrq-trigger")
        time.sleep(chance.uniform(0, 30))
        guest.process.kill()
        guest.process.wait()
        again = tmp_path / f"again{len(start)}"
        again.mkdir()
        guest = boot(start, again, disk, variables)
    guest.wait_console(r"login: ", BOOT_SECONDS)
    guest.wait_shell(BOOT_SECONDS)
    guest.run(f"hadron-update install {address}", 600)
    guest.restart()
    assert "running: 2" in guest.run("hadron-update status")
