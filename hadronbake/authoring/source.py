"""``Source``: one file as the rules of lint look at it, and the comments in it that silence rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from hadronbake.authoring.layout import Layout, Piece, lay_out
from hadronbake.authoring.lintsettings import DEFAULTS, LintSettings, settings_for
from hadronbake.diagnostics import HadronbakeError, Location, Severity
from hadronbake.language.parser import KINDS, parse_bytes
from hadronbake.language.statements import Assignment, FileKind, Function, PythonDefinition, Statement

_SILENCE = re.compile(r"#\s*hbake:\s*disable=([A-Za-z0-9]+(?:\s*,\s*[A-Za-z0-9]+)*)(.*)")
S = TypeVar("S", bound=Statement)


@dataclass(frozen=True, slots=True)
class Silence:
    """``# hbake: disable=CODE,CODE  reason``. ``first`` to ``last`` are the lines it covers."""

    line: int
    codes: tuple[str, ...]
    reason: str
    first: int
    last: int


@dataclass(frozen=True)
class Source:
    """``text`` as it is in the file, ``layout`` as it was read; ``settings``: what the layer says about lint."""

    path: str
    kind: FileKind
    text: str
    layout: Layout
    settings: LintSettings = DEFAULTS

    @classmethod
    def of(cls, text: str, path: str, kind: FileKind, settings: LintSettings = DEFAULTS) -> Source:
        return cls(path, kind, text, lay_out(text, path, kind), settings)

    @classmethod
    def read(cls, path: Path) -> Source:
        """The file, with the settings of its layer. Raises HadronbakeError with all that makes one of them unreadable."""
        kind = KINDS[path.suffix]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise HadronbakeError.of("HBC132", f"can't be read: {error.strerror}", Location(str(path))) from error
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise HadronbakeError(*parse_bytes(data, str(path), kind).diagnostics) from None
        return cls.of(text, str(path), kind, settings_for(path))

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def readable(self) -> bool:
        """Whether the statements may be relied on."""
        return not any(item.severity is Severity.ERROR for item in self.layout.parsed.diagnostics)

    @property
    def lines(self) -> tuple[str, ...]:
        """Right-stripped, as the language sees them."""
        return self.layout.lines

    def at(self, line: int, column: int = 1) -> Location:
        return Location(self.path, line, column)

    def excerpt(self, line: int) -> str | None:
        return self.lines[line - 1] if 0 < line <= len(self.lines) else None

    def of_type(self, kind: type[S]) -> Iterator[S]:
        return (item for item in self.layout.parsed.statements if isinstance(item, kind))

    @property
    def assignments(self) -> Iterator[Assignment]:
        return self.of_type(Assignment)

    def body(self, function: Function) -> tuple[int, list[str]]:
        """The number of a function's first body line, and its lines."""
        lines = function.body.split("\n")[:-1]
        return function.location.line + function.lines - len(lines) - 1, lines

    def find(self, statement: Statement, text: str) -> Location:
        """Where a text first stands in a statement; the statement's beginning if it is nowhere on one line."""
        for number in range(statement.location.line, statement.location.line + statement.lines):
            column = self.lines[number - 1].find(text)
            if column >= 0:
                return self.at(number, column + 1)
        return statement.location

    @cached_property
    def silences(self) -> tuple[Silence, ...]:
        return tuple(_silences(self))


def _silences(source: Source) -> Iterator[Silence]:
    pieces = source.layout.pieces
    for index, piece in enumerate(pieces):
        if piece.kind == "comment" and (match := _SILENCE.match(piece.lines[0])):
            covered = next((item for item in pieces[index + 1 :] if item.kind != "comment"), None)
            if covered is not None and covered.kind == "statement":
                last = covered.start + _own_lines(covered) - 1
                yield _silence(match, piece.start, piece.start, last)
            else:
                # Standing alone it speaks of the whole file.
                yield _silence(match, piece.start, 0, len(source.lines))
        elif piece.kind == "statement" and isinstance(piece.statement, Function | PythonDefinition):
            for number, line in enumerate(piece.lines, piece.start):
                if "hbake:" in line and (match := _SILENCE.search(line)):
                    yield _silence(match, number, number, number + 1)


def _own_lines(piece: Piece) -> int:
    """The lines of a statement without the comments and blank lines that a ``def`` block takes along."""
    count = len(piece.lines)
    while count > 1 and (not piece.lines[count - 1] or piece.lines[count - 1][0] == "#"):
        count -= 1
    return count


def _silence(match: re.Match[str], line: int, first: int, last: int) -> Silence:
    codes = tuple(code.strip().upper() for code in match[1].split(","))
    return Silence(line, codes, match[2].strip(" \t-:\u2013\u2014"), first, last)
