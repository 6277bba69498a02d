"""The JSON shape of a diagnostic."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from hadronbake.diagnostics import Diagnostic, Location


class Place(BaseModel):
    """``line`` and ``column`` count from 1; 0 means the whole file, the whole line."""

    model_config = ConfigDict(frozen=True)

    file: str
    line: int = 0
    column: int = 0


class Note(BaseModel):
    model_config = ConfigDict(frozen=True)

    text: str
    place: Place | None = None


class Finding(BaseModel):
    """``length``: how many columns from ``place`` on are meant."""

    model_config = ConfigDict(frozen=True)

    code: str
    severity: str
    message: str
    place: Place | None = None
    length: int = 1
    expected: tuple[str, ...] = ()
    hint: str | None = None
    notes: tuple[Note, ...] = ()


def place(location: Location | None) -> Place | None:
    return None if location is None else Place(file=location.file, line=location.line, column=location.column)


def finding(item: Diagnostic) -> Finding:
    """The diagnostic as a model."""

    return Finding(
        code=item.code,
        severity=item.severity.value,
        message=item.message,
        place=place(item.location),
        length=item.length,
        expected=item.expected,
        hint=item.hint,
        notes=tuple(Note(text=text, place=place(where)) for where, text in item.notes),
    )
