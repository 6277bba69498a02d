"""``hbake why`` and ``hbake shell``: why a task isn't what it was, and a look into its sandbox."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadronbake.cli.build import origin_of
from hadronbake.cli.inspect import BuildDirectory, Json
from hadronbake.cli.opening import build_directory, open_workspace
from hadronbake.diagnostics import HadronbakeError, Location
from hadronbake.metadata.recipe import in_configuration

if TYPE_CHECKING:
    from hadronbake.datastore.store import DataStore
    from hadronbake.metadata.workspace import Workspace
    from hadronbake.planning.why import Cause


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
    causes = placed(causes, workspace)
    if as_json:
        print(json.dumps({"task": label, "built": past, "causes": [cause.__dict__ for cause in causes]}, default=str))
        return
    print(render(label, causes, past))


def placed(causes: Iterable[Cause], workspace: Workspace) -> list[Cause]:
    """The causes, those that are variables with the place of the operation that made the difference: a value is hashed with the
    place of its last assignment, but an append elsewhere, or before it, may be what is new."""
    from hadronbake.authoring.story import change, story

    stores: dict[str, DataStore] = {}
    owners = {in_configuration(recipe.mc, recipe.pn): key for key, recipe in workspace.everywhere().items()}
    found = []
    for cause in causes:
        owner = owners.get(cause.task.rpartition(":")[0])
        if cause.kind == "variable" and cause.old is not None and cause.new is not None and owner is not None:
            if owner not in stores:
                stores[owner] = workspace.datastore(owner, history=True)
            place = change(story(stores[owner], cause.name), cause.old)
            if place is not None:
                cause = replace(cause, location=Location(place.file, place.line))
        found.append(cause)
    return found


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
