"""Entering the sandbox of a task that ran, or failed, with the same mounts and environment."""

from __future__ import annotations

from pathlib import Path

from hadronbake.diagnostics import HadronbakeError, closest
from hadronbake.execution.sandbox import SandboxSpec, command

_SHELL = ("/bin/sh", "-i")


def shell_command(topdir: Path, label: str) -> list[str]:
    """The command line of a shell in the sandbox of ``PN:do_task``; the task itself is ``sh /hb/task/run`` there.

    Raises HBE030 where the task has left none, HBE031 where its directories are gone.
    """
    pn, _, task = label.rpartition(":")
    task = task if task.startswith("do_") else f"do_{task}"
    path = topdir / "logs" / pn / f"{task}.sandbox.json"
    if not path.is_file():
        there = [
            f"{found.parent.name}:{found.name.removesuffix('.sandbox.json')}"
            for found in (topdir / "logs").glob("*/*.sandbox.json")
        ]
        near = closest(f"{pn}:{task}", there)
        hint = f"did you mean {near}?" if near else f"make one: hbake -c {task.removeprefix('do_')} {pn}"
        raise HadronbakeError.of("HBE030", f"no sandbox of {pn}:{task} in {topdir}/logs", hint=hint)
    spec = SandboxSpec.model_validate_json(path.read_text())
    mounted = [spec.work, spec.sysroot, spec.native, *spec.inputs.values()]
    if not all(path is None or path.is_dir() for path in mounted):
        raise HadronbakeError.of(
            "HBE031",
            f"what the sandbox of {pn}:{task} had is gone, because the build went on",
            hint=f"make it again: hbake -f -c {task.removeprefix('do_')} {pn}",
        )
    return command(spec.model_copy(update={"terminal": True}), _SHELL)
