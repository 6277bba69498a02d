"""A machine in QEMU that tests speak with."""

import contextlib
import dataclasses
import os
import re
import socket
import subprocess
import time
from pathlib import Path

from hadronbake.images import qemu

TOPDIR = Path(os.environ.get("HB_TOPDIR", Path(__file__).parents[2] / "build"))


class PanicError(Exception):
    """The kernel has stopped for good; there is nothing to wait for."""


class Guest:
    """A running QEMU: the console goes to a file, a root shell is on a second serial port."""

    def __init__(self, directory: Path, machine: qemu.Machine) -> None:
        self.console = directory / "console.log"
        address = directory / "shell.sock"
        machine = dataclasses.replace(
            machine,
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
        console = self.console.read_text(errors="replace") if self.console.exists() else ""
        if "---[ end Kernel panic" in console:
            raise PanicError(console[-3000:])

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

    def send(self, command: str) -> None:
        self.socket.sendall(f"{command}\n".encode())

    def restart(self) -> None:
        """To the shell of the next start. Only for a machine with firmware: the console's file goes on."""
        starts = self.console.read_text(errors="replace").count("login: ")
        self.send("systemctl reboot")
        self.wait_console(rf"(?s)(login: .*){{{starts + 1}}}", 600)
        self.wait_shell(300)

    def wait_shell(self, seconds: float) -> None:
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            with contextlib.suppress(AssertionError):
                if "shell" in self.run("echo shell", 20):
                    return
        raise AssertionError(f"no shell within {seconds} s")

    def power_off(self) -> None:
        self.socket.sendall(b"systemctl poweroff\n")
        self.process.wait(timeout=90)
        assert self.process.returncode == 0
        assert "reboot: Power down" in self.console.read_text(errors="replace")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        print(self.console.read_text(errors="replace")[-1500:])


def deployed() -> Path:
    return next((TOPDIR / "deploy/images").iterdir())
