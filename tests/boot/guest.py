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
        self.typing, self.shell = (Path(self.scratch.name) / name for name in ("console.sock", "shell.sock"))
        self.monitor = Path(self.scratch.name) / "monitor.sock" if screen else None
        self.command = self._command(log)
        self.times: list[tuple[str, float, float]] = []
        self.started = time.monotonic()
        self.used = 0.0
        self.begun = 0
        self.text = ""
        self._launch()

    def _command(self, log: Path | None) -> list[str]:
        machine = dataclasses.replace(
            self.machine,
            cpus=int(os.environ.get("HB_GUEST_CPUS", self.machine.cpus)),
            accelerator=accelerator(),
            serial=(
                f"unix:{self.typing},server=on,wait=off,logfile={self.console},logappend=on",
                f"unix:{self.shell},server=on,wait=off",
            ),
            # See ended().
            reboot=False,
        )
        command = qemu.command(machine)
        if log is not None and machine.disk is not None:
            place = next(number for number, word in enumerate(command) if word.startswith(f"file={machine.disk},"))
            command[place] = writes.drive(machine.disk, log)
        if self.monitor:
            command += ["-device", "VGA", "-qmp", f"unix:{self.monitor},server=on,wait=off"]
        return command

    def _launch(self) -> None:
        for address in (self.typing, self.shell):
            address.unlink(missing_ok=True)
        self.begun = self.console.stat().st_size
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)
        limit = time.monotonic() + 10
        while not self.shell.exists():
            if self.process.poll() is not None:
                assert time.monotonic() < limit, "QEMU ended at once"
                # The TPM, which ended with the machine before, may not be there yet.
                self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)
            time.sleep(0.2)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(self.shell))
        self.socket.settimeout(1)
        self.watcher = threading.Thread(target=self._watch, args=(self.process, self.begun), daemon=True)
        self.watcher.start()

    def ended(self) -> bool:
        """Whether QEMU has ended for good. Where the machine has restarted, and was to, a new one is started.

        After a warm start QEMU 7.2's emulation may loop without end over a page of code that it has translated before (in
        page_collection_lock), with GRUB and with systemd-boot.
        """
        if self.process.poll() is None:
            return False
        # Killed, or switched off.
        if (
            not self.machine.reboot
            or self.process.returncode
            or b"reboot: Power down" in self.console.read_bytes()[self.begun :]
        ):
            return True
        self.watcher.join()
        self.socket.close()
        self._launch()
        return False

    def _watch(self, process: subprocess.Popen[bytes], seen: int) -> None:
        pattern = re.compile(b"|".join(b"(?P<%s>%s)" % (name.encode(), mark) for name, mark in MARKS.items()))
        before, used = self.used, 0.0
        while True:
            running = process.poll() is None
            used = self.cpu_seconds() or used
            data = self.console.read_bytes()
            for match in pattern.finditer(data, seen):
                at = round(time.monotonic() - self.started, 1)
                self.times.append((str(match.lastgroup), at, round(before + used, 1)))
                seen = match.end()
            if not running:
                break
            time.sleep(0.1)
        self.used = before + used
        self.console.with_suffix(".times.json").write_text(json.dumps(self.times) + "\n")

    def cpu_seconds(self) -> float:
        """What QEMU has used: other work on the host makes a start long, but hardly changes this."""
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
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
        if self.ended():
            time.sleep(0.2)
            return
        with contextlib.suppress(TimeoutError, ConnectionError):
            said = self.socket.recv(65536)
            self.text += said.decode(errors="replace")
            if not said:
                time.sleep(0.2)
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
            assert not self.ended(), text[-3000:]
            self.read()
        raise AssertionError(f"no {pattern!r} on the console within {seconds} s:\n{text[-3000:]}")

    def run(self, command: str, seconds: float = 90) -> str:
        """The output of a command in the guest's root shell."""
        mark = str(time.monotonic_ns())
        self.text = ""
        # The marks are split by quotes, so that the echo of the command line, which may be broken anywhere, doesn't match.
        self.socket.sendall(f"echo BEG''IN{mark}; {command}; echo E''ND{mark}=$?\n".encode())
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self.read()
            match = re.search(rf"BEGIN{mark}\s*\n(.*)END{mark}=\d+", self.text, re.DOTALL)
            if match:
                # Without an interactive shell's escape sequences.
                return re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", match[1]).replace("\r", "").strip()
        raise AssertionError(f"{command}: no answer within {seconds} s: {self.text[-2000:]}")

    def send(self, command: str) -> None:
        self.text = ""
        self.socket.sendall(f"{command}\n".encode())

    def answer(self, text: str) -> None:
        """A line, typed at the console."""
        with socket.socket(socket.AF_UNIX) as console:
            console.connect(str(self.typing))
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
            assert not self.ended(), "QEMU has ended"
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
