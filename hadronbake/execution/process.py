"""Starting a sandbox and waiting for its end, from the event loop's own thread."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# As it is now: while recipes are evaluated in another thread, the process's own environment is theirs.
_ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath)}


@dataclass(frozen=True, slots=True)
class Ending:
    """``status``: exit status, or minus the number of the signal. Seconds; ``cpu`` is that of all processes of the sandbox."""

    status: int
    wall: float
    cpu: float


class Process:
    """A running sandbox. Make it in the thread that runs the event loop and lives as long as the program: the kernel kills a
    sandbox when the thread that started it ends.

    ``argv`` is given two arguments more. The first is a file descriptor for what the shell's ``times`` says, since none but the
    sandbox's first process sees how much its processes used. The second is one of the file ``lock``, which this process
    holds locked: where it no longer is, nobody waits for the sandbox, and it shall end. (bubblewrap can't see its parent
    end before it is done with its preparations.)
    """

    def __init__(self, argv: Sequence[str], log: Path, lock: Path, inherited: Sequence[int] = ()) -> None:
        self._began = time.monotonic()
        self._times = os.memfd_create("times")
        with log.open("ab") as output, lock.open("rb") as held:
            self._child = subprocess.Popen(
                [*argv, str(self._times), str(held.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(*inherited, self._times, held.fileno()),
                env=_ENVIRONMENT,
                # A Ctrl-C on the terminal is for hbake, which then ends its tasks.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    async def wait(self) -> Ending:
        """Ends the process when cancelled."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        descriptor = os.pidfd_open(self._child.pid)

        def notice() -> None:
            loop.remove_reader(descriptor)
            if not ended.done():
                ended.set_result(None)

        loop.add_reader(descriptor, notice)
        try:
            await ended
        except asyncio.CancelledError:
            self.kill()
            raise
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            times = os.pread(self._times, 1000, 0).decode(errors="replace")
            os.close(self._times)
        _, status, usage = os.wait4(self._child.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        # So that the object doesn't wait for, or warn about, a child that is gone.
        self._child.returncode = code
        return Ending(code, time.monotonic() - self._began, usage.ru_utime + usage.ru_stime + seconds_of(times))

    def kill(self) -> None:
        """Ends all processes of the sandbox, whatever bubblewrap is at just now."""
        with suppress(psutil.Error, ProcessLookupError):
            outer = psutil.Process(self._child.pid)
            # Stopped, it makes no further process. Its child is the first of the sandbox: the kernel ends the rest with it.
            outer.suspend()
            for _ in range(100):
                if outer.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
                    break
                time.sleep(0.001)
            for child in outer.children():
                child.kill()
        with suppress(ProcessLookupError):
            os.kill(self._child.pid, signal.SIGKILL)


def end_orphans(work: Path) -> None:
    """Ends sandboxes that an hbake which was killed has left in work directories below ``work``. Only for who holds the lock of
    the build directory. Interactive ones (they share their terminal's session) are somebody's."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            mounts = any(word.startswith(os.fsencode(f"{work}/")) for word in words)
            if Path(os.fsdecode(words[0])).name == "bwrap" and b"--new-session" in words and mounts:
                os.kill(int(entry.name), signal.SIGKILL)


def seconds_of(times: str) -> float:
    """The sum of all that the shell's ``times`` printed (POSIX: minutes, ``m``, seconds, ``s``)."""
    return sum(60 * int(minutes) + float(rest) for minutes, rest in re.findall(r"(\d+)m([\d.]+)s", times))
