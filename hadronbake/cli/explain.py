"""``hbake why``, ``hbake diff``, ``hbake builds`` and ``hbake shell``: why a task isn't what it was, and a look into its sandbox."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadronbake.cli.build import origin_of
from hadronbake.cli.inspect import BuildDirectory, Json
from hadronbake.cli.opening import build_directory, open_configuration, open_workspace
from hadronbake.diagnostics import HadronbakeError, Location
from hadronbake.metadata.recipe import in_configuration

if TYPE_CHECKING:
    from hadronbake.datastore.store import DataStore
    from hadronbake.execution.build import Origin
    from hadronbake.metadata.workspace import Workspace
    from hadronbake.planning.why import Cause


def why(
    target: Annotated[str, typer.Argument(help="RECIPE or RECIPE:TASK.")],
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Name what changed for a task since its last build, down to the first causes: old and new value, file and line."""
    from hadronbake.execution.explain import explain, state_lines
    from hadronbake.planning.why import render

    workspace = open_workspace(build_directory(build_dir), quiet=True)
    found = explain(target, origin_of(workspace))
    causes = placed(found.causes, workspace)
    if as_json:
        print(
            json.dumps(
                {
                    "task": found.label,
                    "built": found.past,
                    "taskhash": found.taskhash or None,
                    "shared": found.record.taskhash if found.record is not None else None,
                    "waits": found.waits,
                    "causes": cause_rows(causes),
                }
            )
        )
        return
    print(render(found.label, causes, found.past))
    for line in state_lines(found):
        print(line)


def cause_rows(causes: Iterable[Cause]) -> list[dict[str, object]]:
    """The causes for ``--json``."""
    return [
        {**cause.__dict__, "location": str(cause.location) if cause.location is not None else None} for cause in causes
    ]


def diff(
    first: Annotated[
        str, typer.Argument(help="A taskhash or its beginning, RECIPE[:TASK], or a build (@NUMBER, @-1, a file).")
    ],
    second: Annotated[str, typer.Argument(help="What to compare with it.")],
    stores: Annotated[
        list[Path] | None,
        typer.Option("--store", help="A further directory of shared state to look records up in; may be given again."),
    ] = None,
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Name what makes two records, targets or builds different, down to the first causes: both values, file and line."""
    from hadronbake.artifacts.store import Store
    from hadronbake.execution.difference import difference, is_target
    from hadronbake.execution.history import History
    from hadronbake.execution.recorded import Recorded
    from hadronbake.planning.difference import render
    from hadronbake.remotes.opening import open_store

    topdir = build_directory(build_dir).absolute()
    workspace = open_workspace(topdir, quiet=True) if is_target(first) or is_target(second) else None
    variable = (workspace.configuration if workspace is not None else open_configuration(topdir)).getVar
    for path in stores or ():
        if not path.is_dir():
            raise HadronbakeError.of("HBC130", f"{path} is no directory")
    recorded = Recorded([open_store(variable), *(Store(path.absolute()) for path in stores or ())], History(topdir))

    def origin() -> Origin:
        assert workspace is not None
        return origin_of(workspace)

    found = difference(first, second, recorded, topdir, origin)
    if workspace is not None and is_target(second):
        found = replace(found, causes=tuple(placed(found.causes, workspace)))
    if as_json:
        print(
            json.dumps(
                {
                    "first": found.first.__dict__,
                    "second": found.second.__dict__,
                    "causes": cause_rows(found.causes),
                    "output": found.output,
                    "facts": found.facts,
                    "tasks": found.tally.__dict__ if found.tally is not None else None,
                }
            )
        )
        return
    print(render(found))


def list_builds(build_dir: BuildDirectory = None, as_json: Json = False) -> None:
    """List the last builds of this build directory, for hbake diff."""
    from hadronbake.execution.builds import listed

    found = listed(build_directory(build_dir).absolute())
    if as_json:
        print(json.dumps([{**build.model_dump(exclude={"tasks"}), "tasks": len(build.tasks)} for build in found]))
        return
    for build in found:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(build.began))
        state = "" if build.ok else "  failed"
        print(
            f"@{build.number:<4} {began}  {build.ran:>5} of {len(build.tasks)} tasks ran  {' '.join(build.targets)}{state}"
        )


def placed(causes: Iterable[Cause], workspace: Workspace) -> list[Cause]:
    """The causes, those that are variables with the place of the operation that made the difference: a value is hashed with the
    place of its last assignment, but an append elsewhere, or before it, may be what is new."""
    from hadronbake.authoring.story import change, story

    stores: dict[str, DataStore] = {}
    owners = {in_configuration(recipe.mc, recipe.pn): key for key, recipe in workspace.everywhere().items()}
    found = []
    for cause in causes:
        owner = owners.get(cause.task.rpartition(":")[0])
        if cause.kind == "variable" and cause.new is not None and owner is not None:
            if owner not in stores:
                stores[owner] = workspace.datastore(owner, history=True)
            name, _, flag = cause.name.partition("[")
            told = story(stores[owner], name)
            place = None
            if flag:
                places = [place for item in told.flags if item.name == flag.removesuffix("]") for place in item.places]
                place = places[-1] if places else None
            elif cause.old is not None:
                place = change(told, cause.old)
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
    app.command("diff")(diff)
    app.command("builds")(list_builds)
    app.command("shell")(shell)
