"""``hbake parse``, ``show``, ``recipes``, ``layers``: what the metadata says, without building anything."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadronbake.cli.opening import build_directory, open_workspace
from hadronbake.cli.parse import parse as parse_metadata
from hadronbake.diagnostics import HadronbakeError, closest
from hadronbake.metadata.recipe import split_configuration

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hadronbake.authoring.story import Step, VariableStory
    from hadronbake.datastore.store import DataStore
    from hadronbake.metadata.recipe import Recipe
    from hadronbake.metadata.workspace import Workspace

BuildDirectory = Annotated[
    Path | None, typer.Option("--build-dir", "-B", help="The build directory (default: build/).")
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def find_recipe(workspace: Workspace, name: str) -> Recipe:
    """The recipe that provides a name (in another configuration: ``mc:NAME:…``), as a build would choose it. Raises HadronbakeError."""
    mc, rest = split_configuration(name)
    if mc and mc not in workspace.others:
        raise no_configuration(mc, workspace.configuration)
    own = workspace.others.get(mc, workspace)
    return own.recipes[own.providers.resolve(rest)]


def no_configuration(mc: str, d: DataStore) -> HadronbakeError:
    there = (d.getVar("BBMULTICONFIG") or "").split()
    near = closest(mc, there)
    return HadronbakeError.of(
        "HBC111",
        f"there is no configuration '{mc}'",
        hint=f"did you mean '{near}'?" if near else f"BBMULTICONFIG names: {' '.join(there) or 'none'}",
    )


def parse(
    build_dir: BuildDirectory = None,
    as_json: Json = False,
    tasks: Annotated[
        bool,
        typer.Option("--tasks", help="Work out the tasks and hashes of all recipes, and say what is wrong in them."),
    ] = False,
) -> None:
    """Read all metadata and say how much of it there is, or everything that is wrong with it.

    When many recipe files are new, what is in their tasks is looked at when a task is wanted, or with --tasks.
    """
    parse_metadata(build_dir, as_json=as_json, tasks=tasks)


def recipes(build_dir: BuildDirectory = None, as_json: Json = False) -> None:
    """List the recipes: name, version, layer, and why one is skipped. "*": the version that a build takes, where there are several."""
    from hadronbake.authoring.catalogue import recipe_rows

    rows = recipe_rows(open_workspace(build_directory(build_dir), quiet=True))
    if as_json:
        print(as_array(rows))
        return
    count = Counter(row.name for row in rows)
    for row in rows:
        mark = " *" if row.chosen and count[row.name] > 1 else ""
        appends = f"  +{len(row.appends)} append{'s' if len(row.appends) > 1 else ''}" if row.appends else ""
        skipped = f"  (skipped: {row.skipped})" if row.skipped else ""
        print(f"{row.name:28} {row.version + mark:20} {row.layer}{appends}{skipped}")


def layers(build_dir: BuildDirectory = None, as_json: Json = False) -> None:
    """List the layers: what each gives, which append changes what, which recipes take the place of others."""
    from hadronbake.authoring.catalogue import layer_rows
    from hadronbake.metadata.configuration import read_configuration
    from hadronbake.metadata.layers import collect_files

    base = read_configuration(build_directory(build_dir), os.environ)
    rows = layer_rows(base.layers, collect_files(base.d, base.layers), base.d)
    if as_json:
        print(as_array(rows))
        return
    for row in rows:
        given = [f"{len(row.recipes)} recipes", f"{len(row.appends)} appends", f"{len(row.classes)} classes"]
        given += [f"machines {' '.join(row.machines)}"] * bool(row.machines)
        given += [f"distros {' '.join(row.distros)}"] * bool(row.distros)
        print(f"{row.name} (priority {row.priority}): {', '.join(given)}\n    {row.directory}")
        for append in row.appends:
            changed = ", ".join(Path(path).name for path in append.recipes) or "nothing: there is no recipe for it"
            print(f"    {Path(append.file).name} changes {changed}")
        for overlay in row.overlays:
            print(f"    {Path(overlay.file).name} takes the place of {', '.join(overlay.hidden)}")


def as_array(rows: Iterable[BaseModel]) -> str:
    return f"[{','.join(row.model_dump_json() for row in rows)}]"


def show(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="A recipe, or another name that is provided; mc:NAME:… in another configuration; none: the configuration."
        ),
    ] = None,
    variables: Annotated[list[str] | None, typer.Argument(help="Variables; without any, all of them.")] = None,
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Show variables of a recipe: value, unexpanded value, flags, and each operation from nothing to the value.

    Without a recipe those of the configuration: hbake show, hbake show MACHINE.
    """
    from hadronbake.authoring.story import shown_names, story

    where, d, wanted = store_of(build_directory(build_dir), recipe, variables or [])
    keys = set(d.keys())
    for name in wanted:
        if name not in keys:
            near = closest(name, keys)
            raise HadronbakeError.of(
                "HBC110", f"{where} has no variable {name}", hint=f"did you mean {near}?" if near else None
            )
    stories = [story(d, name) for name in wanted or shown_names(d)]
    if as_json:
        print(as_array(stories))
        return
    for item in stories:
        print("\n".join(story_lines(item, full=bool(wanted))))


