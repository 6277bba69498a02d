"""``hbake parse``, ``show``, ``recipes``, ``layers``: what the metadata says, without building anything."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hadronbake.cli.opening import build_directory, open_workspace
from hadronbake.diagnostics import HadronbakeError, closest
from hadronbake.language.known import variable_meaning

if TYPE_CHECKING:
    from hadronbake.datastore.store import DataStore
    from hadronbake.metadata.recipe import Recipe
    from hadronbake.metadata.workspace import Workspace

BuildDirectory = Annotated[
    Path | None, typer.Option("--build-dir", "-B", help="The build directory (default: build/).")
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def find_recipe(workspace: Workspace, name: str) -> Recipe:
    """The recipe that provides a name, as a build would choose it. Raises HadronbakeError."""
    return workspace.recipes[workspace.providers.resolve(name)]


def parse(build_dir: BuildDirectory = None, as_json: Json = False) -> None:
    """Read all metadata and say how much of it there is, or everything that is wrong with it."""
    started = time.monotonic()
    workspace = open_workspace(build_directory(build_dir))
    found = workspace.statistics
    seconds = time.monotonic() - started
    if as_json:
        values = {name: getattr(found, name) for name in ("parsed", "cached", "masked", "targets", "skipped")}
        print(json.dumps({**values, "warnings": len(workspace.diagnostics), "seconds": round(seconds, 3)}))
        return
    print(
        f"{found.parsed + found.cached} recipe files: {found.parsed} parsed, {found.cached} from the cache, {found.masked} masked; "
        f"{found.targets} recipes with variants, {found.skipped} skipped; {len(workspace.diagnostics)} warnings; {seconds:.1f} s"
    )


def recipes(build_dir: BuildDirectory = None, as_json: Json = False) -> None:
    """List the recipes: name, version, layer, and why one is skipped."""
    workspace = open_workspace(build_directory(build_dir), quiet=True)
    rows = [
        {
            "name": item.pn,
            "version": item.pv,
            "kind": item.kind,
            "layer": item.layer,
            "file": item.file,
            "skipped": item.skipped,
        }
        for item in sorted(workspace.recipes.values(), key=lambda item: (item.pn, item.pv))
    ]
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        skipped = f"  (skipped: {row['skipped']})" if row["skipped"] else ""
        print(f"{row['name']:28} {row['version']:20} {row['layer']}{skipped}")


def layers(build_dir: BuildDirectory = None, as_json: Json = False) -> None:
    """List the layers with their priorities, and which append changes which recipe."""
    workspace = open_workspace(build_directory(build_dir), quiet=True)
    appends: dict[str, list[str]] = {}
    for recipe in workspace.recipes.values():
        for append in workspace.file(recipe.id).appends:
            appends.setdefault(append, []).append(recipe.pn)
    rows: list[dict[str, Any]] = []
    for layer in workspace.layers:
        names = sorted({item.pn for item in workspace.recipes.values() if item.layer == layer.name})
        own = {
            path: sorted(set(pns))
            for path, pns in sorted(appends.items())
            if Path(path).is_relative_to(layer.directory)
        }
        rows.append(
            {
                "name": layer.name,
                "priority": layer.priority,
                "directory": layer.directory,
                "recipes": names,
                "appends": own,
            }
        )
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"{row['name']} (priority {row['priority']}): {len(row['recipes'])} recipes, {row['directory']}")
        for path, pns in row["appends"].items():
            print(f"    {Path(path).name} changes {', '.join(pns)}")


def history_of(d: DataStore, name: str) -> list[Mapping[str, Any]]:
    """The operations on a variable and its override variants, oldest first."""
    return [event for event in d.varhistory.with_variants(name) if event.get("op")]


def show(
    recipe: Annotated[str, typer.Argument(help="A recipe, or another name that is provided.")],
    variables: Annotated[list[str] | None, typer.Argument(help="Variables; without any, all of them.")] = None,
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Show variables of a recipe: value, unexpanded value, and each operation that made it, with file and line."""
    workspace = open_workspace(build_directory(build_dir), quiet=True)
    d = workspace.datastore(find_recipe(workspace, recipe).id, history=True)
    keys = set(d.keys())
    rows: list[dict[str, Any]] = []
    for name in variables or sorted(key for key in keys if not key.startswith("__")):
        if name not in keys:
            near = closest(name, keys)
            raise HadronbakeError.of(
                "HBC110", f"{recipe} has no variable {name}", hint=f"did you mean {near}?" if near else None
            )
        rows.append(describe(d, name, expand=bool(variables)))
    if as_json:
        print(json.dumps(rows, default=str))
        return
    for row in rows:
        if variables and row["meaning"]:
            print(f"# {row['meaning']}")
        for event in row["history"]:
            print(f"# {event['file']}:{event['line']}: {event['op']} {json.dumps(str(event['detail']))}")
        print(f"{row['name']} = {json.dumps(row['value'], default=str, ensure_ascii=False)}")
        if variables and row["raw"] != row["value"]:
            print(f"#   unexpanded: {json.dumps(row['raw'], default=str, ensure_ascii=False)}")


def describe(d: DataStore, name: str, *, expand: bool) -> dict[str, Any]:
    """One variable as a row. Functions aren't expanded: they are when they are written into a script."""
    raw = d.getVar(name, False)
    function = bool(d.getVarFlag(name, "func", False))
    value = raw
    if not function:
        try:
            value = d.getVar(name)
        except HadronbakeError:
            # Of all variables some are only sensible in a place of their own; asked for by name the reason is wanted.
            if expand:
                raise
    events = [
        {
            "file": str(event.get("file", "")),
            "line": event.get("line", 0),
            "op": event["op"],
            "detail": event.get("detail", ""),
        }
        for event in history_of(d, name)
    ]
    return {"name": name, "value": value, "raw": raw, "history": events, "meaning": variable_meaning(name)}


def register(app: typer.Typer) -> None:
    for function in (parse, recipes, layers, show):
        app.command(function.__name__)(function)
