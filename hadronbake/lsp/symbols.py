"""The outline of a document, and the recipes by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from hadronbake.language import statements as st
from hadronbake.lsp.document import Document
from hadronbake.lsp.model import Place, Snapshot, Span

SymbolKind = Literal["variable", "flag", "function", "task", "class", "file", "event", "recipe"]
_MOST = 200


@dataclass(frozen=True, slots=True)
class Symbol:
    """``span`` is the whole statement, ``selection`` its first line."""

    name: str
    kind: SymbolKind
    detail: str
    span: Span
    selection: Span


def outline(document: Document) -> list[Symbol]:
    """What a document defines, in order; statements that couldn't be read are left out."""
    found = []
    for statement in document.parsed.statements:
        for name, kind, detail in _named(statement):
            first = statement.location.line - 1
            last = min(first + statement.lines - 1, len(document.lines) - 1)
            end = Span(first, 0, last, len(document.line(last)))
            found.append(Symbol(name, kind, detail, end, Span.within(first, 0, len(document.line(first)))))
    return found


def _named(statement: st.Statement) -> Iterator[tuple[str, SymbolKind, str]]:
    if isinstance(statement, st.Assignment):
        name = statement.name if statement.flag is None else f"{statement.name}[{statement.flag}]"
        shown = " ".join(statement.value.split())
        yield name, "variable" if statement.flag is None else "flag", f"{statement.operator} {shown[:60]}"
    elif isinstance(statement, st.Function):
        words = [word for word, there in (("fakeroot", statement.fakeroot), ("python", statement.python)) if there]
        yield statement.name or "python()", "function", " ".join(words) or "shell"
    elif isinstance(statement, st.PythonDefinition):
        yield statement.name, "function", "def"
    elif isinstance(statement, st.Inherit):
        for name in statement.classes.split():
            yield name, "class", "inherit_defer" if statement.deferred else "inherit"
    elif isinstance(statement, st.Include):
        for name in statement.paths.split():
            yield name, "file", statement.keyword
    elif isinstance(statement, st.AddTask):
        for name in statement.tasks:
            yield name, "task", "addtask"
    elif isinstance(statement, st.AddHandler):
        for name in statement.names:
            yield name, "event", "addhandler"


def recipe_symbols(snapshot: Snapshot, query: str) -> list[tuple[str, str, SymbolKind, Place]]:
    """(name, layer, kind, place) of the recipes and classes whose names hold the letters of ``query`` in order."""
    found: list[tuple[str, str, SymbolKind, Place]] = []
    top = Span(0, 0, 0, 0)
    for recipe in snapshot.recipes:
        if not recipe.variant and _matches(query, recipe.name):
            found.append((f"{recipe.name} {recipe.version}", recipe.layer, "recipe", Place(recipe.file, top)))
    for name, path in snapshot.classes.items():
        if _matches(query, name):
            found.append((name, "class", "class", Place(path, top)))
    found.sort(key=lambda item: (query.lower() not in item[0].lower(), item[0]))
    return found[:_MOST]


def _matches(query: str, name: str) -> bool:
    letters = iter(name.lower())
    return all(letter in letters for letter in query.lower())
