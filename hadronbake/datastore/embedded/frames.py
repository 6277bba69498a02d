"""Where in a text the code of a traceback's frame stands: Python's own fine positions, as columns of the source line."""

from __future__ import annotations

import re
from types import CodeType
from typing import NamedTuple

_Position = tuple[int | None, int | None, int | None, int | None]


class Step(NamedTuple):
    """A line that an exception came through. ``start`` and ``end`` are byte offsets of the expression in the line (-1: unknown;
    ``end`` is -1 too where the expression goes on below)."""

    file: str
    line: int
    start: int
    end: int
    name: str

    def underline(self, excerpt: str) -> tuple[int, int]:
        """Column (from 1; 0: unknown) and length of the expression in the source line. What covers the whole line says nothing."""
        if self.start < 0:
            return 0, 1
        data = excerpt.encode()
        if self.start >= len(data):
            return 0, 1
        column = len(data[: self.start].decode(errors="replace"))
        stop = len(data[: self.end].decode(errors="replace")) if self.end >= 0 else len(excerpt.rstrip())
        return column + 1, max(stop - column, 1)


def steps_of(error: BaseException) -> list[Step]:
    """The lines that ``error`` came through, outermost first."""
    found = []
    trace = error.__traceback__
    # A recursion goes through the same code thousands of times.
    known: dict[CodeType, list[_Position]] = {}
    while trace is not None:
        code = trace.tb_frame.f_code
        if code not in known:
            known[code] = list(code.co_positions())
        found.append(_step(code, known[code], trace.tb_lineno, trace.tb_lasti // 2))
        trace = trace.tb_next
    return found


def step_at(code: CodeType, line: int, instruction: int) -> Step:
    """The expression that an instruction (its offset in the code) belongs to."""
    return _step(code, list(code.co_positions()), line, instruction // 2)


def _step(code: CodeType, positions: list[_Position], line: int, index: int) -> Step:
    first, last, start, end = positions[index] if 0 <= index < len(positions) else (None, None, None, None)
    if first != line or start is None:
        return Step(code.co_filename, line, -1, -1, code.co_name)
    return Step(code.co_filename, line, start, end if last == first and end is not None else -1, code.co_name)


_GET = re.compile(r"""\.getVar\(\s*['"]([^'"]+)['"](?:,[^)]*)?\)""")


def unset_hint(error: BaseException, excerpt: str | None) -> str | None:
    """What to do about the most usual failure: the value of a variable that isn't set is used as if it were text."""
    if not excerpt or not isinstance(error, AttributeError | TypeError) or "NoneType" not in str(error):
        return None
    name = _GET.search(excerpt)
    if name is None:
        return None
    return f"d.getVar gives None for a variable that isn't set: (d.getVar('{name[1]}') or '') is text in any case"
