"""The matrix of faults: what a row is, and what every row must show.

A row is one function in a module ``rows_*.py`` beside this one, decorated with :func:`row`. It is given an empty directory and how
many times to try, makes its fault that many times (or for each byte, each call…), and raises where an output is wrong, a store is
damaged, or nothing is said. It gives :class:`Figures`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Figures:
    """``tried``: how many faults were made. ``outcome``: what became of them, with numbers. ``said``: a message as the user sees
    it; empty where there is nothing to say, because nothing was lost."""

    tried: int
    outcome: str
    said: str = ""


@dataclass(frozen=True)
class Row:
    """``quick`` and ``full``: how many tries in the normal tests (0: none) and in ``make faults``; ``needs``: a pytest marker."""

    group: str
    name: str
    function: Callable[[Path, int], Figures]
    quick: int
    full: int
    needs: str = ""


ROWS: list[Row] = []


def row(
    group: str, name: str, *, quick: int, full: int, needs: str = ""
) -> Callable[[Callable[[Path, int], Figures]], Callable[[Path, int], Figures]]:
    """Adds a function to the matrix."""

    def add(function: Callable[[Path, int], Figures]) -> Callable[[Path, int], Figures]:
        ROWS.append(Row(group, name, function, quick, full, needs))
        return function

    return add


def all_rows() -> list[Row]:
    """Those of all modules ``rows_*.py``, in the order of the modules' names."""
    if not ROWS:
        if str(HERE) not in sys.path:
            sys.path.insert(0, str(HERE))
        for path in sorted(HERE.glob("rows_*.py")):
            importlib.import_module(path.stem)
    return ROWS
