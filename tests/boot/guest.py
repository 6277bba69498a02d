"""A machine in QEMU that tests speak with."""

import contextlib
import dataclasses
import functools
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import writes

from hadronbake.images import qemu

TOPDIR = Path(os.environ.get("HB_TOPDIR", Path(__file__).parents[2] / "build"))
# What is noted of each start, and what the console says when it is reached.
MARKS = {
    "firmware": rb"BdsDxe: starting Boot",
    "kernel": rb"Linux version \d",
    "login": rb"login: ",
    "off": rb"reboot: Power down",
}

accelerator = functools.cache(qemu.accelerator)


class PanicError(Exception):
    """The kernel has stopped for good; there is nothing to wait for."""


class Guest:
    """A running QEMU: the console goes to ``console.log`` in ``directory``, a root shell is on a second serial port.

    ``times``: (mark of :data:`MARKS`, seconds since QEMU was started, seconds of CPU that QEMU has used), in the order in which
    they came. ``screen``: the machine has one, and what it shows at the end is kept beside the console's log.
    ``log``: where all writes to the disk are kept (see writes.py).
    """

    def __init__(
        self,
        directory: Path,
        machine: qemu.Machine,
        name: str = "console",
        screen: bool = False,
        log: Path | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.console = directory / f"{name}.log"
        self.console.write_bytes(b"")
        self.machine = machine
        # Not below the report: the name of a socket has 107 bytes at most.
        self.scratch = tempfile.TemporaryDirectory(prefix="guest-")
        address = Path(self.scratch.name) / "shell.sock"
        machine = dataclasses.replace(
            machine,
            cpus=int(os.environ.get("HB_GUEST_CPUS", machine.cpus)),
            accelerator=accelerator(),
            serial=(
                f"unix:{self.scratch.name}/console.sock,server=on,wait=off,logfile={self.console}",
                f"unix:{address},server=on,wait=off",
            ),
        )
        self.times: list[tuple[str, float, float]] = []
        self.started = time.monotonic()
        self.monitor = Path(self.scratch.name) / "monitor.sock" if screen else None
        command = qemu.command(machine)
        if log is not None and machine.disk is not None:
            place = next(number for number, word in enumerate(command) if word.startswith(f"file={machine.disk},"))
            command[place] = writes.drive(machine.disk, log)
        if self.monitor:
            command += ["-device", "VGA", "-qmp", f"unix:{self.monitor},server=on,wait=off"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        while not address.exists():
            assert self.process.poll() is None, "QEMU ended at once"
            time.sleep(0.1)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(address))
        self.socket.settimeout(1)
        self.text = ""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        pattern = re.compile(b"|".join(b"(?P<%s>%s)" % (name.encode(), mark) for name, mark in MARKS.items()))
        seen = 0
        while True:
            running = self.process.poll() is None
            data = self.console.read_bytes()
            for match in pattern.finditer(data, seen):
                self.times.append((str(match.lastgroup), round(time.monotonic() - self.started, 1), self.cpu_seconds()))
                seen = match.end()
            if not running:
                break
            time.sleep(0.1)
        self.console.with_suffix(".times.json").write_text(json.dumps(self.times) + "\n")

    def cpu_seconds(self) -> float:
        """What the machine has used: other work on the host makes a start long, but hardly changes this."""
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            return round((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), 1)
        return 0.0

    def screenshot(self) -> None:
        """What the screen shows now, as PNG beside the console's log."""
        if self.monitor is None or self.process.poll() is not None:
            return
        dump = {"filename": str(self.console.with_suffix(".png")), "format": "png"}
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(30)
            monitor.connect(str(self.monitor))
            with monitor.makefile("rw") as lines:
                for command in ({"execute": "qmp_capabilities"}, {"execute": "screendump", "arguments": dump}):
                    lines.write(json.dumps(command) + "\n")
                    lines.flush()
                    while not {"return", "error"} & json.loads(lines.readline()).keys():
                        pass

    def read(self) -> None:
        with contextlib.suppress(TimeoutError):
            self.text += self.socket.recv(65536).decode(errors="replace")
        # With firmware it starts anew, as the command line of such machines says.
        if not self.machine.reboot:
            console = self.console.read_text(errors="replace")
            if "---[ end Kernel panic" in console:
                raise PanicError(console[-3000:])

    def wait_console(self, pattern: str, seconds: float) -> str:
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            text = self.console.read_text(errors="replace")
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
        self.text = ""
        self.socket.sendall(f"{command}\n".encode())

    def answer(self, text: str) -> None:
        """A line, typed at the console."""
        with socket.socket(socket.AF_UNIX) as console:
            console.connect(f"{self.scratch.name}/console.sock")
            console.settimeout(1)
            console.sendall(f"{text}\r".encode())
            # What is said meanwhile has to be read, or the machine waits; and what was typed is lost if this ends before it is taken.
            limit = time.monotonic() + 5
            while time.monotonic() < limit:
                with contextlib.suppress(TimeoutError):
                    console.recv(65536)

    def starts(self) -> int:
        """How often the login prompt has been reached."""
        return sum(mark == "login" for mark, *_ in self.times)

    def wait_start(self, number: int, seconds: float) -> None:
        """Until login prompt and shell of the start with this number (from 1) are there."""
        limit = time.monotonic() + seconds
        while self.starts() < number:
            assert self.process.poll() is None, "QEMU has ended"
            assert time.monotonic() < limit, f"no start {number}:\n{self.console.read_text(errors='replace')[-3000:]}"
            self.read()
        self.wait_shell(limit - time.monotonic())

    def restart(self, seconds: float) -> None:
        """To the shell of the next start. Only for a machine with firmware: the console's file goes on."""
        starts = self.starts()
        self.send("systemctl reboot")
        self.wait_start(starts + 1, seconds)

    def wait_shell(self, seconds: float) -> None:
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            with contextlib.suppress(AssertionError):
                if "shell" in self.run("echo shell", 20):
                    return
        raise AssertionError(f"no shell within {seconds} s")

    def power_off(self, seconds: float = 90) -> None:
        self.screenshot()
        self.socket.sendall(b"systemctl poweroff\n")
        self.process.wait(timeout=seconds)
        assert self.process.returncode == 0
        assert "reboot: Power down" in self.console.read_text(errors="replace")

    def cut(self) -> None:
        """No power any more."""
        self.screenshot()
        self.process.kill()
        self.process.wait()
        self.socket.close()

    def end(self) -> None:
        if self.process.poll() is None:
            self.cut()


def deployed() -> Path:
    return next((TOPDIR / "deploy/images").iterdir())
