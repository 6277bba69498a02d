"""``hbake why``, ``hbake diff``, ``hbake builds`` and ``hbake shell``: why a task isn't what it was, and a look into its sandbox."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from contextlib import suppress
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
    from hadronbake.authoring.findings import Place
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
                    "cut": found.cut,
                    "taskhash": found.taskhash or None,
                    "shared": found.record.taskhash if found.record is not None else None,
                    "waits": found.waits,
                    "causes": cause_rows(causes),
                }
            )
        )
        return
    print(render(found.label, causes, found.past, found.cut))
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
    if any(cause.new is not None and cause.kind in ("variable", "task") for cause in found.causes):
        with suppress(HadronbakeError):
            # Records and builds may be of other recipes than those that are here, if any are.
            found = replace(found, causes=tuple(placed(found.causes, workspace or open_workspace(topdir, quiet=True))))
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
    """The causes, those that are as the recipes are now with the place of the operation that made the difference: a value is hashed with
    the place of its last assignment, but an append elsewhere, or before it, may be what is new; what a task waits for is hashed
    without any."""
    stores: dict[str, DataStore] = {}
    recipes = workspace.everywhere()
    owners = {in_configuration(recipe.mc, recipe.pn): key for key, recipe in recipes.items()}
    found = []
    for cause in causes:
        owner = owners.get(cause.task.rpartition(":")[0])
        other = owners.get(cause.name.rpartition(":")[0])
        place = None
        if owner is not None and cause.new is not None and cause.kind in ("variable", "task"):
            if owner not in stores:
                stores[owner] = workspace.datastore(owner, history=True)
            if cause.kind == "task" and other is not None:
                names = {recipes[other].pn, *recipes[other].provides}
                place = _place_of_dependency(stores[owner], cause.task.rpartition(":")[2], names)
            elif cause.kind == "variable":
                value = workspace.inputs(owner).values.get(cause.name)
                if value is not None and value.text == cause.new:
                    place = _place_of_change(stores[owner], cause)
        if place is not None:
            cause = replace(cause, location=Location(place.file, place.line))
        found.append(cause)
    return found


def _place_of_change(d: DataStore, cause: Cause) -> Place | None:
    """For a cause that is a variable, NAME or NAME[FLAG], as it is now."""
    from hadronbake.authoring.story import change, story

    name, _, flag = cause.name.partition("[")
    told = story(d, name)
    flags = {item.name: item for item in told.flags if item.places}
    if flag:
        item = flags.get(flag.removesuffix("]"))
        return item.places[-1] if item is not None else None
    if "vardepvalue" in flags and flags["vardepvalue"].value == cause.new:
        return flags["vardepvalue"].places[-1]
    if cause.old is None:
        return None
    for step in told.steps:
        # So a hash covers it, after the value.
        removed = f"\n_remove of {step.text}"
        if step.operation == ":remove" and removed in (cause.new or "") and removed not in cause.old:
            return step.place
    return change(told, cause.old)


def _place_of_dependency(d: DataStore, task: str, names: AbstractSet[str]) -> Place | None:
    """Where the recipe says by one of these names that it needs another."""
    from hadronbake.authoring.story import story

    for step in reversed(story(d, "DEPENDS").steps):
        if step.effect and step.place is not None and names & set((d.expand(step.text or "") or "").split()):
            return step.place
    for flag in story(d, task).flags:
        words = {word.partition(":")[0] for word in (flag.value or "").split()}
        if flag.name == "depends" and flag.places and names & words:
            return flag.places[-1]
    return None


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
