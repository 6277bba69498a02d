"""Exceptions as diagnostics: those of the metadata's Python at the metadata's lines, those of the engine as the engine's."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from hadronbake.datastore.embedded.frames import Step, step_at, unset_hint
from hadronbake.datastore.errors import BBHandledException
from hadronbake.datastore.inline import excerpt_of, in_metadata, metadata_steps, shown, where_of
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location, engine_failure


def python_failure(error: BaseException, what: str, place: Location) -> BBHandledException:
    """An exception in the metadata's Python as a diagnostic: the innermost line of the file that ``place`` names (else ``place``),
    and how it came there."""
    steps = metadata_steps(error)
    own = next((step for step in reversed(steps) if step.file == place.file), None)
    item = _at(own) if own is not None else Diagnostic("", "", place)
    notes = []
    inner = True
    for step in reversed(steps):
        if step is own:
            inner = False
        else:
            notes.append((where_of(step), f"in {shown(step.name)}" if inner else f"called from {shown(step.name)}"))
    text = str(error)
    message = f"{what} failed: {type(error).__name__}" + (f": {text}" if text else "")
    item = with_excerpt(replace(item, code="HBM021", message=message, notes=tuple(notes)))
    # Of a place in a library the recipe's own line says more.
    excerpt = excerpt_of(where_of(steps[-1])) if steps else item.excerpt
    return BBHandledException(replace(item, hint=unset_hint(error, excerpt)))


def _at(step: Step) -> Diagnostic:
    """A diagnostic yet without a text, at the expression of a step."""
    where = where_of(step)
    excerpt = excerpt_of(where)
    return Diagnostic("", "", where, excerpt=excerpt, length=step.underline(excerpt or "")[1])


_BEGIN = frozenset(str(Path(__file__).with_name(name)) for name in ("parsing.py", "workspace.py"))


def caller() -> Diagnostic | None:
    """The place of the metadata's Python that is running now, the innermost, as a diagnostic yet without a text."""
    # From the caller, a logging handler.
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename not in _BEGIN:
        if in_metadata(frame.f_code.co_filename):
            return _at(step_at(frame.f_code, frame.f_lineno, frame.f_lasti))
        frame = frame.f_back
    return None


def with_excerpt(item: Diagnostic) -> Diagnostic:
    """The same with the source line that it points at, where that can be read."""
    if item.excerpt is not None or item.location is None or not item.location.line:
        return item
    return replace(item, excerpt=excerpt_of(item.location))


def explain(error: BaseException, path: str, directory: Path | None = None) -> tuple[Diagnostic, ...]:
    """What to say of an exception that ended the reading of ``path``: never nothing, and always with a place.

    ``directory``: where the traceback is kept if it is the engine's own error.
    """
    place = Location(path)
    if isinstance(error, HadronbakeError) and error.diagnostics:
        found = error.diagnostics
        if any(item.location is None for item in found) and (steps := metadata_steps(error)):
            place = where_of(steps[-1])
    elif isinstance(error, BBHandledException):
        steps = metadata_steps(error)
        text = str(error) or "the metadata ended the parse without saying why"
        item = _at(steps[-1]) if steps else Diagnostic("", "", place)
        found = (replace(item, code="HBM062", message=text),)
    elif steps := metadata_steps(error):
        # The first line in the file itself, else the outermost one, says what was being done.
        own = next((step for step in steps if step.file == path), steps[0])
        found = python_failure(error, shown(own.name), Location(own.file)).diagnostics
    elif isinstance(error, OSError):
        found = (system_failure(error, place),)
    else:
        found = (engine_failure(error, f"reading {path}", directory),)
    return tuple(with_excerpt(item if item.location is not None else replace(item, location=place)) for item in found)


def system_failure(error: OSError, place: Location | None = None) -> Diagnostic:
    """What the operating system refused: a file that can't be read or written, a full disk."""
    what = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
    if isinstance(error.filename, str):
        path = Path(error.filename)
        if path.is_symlink():
            what += f" (a symbolic link to {path.readlink()})"
        elif path.is_dir():
            what += " (a directory)"
    return Diagnostic("HBM064", f"the system says: {what}", place)
