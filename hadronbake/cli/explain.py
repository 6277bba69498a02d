"""``hbake why`` and ``hbake shell``: why a task isn't what it was, and a look into its sandbox."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from hadronbake.cli.build import origin_of
from hadronbake.cli.inspect import BuildDirectory, Json
from hadronbake.cli.opening import build_directory, open_workspace
from hadronbake.diagnostics import HadronbakeError


def why(
    target: Annotated[str, typer.Argument(help="RECIPE or RECIPE:TASK.")],
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Name what changed for a task since its last build, down to the first causes: old and new value, file and line."""
    from hadronbake.execution.build import explain
    from hadronbake.planning.why import render

    workspace = open_workspace(build_directory(build_dir), quiet=True)
    label, causes, past = explain(target, origin_of(workspace))
    if as_json:
        print(json.dumps({"task": label, "built": past, "causes": [cause.__dict__ for cause in causes]}, default=str))
        return
    print(render(label, causes, past))


def shell(
    target: Annotated[str, typer.Argument(help="RECIPE:TASK, of a task that ran or failed.")],
    build_dir: BuildDirectory = None,
) -> None:
    """Open a shell in the sandbox of a task, with the same mounts and environment."""
    from hadronbake.execution.shell import shell_command

    if ":" not in target:
        raise HadronbakeError.of(
            "HBC120", f"'{target}' names no task", hint=f"for example: hbake shell {target}:do_compile"
        )
    command = shell_command(Path(build_directory(build_dir)).absolute(), target)
    os.execvp(command[0], command)


def register(app: typer.Typer) -> None:
    app.command("why")(why)
    app.command("shell")(shell)
