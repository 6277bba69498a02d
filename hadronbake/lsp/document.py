"""A text in the editor: its lines, its statements, and what a place in it belongs to, however broken the text is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from hadronbake.language.parser import KINDS, parse_text
from hadronbake.language.statements import FileKind, ParsedFile

HEADER = re.compile(r"((?:(?:python|fakeroot)\s+)*)([A-Za-z0-9_.+:{}$-]*)\s*\(\s*\)\s*\{\s*$")
DEFINITION = re.compile(r"def\s+(\w+)\s*\(")


@dataclass(frozen=True, slots=True)
class Logical:
    """The physical lines from ``first`` up to a position, joined: ``before`` is the text up to it."""

    first: int
    before: str


@dataclass(frozen=True, slots=True)
class Block:
    """A function body or ``def`` block that a line is in. ``header`` is the line it begins at."""

    header: int
    name: str
    python: bool


@dataclass(frozen=True)
class Document:
    """``text`` as the editor has it, saved or not."""

    path: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """As the protocol counts them: ended by LF, CRLF or CR, and by nothing else."""
        return re.split(r"\r\n|\n|\r", self.text)

    @cached_property
    def kind(self) -> FileKind | None:
        """None: no file of the language."""
        return KINDS.get(PurePath(self.path).suffix)

    @cached_property
    def parsed(self) -> ParsedFile:
        if self.kind is None:
            return ParsedFile(self.path, "conf", (), ())
        return parse_text(self.text, self.path, self.kind)

    def line(self, number: int) -> str:
        """A line, empty beyond the end."""
        return self.lines[number] if 0 <= number < len(self.lines) else ""

    def logical(self, number: int, column: int) -> Logical:
        """The statement's text up to a position, over the lines that are continued into its line."""
        first = number
        while first > 0 and self.line(first - 1).rstrip().endswith("\\") and not self.line(first - 1).startswith("#"):
            first -= 1
        joined = "".join(self.line(index).rstrip()[:-1] for index in range(first, number))
        return Logical(first, joined + self.line(number)[:column])

    def block(self, number: int) -> Block | None:
        """The function that a line is in the body of. Found from the lines above, so that no error elsewhere disturbs it."""
        if self.kind == "conf" or self.line(number) == "}":
            return None
        inside = self.line(number)[:1].isspace() or not self.line(number).strip()
        for index in range(number - 1, -1, -1):
            line = self.line(index)
            if line.rstrip() == "}":
                return None
            if inside and (found := DEFINITION.match(line)):
                return Block(index, found[1], True)
            if line[:1].isspace() or line[:1] in ("#", ""):
                continue
            if found := HEADER.match(line):
                return Block(index, found[2], "python" in found[1].split() or not found[2])
            # A statement in column 1 ends a def block; within a shell function it may be a here-document.
            inside = False
        return None
