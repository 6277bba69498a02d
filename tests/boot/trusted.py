"""What the tests of trusted boot share: the built images, their keys, releases made from them, and the machine."""

import fcntl
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from guest import TOPDIR, Guest, deployed
from server import Server

from hadronbake.images import keys, measure, qemu

# To the login prompt; generous, for without KVM and beside other work a start takes minutes.
BOOT_SECONDS = int(os.environ.get("HB_BOOT_SECONDS", "600"))
NAME = "hadron-image-trusted"
KEYS = TOPDIR / "keys/secureboot"
# What firmware and boot loader say.
REFUSED = r"(?i)access denied|security violation"
EPOCH = "1767225600"
# The first partition begins at the first mebibyte.
MEBIBYTE = 1 << 20
ESP = f"@@{MEBIBYTE}"
# A shell for the tests, by a credential: the image that is tried is the one that is shipped. An interactive shell heeds SIGHUP alone.
CREDENTIALS = {
    "systemd.extra-unit.test-shell.service": (
        "[Service]\nExecStart=/bin/bash\nStandardInput=tty\nTTYPath=/dev/ttyS1\nRestart=always\nSendSIGHUP=yes\n"
    ),
    "systemd.unit-dropin.multi-user.target": "[Unit]\nWants=test-shell.service\n",
}


REPORT = TOPDIR / "boot-report"


def place(name: str) -> Path:
    """The directory of a scenario in the report."""
    return REPORT / re.sub(r"[^\w.-]+", "-", name).strip("-")


def image(suffix: str) -> Path:
    return deployed() / f"{NAME}-{deployed().name}{suffix}"


def next_release() -> Path:
    """The release of version 2, with what tests/boot/layer adds to it."""
    deploy = TOPDIR / "next/deploy/images"
    assert deploy.is_dir(), "version 2 isn't built: tests/boot/build-next"
    machine = next(deploy.iterdir())
    return machine / f"hadron-image-next-{machine.name}.release"


def unsigned(program: Path, scratch: Path) -> bytes:
    bare = scratch / "bare.efi"
    bare.unlink(missing_ok=True)
    subprocess.run(["osslsigncode", "remove-signature", "-in", program, "-out", bare], check=True, capture_output=True)
    return bare.read_bytes()


def sign(content: bytes, target: Path, scratch: Path, keys: Path = KEYS) -> None:
    (scratch / "unsigned.efi").write_bytes(content)
    target.unlink(missing_ok=True)
    command = ["osslsigncode", "sign", "-certs", keys / "db.crt", "-key", keys / "db.key", "-h", "sha256"]
    command += ["-time", EPOCH, "-in", scratch / "unsigned.efi", "-out", target]
    subprocess.run(command, check=True, capture_output=True)


def section(content: bytes, name: str) -> tuple[int, int]:
    """Place and size of a section in a program's file."""
    size, _, place = measure.headers(content)[name]
    return place, size


def with_command_line(content: bytes, old: bytes, new: bytes) -> bytes:
    """A program whose command line says ``new`` for ``old``; its signature and its policies don't know of it."""
    place, size = section(content, ".cmdline")
    line = content[place : place + size]
    assert line.count(old) == 1
    changed = line.rstrip(b"\0").replace(old, new)
    assert len(changed) <= size
    return content[:place] + changed.ljust(size, b" ") + content[place + size :]


def release_of(files: Mapping[str, Path], made: Path, key: Path = KEYS / "db.key") -> Path:
    """A release in the directory ``made``, of files by their names; its list is signed by ``key``."""
    made.mkdir()
    for name, path in files.items():
        shutil.copyfile(path, made / name)
    command = ["sha256sum", *sorted(files)]
    sums = subprocess.run(command, cwd=made, check=True, capture_output=True, text=True).stdout
    (made / "SHA256SUMS").write_text(sums)
    signature = made / "SHA256SUMS.sig"
    subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, "-out", signature, made / "SHA256SUMS"], check=True)
    return made


def spoilt(here: Path, files: Mapping[str, Path], scratch: Path) -> Iterator[tuple[str, str]]:
    """Spoils the release of ``files`` that is served from ``here`` in one way after another: what was done, and what is to be said
    of it. At the end it is whole again."""
    stranger = "isn't signed by a key that this machine trusts"
    keys.make_secureboot(scratch / "other", "Somebody Else")
    shutil.move(here, scratch / "good")
    release_of(files, here, scratch / "other/db.key")
    yield "another's signature", stranger
    shutil.copyfile(scratch / "good/SHA256SUMS.sig", here / "SHA256SUMS.sig")
    (here / "SHA256SUMS").write_text((scratch / "good/SHA256SUMS").read_text().replace("a", "b", 1))
    yield "changed list", stranger
    shutil.copyfile(scratch / "good/SHA256SUMS", here / "SHA256SUMS")
    root = here / "hadron_2.erofs"
    whole = root.read_bytes()
    root.write_bytes(whole[:-4096])
    yield "file cut short", "isn't what the signed list says"
    root.write_bytes(whole[:4096] + bytes(4096) + whole[8192:])
    yield "damaged file", "isn't what the signed list says"
    root.unlink()
    yield "missing file", "can't be fetched"
    root.write_bytes(whole)


FILES = ("hadron_2.efi", "hadron_2.erofs", "hadron_2.verity")


def release(served: Server, **changed: Path) -> str:
    """Serve version 2, with other files in the place of its own (by their suffix); its address."""
    files = {name: changed.get(name.rpartition(".")[2], next_release() / name) for name in FILES}
    release_of(files, served.directory / "2")
    return f"{served.address}/2"