def store_of(topdir: Path, recipe: str | None, variables: list[str]) -> tuple[str, DataStore, list[str]]:
    """Whose store it is, the store with its history, and the variables wanted. A name in capitals is no recipe."""
    from hadronbake.metadata.configuration import read_again_tracking, read_configuration, read_others

    if recipe is None or re.fullmatch(r"[A-Z][A-Z0-9_]*(:.*)?", recipe):
        configuration = read_configuration(topdir, os.environ, tracking=True)
        return "the configuration", configuration.d, [*([recipe] if recipe else []), *variables]
    if (named := re.fullmatch(r"(?:mc|multiconfig):([^:]*)", recipe)) is not None:
        default = read_configuration(topdir, os.environ, tracking=True)
        others = {"": default, **read_others(default)}
        if named[1] not in others:
            raise no_configuration(named[1], default.d)
        return f"the configuration {named[1]}".rstrip(), read_again_tracking(others[named[1]]).d, variables
    workspace = open_workspace(topdir, quiet=True)
    return recipe, workspace.datastore(find_recipe(workspace, recipe).id, history=True), variables


def story_lines(item: VariableStory, *, full: bool) -> list[str]:
    """A story in words; not ``full``: only where the value was made, for lists of all variables."""
    if not full:
        made = [
            f"# {where(step)}: {step.operation} {quoted(step.text)}" for step in item.steps if step.text is not None
        ]
        return [*made, f"{item.name} = {quoted(item.value if item.error is None else item.raw)}"]
    lines = []
    if item.kind == "variable":
        lines.append(f"{item.name} = {quoted(item.value)}")
        if item.raw != item.value:
            lines.append(f"  unexpanded: {quoted(item.raw)}")
    else:
        lines += [
            f"{'python ' * (item.kind == 'python')}{item.name}() {{",
            (item.value or item.raw or "").rstrip("\n"),
            "}",
        ]
    if item.error is not None:
        lines.append(f"  can't be expanded: {item.error}")
    if item.meaning:
        lines.append(f"  {item.meaning}")
    for flag in item.flags:
        places = ", ".join(f"{place.file}:{place.line}" for place in flag.places)
        lines.append(f"  [{flag.name}] = {quoted(flag.value)}" + (f"  ({places})" if places else ""))
    for number, step in enumerate(item.steps, 1):
        lines += step_lines(number, step, item)
    return lines


def step_lines(number: int, step: Step, item: VariableStory) -> list[str]:
    condition = f":{step.condition}" if step.condition and step.operation.startswith(":") else ""
    words = {
        "override": f"takes the value of {item.name}:{step.condition}",
        "default": "there is no value: the weak default is used",
        "expand": "expanded",
        "filter": "filtered",
        "engine": "set by the engine",
    }
    name = f"{step.variable} " if step.variable != item.name else ""
    in_lines = item.kind != "variable" and step.text is not None and step.operation not in words
    text = quoted(step.text) if step.text is not None and not in_lines else ""
    head = words.get(step.operation) or f"{name}{step.operation}{condition} {text}".rstrip()
    place = f"  {where(step)}" if step.place is not None or step.by is not None else ""
    lines = [f"  {number:2} {head}{place}"]
    if in_lines:
        lines += [f"       | {line}" for line in (step.text or "").rstrip("\n").split("\n")]
    if step.note:
        lines.append(f"       no effect: {step.note}")
    elif item.kind == "variable" and step.operation != "unset" and step.result is not None and step.result != step.text:
        lines.append(f"       → {quoted(step.result)}")
    return lines


def where(step: Step) -> str:
    place = f"{step.place.file}:{step.place.line}" if step.place is not None and step.place.line else ""
    if not place and step.place is not None:
        place = step.place.file
    return f"{place} (in {step.by})".strip() if step.by is not None else place


def quoted(value: str | None) -> str:
    return "(no value)" if value is None else json.dumps(value, ensure_ascii=False)


def register(app: typer.Typer) -> None:
    for function in (parse, recipes, layers, show):
        app.command(function.__name__)(function)
