"""Physical lines and the logical lines that continuations make of them, with the way back from one to the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hadronbake.diagnostics import Location

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")


def split_lines(text: str) -> list[str]:
    """The lines of a file, right-stripped. CRLF and lone CR end a line as LF does; nothing else does."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = [line.rstrip() for line in text.split("\n")]
    if not lines[-1]:
        lines.pop()
    return lines


def printable(line: str) -> str:
    """The line with control characters replaced, so that an excerpt can't disturb a terminal; as long as before."""
    return _CONTROL.sub("\ufffd", line)


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """``numbers`` are the physical lines (from 1) that were joined; ``lines`` is the whole file.

    A line followed by another of the same logical line ends with the backslash that the join drops.
    """

    path: str
    lines: Sequence[str]
    numbers: Sequence[int]
    text: str

    def place(self, offset: int) -> tuple[Location, str]:
        """Where an offset of the text is in the file, and that physical line. The end of the text is on the last line."""
        for number in self.numbers[:-1]:
            length = len(self.lines[number - 1]) - 1
            if offset < length:
                break
            offset -= length
        else:
            number = self.numbers[-1]
        line = self.lines[number - 1]
        return Location(self.path, number, offset + 1), printable(line)
