"""The process that reads the metadata for the language server: ``python -m hadronbake.lsp.worker TOPDIR``.

It sends a Snapshot, then a FileView for each path it is asked for, until its input ends. Each message is a pickle after its length
(4 bytes, big-endian), to and from a parent that is the same program.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import re
import signal
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import HadronbakeError, Location
from hadronbake.lsp.model import Event, FileView, LayerView, RecipeView, Snapshot, Value
from hadronbake.metadata.configuration import Configuration, read_again_tracking
from hadronbake.metadata.failures import explain
from hadronbake.metadata.parsing import finalised
from hadronbake.metadata.recipe import Recipe
from hadronbake.metadata.workspace import Workspace

_LONGEST = 4000
_DETAIL = 300
_PR_SET_PDEATHSIG = 1


def receive(stream: BinaryIO) -> Any:
    """The next message, or None at the end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    return pickle.loads(stream.read(struct.unpack(">I", head)[0]))


def message(value: Any) -> bytes:
    """A value as it is sent."""
    data = pickle.dumps(value)
    return struct.pack(">I", len(data)) + data


def main() -> None:
    out = os.fdopen(os.dup(1), "wb")
    # What the metadata prints must not get among the messages.
    os.dup2(2, 1)
    os.nice(5)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    topdir = Path(sys.argv[1])
    try:
        workspace = Workspace.open(topdir, os.environ, lenient=True)
        snapshot = make_snapshot(workspace)
    except Exception as error:
        found = explain(error, str(topdir / "conf/bblayers.conf"))
        workspace, snapshot = None, Snapshot(str(topdir), diagnostics=found)
    out.write(message(snapshot))
    out.flush()
    reader = _Reader(workspace) if workspace is not None else None
    while (path := receive(sys.stdin.buffer)) is not None:
        out.write(message(reader.view(path) if reader is not None else FileView(path, "", {})))
        out.flush()


def make_snapshot(workspace: Workspace) -> Snapshot:
    """The whole workspace, as the server wants to know it."""
    views = {recipe.id: _recipe_view(recipe, workspace) for recipe in workspace.recipes.values()}
    chosen: dict[str, RecipeView] = {}
    for view in views.values():
        for name in (view.name, *view.provides, *view.packages):
            if name not in chosen:
                try:
                    chosen[name] = views[workspace.providers.resolve(name)]
                except HadronbakeError:
                    # A package, a skipped recipe, or a choice that was not made: the first is better than none.
                    chosen[name] = view
    search = tuple(part for part in (workspace.configuration.getVar("BBPATH") or "").split(":") if part)
    return Snapshot(
        workspace.base.topdir,
        True,
        tuple(LayerView(layer.name, layer.directory, layer.priority) for layer in workspace.layers),
        search,
        tuple(views.values()),
        chosen,
        find_classes(search),
        workspace.diagnostics,
    )


def find_classes(search: tuple[str, ...]) -> dict[str, str]:
    """Name → path of each class along BBPATH; the first one counts."""
    found: dict[str, str] = {}
    for kind in ("classes-recipe", "classes", "classes-global"):
        for directory in search:
            for path in sorted(Path(directory, kind).glob("*.bbclass")):
                found.setdefault(path.stem, str(path))
    return found


def _recipe_view(recipe: Recipe, workspace: Workspace) -> RecipeView:
    return RecipeView(
        recipe.pn,
        recipe.pv,
        recipe.file,
        recipe.layer,
        recipe.variant,
        recipe.variables.get("SUMMARY", ""),
        recipe.provides,
        recipe.packages,
        workspace.file(recipe.id).appends,
        tuple(recipe.tasks),
        recipe.skipped,
    )


class _Reader:
    """Finalises recipes with history; the configuration is read again for that only once."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.tracked: Configuration | None = None

    def view(self, path: str) -> FileView:
        """What ``path`` means, in the recipe that it belongs to; if that can't be read, in the configuration."""
        try:
            if self.tracked is None:
                self.tracked = read_again_tracking(self.workspace.base)
            tracked = self.tracked
            recipe = self.recipe_for(path)
            if recipe is not None:
                try:
                    d = finalised(self.workspace.file(recipe.id), tracked, recipe.variant)
                    return FileView(path, recipe.file, _values(d), _overrides(d))
                except Exception:
                    # Its errors are in the snapshot's diagnostics.
                    pass
            return FileView(path, "", _values(tracked.d), _overrides(tracked.d))
        except Exception:
            return FileView(path, "", {})

    def recipe_for(self, path: str) -> Recipe | None:
        """A recipe that the file is part of: itself, the appended one, one that includes or inherits it."""
        suffix = Path(path).suffix
        if suffix == ".conf":
            return None
        recipes = [recipe for recipe in self.workspace.recipes.values() if not recipe.variant]
        recipes.sort(key=lambda recipe: recipe.skipped is not None)
        for recipe in recipes:
            if path == recipe.file or path in self.workspace.file(recipe.id).appends:
                return recipe
        if suffix == ".inc":
            beside = [recipe for recipe in recipes if Path(recipe.file).parent == Path(path).parent]
            pattern = re.compile(rf"^(?:require|include)\s.*{re.escape(Path(path).name)}", re.MULTILINE)
            return _first_with(pattern, [*beside, *recipes]) or (beside[0] if beside else None)
        if suffix == ".bbclass":
            pattern = re.compile(rf"^inherit(?:_defer)?\s(?:.*\s)?{re.escape(Path(path).stem)}(?:\s|$)", re.MULTILINE)
            return _first_with(pattern, recipes) or (recipes[0] if recipes else None)
        return None


def _first_with(pattern: re.Pattern[str], recipes: list[Recipe]) -> Recipe | None:
    for recipe in recipes:
        try:
            text = Path(recipe.file).read_text(errors="replace")
        except OSError:
            continue
        if pattern.search(text):
            return recipe
    return None


def _overrides(d: DataStore) -> tuple[str, ...]:
    return tuple(part for part in (d.getVar("OVERRIDES") or "").split(":") if part)


def _values(d: DataStore) -> dict[str, Value]:
    found = {}
    for name in list(d.keys()):
        if not name.startswith("__"):
            found[name] = _value(name, d)
    return found


def _value(name: str, d: DataStore) -> Value:
    raw = d.getVar(name, False)
    flags = d.getVarFlags(name) or {}
    function = "" if not flags.get("func") else "python" if flags.get("python") else "shell"
    value, error = raw, None
    if not function:
        try:
            value = d.getVar(name)
        except Exception as problem:
            # Many are only sensible in a place of their own.
            value, error = None, str(problem).split("\n")[0]
    place = None
    if function and str(flags.get("filename", "")).startswith("/"):
        place = Location(str(flags["filename"]), int(flags.get("lineno") or 0))
    events = tuple(
        Event(
            str(event.get("file", "")),
            int(event.get("line") or 0),
            str(event["op"]),
            _cut(event.get("detail"), _DETAIL) or "",
            str(event.get("flag", "")),
        )
        for event in d.varhistory.with_variants(name)
        if event.get("op")
    )
    shown = {
        flag: _cut(text, _DETAIL) or ""
        for flag, text in flags.items()
        if flag not in ("func", "python", "filename", "lineno") and not flag.startswith(("_", ":"))
    }
    return Value(name, _cut(value, _LONGEST), _cut(raw, _LONGEST), error, events, shown, function, place)


def _cut(value: Any, length: int) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= length else text[:length] + "…"


if __name__ == "__main__":
    main()
