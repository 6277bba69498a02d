"""Where the thing under the cursor comes from."""

from __future__ import annotations

from pathlib import Path

from hadronbake.datastore.names import classify
from hadronbake.diagnostics import Location
from hadronbake.language.statements import Assignment, Function, PythonDefinition
from hadronbake.lsp.context import Known
from hadronbake.lsp.cursor import Target
from hadronbake.lsp.document import Document
from hadronbake.lsp.files import expand, locate_file, locate_source
from hadronbake.lsp.model import Event, Place, Span


def definition(known: Known, target: Target) -> Place | None:
    """The last assignment of a variable, the header of a function, the file of a class, an include, a source or a recipe."""
    name = target.name
    if target.kind == "class":
        path = known.snapshot.classes.get(expand(known, name))
        return _top(path)
    if target.kind == "file":
        return _top(locate_file(known, name))
    if target.kind == "source":
        return _top(locate_source(known, name))
    if target.kind == "recipe":
        recipe = known.snapshot.chosen.get(expand(known, name))
        return _top(recipe.file) if recipe is not None else None
    if target.kind == "flag":
        return _flag(known, target)
    if target.kind == "override":
        return _variable(known, "OVERRIDES")
    if target.kind == "function" and target.of == "EXPORT_FUNCTIONS":
        name = f"{Path(known.document.path).stem}_{name}"
    if target.kind in ("function", "task", "variable"):
        return _function(known, name) or _variable(known, name)
    return None


def _top(path: str | None) -> Place | None:
    return Place(path, Span(0, 0, 0, 0)) if path is not None else None


def _function(known: Known, name: str) -> Place | None:
    here = function_in(known.document, name)
    if here is not None:
        return here
    value = known.value(name)
    if value is None or not value.function:
        return None
    if value.place is not None:
        return Place.of(value.place)
    # Made by EXPORT_FUNCTIONS: its text calls the class's function, and that is what is wanted.
    for line in (value.raw or "").splitlines():
        called = known.value(line.strip().removeprefix("bb.build.exec_func('").split("'")[0])
        if called is not None and called.place is not None:
            return Place.of(called.place)
    return None


def function_in(document: Document, name: str) -> Place | None:
    """The last plain definition of a function in a document, else the last addition to it."""
    found = None
    for item in document.parsed.statements:
        if not isinstance(item, Function | PythonDefinition) or item.name is None:
            continue
        if item.name == name or (item.name.split(":")[0] == name and found is None):
            found = _line(document, item.location)
    return found


def _variable(known: Known, name: str) -> Place | None:
    """The last operation that set it: in the history, or in the text if that is newer than the history."""
    base = name.split(":", 1)[0]
    here = [
        item.location
        for item in known.document.parsed.statements
        if isinstance(item, Assignment) and item.flag is None and classify(item.name).short == base
    ]
    value = known.value(name) or known.value(base)
    events = [event for event in value.events if _sets(event)] if value is not None else []
    if events and events[-1].file != known.document.path:
        # A weak assignment that had no effect is not where the value comes from.
        strong = [event for event in events if event.operation != "set?"]
        event = (strong or events)[-1]
        if event.file != known.document.path or not here:
            return Place.of(Location(event.file, event.line))
    if here:
        return _line(known.document, here[-1])
    return Place.of(Location(events[-1].file, events[-1].line)) if events else None


def _sets(event: Event) -> bool:
    return (
        event.file.startswith("/") and event.line > 0 and event.flag in ("", "_defaultval") and event.operation != "del"
    )


def _flag(known: Known, target: Target) -> Place | None:
    here = [
        item.location
        for item in known.document.parsed.statements
        if isinstance(item, Assignment) and item.flag == target.name and item.name == target.of
    ]
    if here:
        return _line(known.document, here[-1])
    value = known.value(target.of)
    events = [event for event in value.events if event.flag == target.name and event.line] if value is not None else []
    return Place.of(Location(events[-1].file, events[-1].line)) if events else None


def _line(document: Document, location: Location) -> Place:
    line = location.line - 1
    return Place(document.path, Span.within(line, 0, len(document.line(line))))