class Machines:
    """The machines of one scenario. Each start has a console log of its own in the report.

    ``screen``: they have one. Without KVM a sixth of a start's time goes into drawing on it.
    """

    screen = True

    def __init__(self, scratch: Path, report: Path) -> None:
        self.scratch, self.report = scratch, report
        self.guests: list[Guest] = []
        self.notes: dict[str, str] = {}

    def disk(self) -> Path:
        """A fresh copy of the image's disk."""
        return copied(image(".img"), self.scratch / "disk.img")

    def boot(
        self,
        disk: Path | None,
        variables: Path | None,
        tpm: Path | None = None,
        credentials: Mapping[str, str] = CREDENTIALS,
        log: Path | None = None,
        cdrom: Path | None = None,
    ) -> Guest:
        """``variables``: those of a machine that knows the keys (copied); None: one that has never been started. ``log``: of
        the writes to the disk."""
        mine = self.scratch / "variables.fd"
        if variables is None:
            mine.unlink(missing_ok=True)
        elif variables != mine:
            shutil.copyfile(variables, mine)
        machine = qemu.Machine(
            disk=disk,
            cdrom=cdrom,
            firmware=qemu.firmware(mine),
            reboot=True,
            credentials=credentials,
            tpm=tpm,
            snapshot=False,
        )
        self.guests.append(Guest(self.report, machine, f"console-{len(self.guests) + 1}", self.screen, log))
        return self.guests[-1]

    def started(self, disk: Path, variables: Path | None, tpm: Path | None = None) -> Guest:
        guest = self.boot(disk, variables, tpm)
        guest.wait_start(1, BOOT_SECONDS)
        return guest

    def end(self) -> None:
        for guest in self.guests:
            guest.end()


def state(guest: Guest) -> str:
    """What the system says of itself when its start is over; if something is wrong, what."""
    said = guest.run("systemctl is-system-running --wait", BOOT_SECONDS).splitlines()[-1]
    if said != "running":
        said += "\n" + guest.run("systemctl --failed --no-pager; journalctl -b -p warning --no-pager | tail -n 40")
    return said


def install_next(guest: Guest, address: str) -> None:
    """Leaves traces of the owner's, and installs version 2."""
    guest.run("echo kept > /etc/mine; echo kept > /var/lib/mine; echo changed >> /etc/profile")
    assert "2 is newer than 1" in guest.run(f"hadron-update check {address}", 300)
    assert "2 is installed" in guest.run(f"hadron-update install {address}", 900)


def still_there(guest: Guest) -> None:
    """The traces of :func:`install_next`."""
    assert guest.run("cat /etc/mine /var/lib/mine").split()[-2:] == ["kept", "kept"]
    assert guest.run("tail -n 1 /etc/profile").split()[-1] == "changed"


def efi_variable(guest: Guest, name: str) -> int:
    """The first byte of a variable."""
    return int(guest.run(f"od -An -tu1 -j4 -N1 /sys/firmware/efi/efivars/{name}-*").split()[-1])


def online(guest: Guest) -> None:
    """Until the machine has an address (the login prompt doesn't wait for it), and its program has lost its counter."""
    guest.run("systemctl start network-online.target", BOOT_SECONDS)
    guest.run("systemctl start systemd-bless-boot.service", BOOT_SECONDS)


def copied(disk: Path, target: Path) -> Path:
    """A disk for one scenario: a copy of ``disk``, with its holes."""
    target.unlink(missing_ok=True)
    subprocess.run(["cp", "--sparse=always", disk, target], check=True)
    return target


def made_once(kept: Path, make: Callable[[], Path]) -> Path:
    """A copy of the file that ``make`` makes, which many tests begin with, also in processes side by side: the first one makes it."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            copied(make(), kept.with_suffix(".part")).replace(kept)
    return kept


def into_state(disk: Path, place: str) -> None:
    """An empty file into the partition of the state, which is /var."""
    start = partition(disk, "state")
    subprocess.run(["debugfs", "-w", "-R", f"write /dev/null {place}", f"{disk}?offset={start}"], check=True)


def partition(disk: Path, name: str) -> int:
    """Where a partition begins, in bytes."""
    table = subprocess.run(["sfdisk", "-d", disk], check=True, capture_output=True, text=True).stdout
    found = re.search(rf'start=\s*(\d+).*name="{name}"', table)
    assert found, table
    return int(found[1]) * 512


def put(disk: Path, source: Path, place: str, esp: int = MEBIBYTE) -> None:
    """A file into the EFI system partition, which begins at ``esp``."""
    subprocess.run(["mcopy", "-o", "-i", f"{disk}@@{esp}", source, f"::{place}"], check=True)


def get(disk: Path, place: str, target: Path) -> Path:
    subprocess.run(["mcopy", "-n", "-i", f"{disk}{ESP}", f"::{place}", target], check=True)
    return target


class SoftwareTpm:
    """A swtpm, whose state is kept in a directory while machines come and go: it ends with each of them, and is started anew."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.control = directory / "control"
        self.process: subprocess.Popen[bytes] | None = None
        self.over = False
        self.keeper = threading.Thread(target=self._keep, daemon=True)

    def _keep(self) -> None:
        command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.directory}"]
        while not self.over:
            self.process = subprocess.Popen([*command, "--ctrl", f"type=unixio,path={self.control}"])
            self.process.wait()

    def __enter__(self) -> Path:
        self.directory.mkdir(exist_ok=True)
        self.control.unlink(missing_ok=True)
        self.keeper.start()
        while not self.control.exists():
            time.sleep(0.1)
        return self.control

    def __exit__(self, *_: object) -> None:
        self.over = True
        while self.keeper.is_alive():
            if self.process is not None:
                self.process.kill()
            self.keeper.join(0.1)
