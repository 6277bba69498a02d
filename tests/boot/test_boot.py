"""hadron-image boots in QEMU to a system that says "running". Needs qemu-system-x86_64 and a built image (make test-boot)."""

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hadronbake.images import qemu

pytestmark = pytest.mark.qemu

TOPDIR = Path(os.environ.get("HB_TOPDIR", Path(__file__).parents[2] / "build"))
BOOT_SECONDS = 180


class Guest:
    """A running QEMU: the console goes to a file, a root shell (systemd.debug_shell) is on a second serial port."""

    def __init__(self, directory: Path, image: str) -> None:
        self.console = directory / "console.log"
        address = directory / "shell.sock"
        kernel, disk = qemu.find_image(next((TOPDIR / "deploy/images").iterdir()), image)
        machine = qemu.Machine(
            kernel=kernel,
            disk=disk,
            append="root=/dev/vda rw console=ttyS0 systemd.debug_shell systemd.default_debug_tty=ttyS1",
            accelerator=qemu.accelerator(),
            serial=(f"file:{self.console}", f"unix:{address},server=on,wait=off"),
        )
        self.started = time.monotonic()
        self.process = subprocess.Popen(qemu.command(machine), stdin=subprocess.DEVNULL)
        while not address.exists():
            assert self.process.poll() is None, "QEMU ended at once"
            time.sleep(0.1)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(address))
        self.socket.settimeout(1)
        self.text = ""

    def read(self) -> None:
        with contextlib.suppress(TimeoutError):
            self.text += self.socket.recv(65536).decode(errors="replace")

    def wait_console(self, pattern: str, seconds: float) -> str:
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            text = self.console.read_text(errors="replace") if self.console.exists() else ""
            if re.search(pattern, text):
                return text
            assert self.process.poll() is None, text[-3000:]
            self.read()
        raise AssertionError(f"no {pattern!r} on the console within {seconds} s:\n{text[-3000:]}")

    def run(self, command: str, seconds: float = 90) -> str:
        """The output of a command in the guest's root shell."""
        mark = f"END{time.monotonic_ns()}"
        self.text = ""
        # The mark is split by quotes, so that the echo of the command line doesn't match.
        self.socket.sendall(f"{command}; echo {mark[:3]}''{mark[3:]}=$?\n".encode())
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self.read()
            match = re.search(mark + r"=(\d+)", self.text)
            if match:
                # Without what an interactive shell adds: escape sequences, and the echo of the command line.
                plain = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", self.text[: match.start()]).replace("\r", "")
                return "\n".join(line for line in plain.split("\n") if "END''" not in line).strip()
        raise AssertionError(f"{command}: no answer within {seconds} s: {self.text[-2000:]}")


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    machine = Guest(tmp_path_factory.mktemp("boot"), "hadron-image")
    yield machine
    if machine.process.poll() is None:
        machine.process.kill()
    print(machine.console.read_text(errors="replace")[-1500:])


def test_login_prompt(guest: Guest) -> None:
    guest.wait_console(r"login: ", BOOT_SECONDS)
    print(f"login prompt after {time.monotonic() - guest.started:.1f} s")


def test_system_is_running(guest: Guest) -> None:
    limit = time.monotonic() + BOOT_SECONDS
    while "shell" not in guest.run("echo shell", 20) and time.monotonic() < limit:
        pass
    state = guest.run("systemctl is-system-running --wait", BOOT_SECONDS)
    failed = guest.run("systemctl --failed --no-legend --plain --no-pager")
    assert failed == "", failed + "\n" + guest.run("journalctl -b -p warning --no-pager | tail -n 40")
    assert state.splitlines()[-1] == "running"


def test_nobody_has_a_password(guest: Guest) -> None:
    for line in guest.run("cat /etc/shadow").splitlines():
        assert re.match(r"[\w-]+:[!*]", line), line


def test_clean_power_off(guest: Guest) -> None:
    guest.socket.sendall(b"systemctl poweroff\n")
    guest.process.wait(timeout=90)
    assert guest.process.returncode == 0
    assert "reboot: Power down" in guest.console.read_text(errors="replace")
