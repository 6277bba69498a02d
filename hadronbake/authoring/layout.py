"""A file as a sequence of pieces: statements, comments and blank lines, each with the physical lines it is made of.

The parser says which lines are a statement; what is between statements is told apart here. Together the pieces are the
whole file, so that whoever writes them all out again has lost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from hadronbake.language.lines import split_lines
from hadronbake.language.parser import parse_text
from hadronbake.language.statements import FileKind, ParsedFile, Statement


@dataclass(frozen=True, slots=True)
class Piece:
    """``lines`` are right-stripped; the first one has the number ``start`` (from 1). Only statements have a ``statement``.

    "stray": lines that the parser passes over though they aren't empty, as a lone backslash and the empty line after it.
    """

    kind: Literal["statement", "comment", "blank", "stray"]
    start: int
    lines: tuple[str, ...]
    statement: Statement | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """A file, parsed and taken to pieces. With an error in ``parsed`` the pieces are good for nothing."""

    parsed: ParsedFile
    lines: tuple[str, ...]
    pieces: tuple[Piece, ...]


def lay_out(text: str, path: str, kind: FileKind) -> Layout:
    """Parses the text and takes it to pieces; ``path`` is only named in locations."""
    parsed = parse_text(text, path, kind)
    lines = split_lines(text)
    return Layout(parsed, tuple(lines), tuple(_pieces(parsed, lines)))


def _pieces(parsed: ParsedFile, lines: list[str]) -> Iterator[Piece]:
    at = 0
    for statement in parsed.statements:
        start = statement.location.line - 1
        yield from _between(lines, at, start)
        at = start + statement.lines
        yield Piece("statement", start + 1, tuple(lines[start:at]), statement)
    yield from _between(lines, at, len(lines))


def _between(lines: list[str], start: int, end: int) -> Iterator[Piece]:
    index = start
    while index < end:
        line = lines[index]
        if line and line[0] != "#":
            # With the empty lines that its backslash joins to it: without them it would be joined to something else.
            last = index + 1
            while last < end and lines[last - 1].endswith("\\"):
                last += 1
            yield Piece("stray", index + 1, tuple(lines[index:last]))
            index = last
            continue
        yield Piece("comment" if line else "blank", index + 1, (line,))
        index += 1
