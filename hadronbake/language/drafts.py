"""What the grammar makes of one logical line: a draft of a statement, which lacks only its place, or the header of a function.

The grammar is loaded when the first line wants it: that takes long, and most files have none but plain lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hadronbake.language.statements import FileKind, Statement


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement without its place: ``make(location, lines, *fields)`` is the statement.

    ``crowded``: the operator of an assignment as (offset, length) where a blank beside it is missing.
    """

    make: type[Statement]
    fields: tuple[Any, ...]
    crowded: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class FunctionHeader:
    name: str | None
    python: bool
    fakeroot: bool


@dataclass(frozen=True, slots=True)
class DefinitionHeader:
    name: str


LineResult = Draft | FunctionHeader | DefinitionHeader


def read_line(line: str, kind: FileKind) -> LineResult | None:
    """None if the line is no statement of that kind of file."""
    from hadronbake.language.grammar import line_parser

    return line_parser()(line, kind)


def accepts(line: str, kind: FileKind) -> bool:
    """Whether the line is a statement of that kind of file."""
    return read_line(line, kind) is not None
