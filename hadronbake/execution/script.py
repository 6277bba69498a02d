"""The script that a sandbox runs for one task: its functions in order, each with its directories; it stops at the first that fails.

Its files are below ``/hb/task`` (read-only) so that ``hbake shell`` finds them again: ``run`` is the whole task.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from hadronbake.execution.sandbox import Engine, python_command
from hadronbake.execution.taskdata import request
from hadronbake.metadata.recipe import FunctionScript, TaskPayload

INSIDE = "/hb/task"
_SHELL = "/bin/sh"


def write(directory: Path, payload: TaskPayload, engine: Engine) -> list[str]:
    """Fills the directory, which must be new, and gives the argv that runs the task inside the sandbox."""
    # File descriptors as in `process.Process`; a person in a shell gives none.
    lines = [
        '[ -z "$2" ] || ! /usr/bin/flock --nonblock "/proc/self/fd/$2" /usr/bin/true 2> /dev/null || exit 1',
        'trap \'[ -z "$1" ] || times > "/proc/self/fd/$1"\' EXIT',
        f"umask {payload.umask:04o}",
    ]
    for number, function in enumerate(payload.functions, 1):
        name = f"{number:02}-{function.name.replace('/', '_')}"
        if function.language == "python":
            (directory / f"{name}.json").write_text(request(payload, function))
            lines += _call(
                [], python_command(engine, "hadronbake.execution.taskrunner", f"{INSIDE}/{name}.json"), function
            )
        else:
            (directory / name).write_text(function.text)
            lines += _call(_directories(function), [_SHELL, f"{INSIDE}/{name}"], function)
    (directory / "run").write_text("\n".join(lines) + "\n")
    return [_SHELL, f"{INSIDE}/run"]


def _directories(function: FunctionScript) -> list[str]:
    """Shell commands. Inside the sandbox, since links that a task made may lead anywhere."""
    commands = []
    if function.clean_directories:
        words = shlex.join(function.clean_directories)
        commands += [f"/usr/bin/rm -rf -- {words}", f"/usr/bin/mkdir -p -- {words}"]
    if function.directories:
        commands.append(f"/usr/bin/mkdir -p -- {shlex.join(function.directories)}")
        commands.append(f"cd -- {shlex.quote(function.directories[-1])}")
    return commands


def _call(before: Sequence[str], argv: Sequence[str], function: FunctionScript) -> list[str]:
    steps = " && ".join([*before, f"exec {shlex.join(argv)}"])
    return [
        f"( {steps} )",
        "status=$?",
        f'[ $status -eq 0 ] || {{ echo "hbake: {function.name} failed with exit status $status"; exit 1; }}',
    ]
