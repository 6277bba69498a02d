"""The odd corners of the language: what hadronbake makes of them is what BitBake made of them.

Each directory below ``corners`` is a recipe with its classes and includes; ``lines.json`` has recipes of a line or few. What is expected
was written by BitBake 2.19.0 (benchmarks/oe-core/corners.py does it). DEPARTURES are the places where we mean to differ.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks/oe-core"))

from corners import CORNERS, line_outcome, outcome

from hadronbake.datastore.embedded import register

LINES = json.loads((CORNERS / "lines.json").read_text())

DEPARTURES: dict[tuple[str, str], str] = {
    ("immediate", "E"): "the raw value of a variable that refers to itself can be read; expanding it is the error",
    ("unset", "E"): "unset of a flag takes its weak default too, whether or not the flag has a value",
    ("functions", "__BBTASKS"): "names of tasks are expanded at finalisation",
    ("functions", "do_pt"): "names of tasks are expanded at finalisation",
    ("tasks2", "__BBTASKS"): "names of tasks are expanded at finalisation",
    ("tasks2", "do_x"): "names of tasks are expanded at finalisation",
    ("tasks2", "do_do_q2"): "names of tasks are expanded at finalisation",
    ("skipinline", "__SKIPPED"): "the reason is kept",
    ("filters", "A:o"): "a filter works whatever was read before",
    ("copies", "S"): "what is deleted in one store stays in its copy",
    ("copies", "T"): "what is set in one store does not become a name in its copy",
}

LINE_DEPARTURES = {
    b'A = "\\x00"\n'.decode("unicode_escape"): "a NUL character is an error",
    "python () {\n    syntax error\n}\n": "a syntax error is a ParseError with its line",
    "addtask a before\n": "a keyword without a name is an error",
    "addtask a after\n": "a keyword without a name is an error",
    "addtask before do_b\n": "a keyword without a name is an error",
    'OVERRIDES = "a:x:xy"\nA = "own"\nA:a:xy:x = "1"\nA:xy = "2"\nA:a:x = "3"\n': "only the end of a suffix is taken off",
}


@pytest.fixture(autouse=True)
def quiet() -> Any:
    logger = logging.getLogger("BitBake")
    before, logger.propagate = logger.propagate, False
    yield
    logger.propagate = before


def different(found: Any, expected: Any) -> dict[str, tuple[Any, Any]]:
    """What differs, by variable (with ``@variant`` behind it where there is one)."""
    if not isinstance(found, dict) or not isinstance(expected, dict):
        return {} if found == expected else {"": (found, expected)}
    wrong: dict[str, tuple[Any, Any]] = {}
    for variant in found.keys() | expected.keys():
        one, other = found.get(variant, {}), expected.get(variant, {})
        for name in one.keys() | other.keys():
            if one.get(name) != other.get(name):
                wrong[f"{name}@{variant}" if variant else name] = (one.get(name), other.get(name))
    return wrong


@pytest.mark.parametrize("case", sorted(path.parent.name for path in CORNERS.glob("*/t_1.0.bb")))
def test_recipe(case: str) -> None:
    expected = json.loads((CORNERS / case / "expected.json").read_text())
    wrong = different(outcome(CORNERS / case, register()), expected)
    meant = {name for key, name in DEPARTURES if key == case}
    assert {name: wrong[name] for name in wrong.keys() - meant} == {}
    assert meant <= wrong.keys(), "a departure that is none"


@pytest.mark.parametrize("text", LINES)
def test_lines(text: str, tmp_path: Path) -> None:
    wrong = different(line_outcome(text, tmp_path / "top", register()), LINES[text])
    assert bool(wrong) == (text in LINE_DEPARTURES), wrong


def test_departures_name_cases() -> None:
    assert LINE_DEPARTURES.keys() <= LINES.keys()
    assert all((CORNERS / case / "expected.json").is_file() for case, _ in DEPARTURES)
