"""Diagnostics of a text in the editor, and the parts of it that diagnostics point at."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from hadronbake.authoring.lint import lint_source
from hadronbake.authoring.lintsettings import DEFAULTS, settings_for
from hadronbake.authoring.source import Source
from hadronbake.datastore.context import check_body, check_definition
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location
from hadronbake.language.statements import Function, PythonDefinition
from hadronbake.lsp.document import Document
from hadronbake.lsp.model import Span

logger = logging.getLogger(__name__)


def findings(document: Document) -> list[Diagnostic]:
    """All that can be said of the text alone: syntax of the language and of the Python code in it, and lint's rules about files."""
    return [*_linted(document), *_python(document)]


def _linted(document: Document) -> tuple[Diagnostic, ...]:
    if document.kind is None:
        return ()
    try:
        settings = settings_for(Path(document.path))
    except HadronbakeError:
        # A broken lint.toml is told by hbake lint.
        settings = DEFAULTS
    try:
        return lint_source(Source.of(document.text, document.path, document.kind, settings))
    except Exception as error:
        # A rule that fails must not hide the syntax errors.
        logger.warning("lint of %s: %r", document.path, error)
        return document.parsed.diagnostics


def _python(document: Document) -> Iterator[Diagnostic]:
    for statement in document.parsed.statements:
        if not isinstance(statement, Function | PythonDefinition):
            continue
        what = statement.name or "an anonymous function"
        try:
            if isinstance(statement, PythonDefinition):
                check_definition(statement.text, document.path, statement.location.line)
            elif statement.python:
                check_body(statement.body, document.path, statement.location.line + 1)
        except SyntaxError as error:
            line = min(error.lineno or statement.location.line, len(document.lines))
            place = Location(document.path, line, max(error.offset or 0, 0))
            yield Diagnostic("HBD107", f"Python syntax error in {what}: {error.msg}", place)
        except (ValueError, RecursionError, MemoryError) as error:
            # What Python's own parser gives up on: NUL characters, brackets nested too deep.
            yield Diagnostic("HBD107", f"Python syntax error in {what}: {error}", statement.location)


def span_of(diagnostic: Diagnostic, lines: list[str]) -> Span:
    """What to underline: the place with its length, or the whole line, without its indentation; never beyond the text."""
    location = diagnostic.location
    number = min(max(location.line if location is not None else 1, 1), max(len(lines), 1)) - 1
    line = lines[number] if lines else ""
    if location is None or not location.line:
        return Span.within(0, 0, len(lines[0]) if lines else 0)
    if not location.column:
        return Span.within(number, len(line) - len(line.lstrip()), len(line.rstrip()))
    start = min(location.column - 1, len(line))
    end = min(start + max(diagnostic.length, 1), max(len(line), start))
    if end == start and start > 0:
        # An empty range is shown by no editor: take the character before.
        start -= 1
    return Span.within(number, start, end)


def message_of(diagnostic: Diagnostic) -> str:
    """Message, expectation and hint, as an editor shows them."""
    parts = [diagnostic.message]
    if diagnostic.expected:
        parts.append(f"expected: {', '.join(diagnostic.expected)}")
    parts += [f"note: {note}" for place, note in diagnostic.notes if place is None]
    if diagnostic.hint:
        parts.append(f"hint: {diagnostic.hint}")
    return "\n".join(parts)


def by_file(diagnostics: Iterable[Diagnostic], otherwise: str) -> dict[str, list[Diagnostic]]:
    """Path → its findings; those without a place go to ``otherwise``."""
    found: dict[str, list[Diagnostic]] = {}
    for item in diagnostics:
        path = item.location.file if item.location is not None else otherwise
        found.setdefault(path if path.startswith("/") else otherwise, []).append(item)
    return found
