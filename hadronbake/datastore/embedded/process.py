"""``bb.process``: run a command and collect its output."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import IO, Any


class CmdError(RuntimeError):
    """A command could not be run or failed."""

    def __init__(self, command: str | Sequence[str], message: str | None = None) -> None:
        super().__init__(message or "")
        self.command = command
        self.msg = message

    def __str__(self) -> str:
        command = self.command if isinstance(self.command, str) else subprocess.list2cmdline(self.command)
        return f"Execution of '{command}' failed" + (f": {self.msg}" if self.msg else "")


class NotFoundError(CmdError):
    """The command does not exist."""

    def __str__(self) -> str:
        return super().__str__() + (": command not found" if not self.msg else "")


class ExecutionError(CmdError):
    """The command ended with a status other than 0."""

    def __init__(
        self, command: str | Sequence[str], exitcode: int, stdout: str | None = None, stderr: str | None = None
    ) -> None:
        super().__init__(command)
        self.exitcode, self.stdout, self.stderr = exitcode, stdout, stderr
        self.extra_message: str | None = None

    def __str__(self) -> str:
        output = (self.stdout or "") + (self.stderr or "")
        text = f"{super().__str__()} with exit code {self.exitcode}"
        return text + (f":\n{output}" if output else "") + (self.extra_message or "")


class Popen(subprocess.Popen[bytes]):
    """subprocess.Popen with the defaults of metadata: pipes, standard error into standard output's neighbour."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("close_fds", True)
        super().__init__(*args, **options)


def run(
    cmd: str | Sequence[str],
    input: str | bytes | None = None,
    log: IO[str] | None = None,
    extrafiles: Any = None,
    **options: Any,
) -> tuple[str, str]:
    """Run a command (a string goes to the shell) and give (stdout, stderr); ExecutionError if it fails."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE if options["stdout"] == subprocess.PIPE else None)
    if isinstance(cmd, str):
        options.setdefault("shell", True)
    # Said expressly: while metadata is read ``os.environ`` is not that of the process.
    options.setdefault("env", dict(os.environ))
    if input is None:
        options.setdefault("stdin", subprocess.DEVNULL)
    elif isinstance(input, str):
        input = input.encode()
    try:
        done = subprocess.run(cmd, input=input, check=False, **options)
    except FileNotFoundError as error:
        raise NotFoundError(cmd) from error
    except OSError as error:
        raise CmdError(cmd, str(error)) from error
    out = (done.stdout or b"") if isinstance(done.stdout, bytes) else (done.stdout or "").encode()
    err = (done.stderr or b"") if isinstance(done.stderr, bytes) else (done.stderr or "").encode()
    stdout, stderr = out.decode(errors="replace"), err.decode(errors="replace")
    if log is not None:
        log.write(stdout + stderr)
    if done.returncode:
        raise ExecutionError(cmd, done.returncode, stdout, stderr)
    return stdout, stderr
