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

from corners import CORNERS, hash_values, line_outcome, outcome, write_site

from hadronbake.datastore.embedded import register
from hadronbake.datastore.signatures import generate_dependencies
from hadronbake.metadata.workspace import Workspace

LINES = json.loads((CORNERS / "lines.json").read_text())
HASHES = json.loads((CORNERS / "hashes.json").read_text())

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
    ("variants3", "BBCLASSEXTEND"): "what is set for the variants is not seen in the recipe itself",
}

LINE_DEPARTURES = {
    b'A = "\\x00"\n'.decode("unicode_escape"): "a NUL character is an error",
    "python () {\n    syntax error\n}\n": "a syntax error is a ParseError with its line",
    "addtask a before\n": "a keyword without a name is an error",
    "addtask a after\n": "a keyword without a name is an error",
    "addtask before do_b\n": "a keyword without a name is an error",
    'OVERRIDES = "a:x:xy"\nA = "own"\nA:a:xy:x = "1"\nA:xy = "2"\nA:a:x = "3"\n': "only the end of a suffix is taken off",
    "python () {\n}\npython() {\n"
    '    d.setVar("A", "1")\n}\npython __anonymous () {\n    d.appendVar("A", "2")\n}\n'
    'python () {\n    d.prependVar("A", "0")\n}\n': "an anonymous function without a body does nothing",
    ':a = "1"\nA: = "2"\nA::b = "3"\nOVERRIDES = "a:b"\n': "no variable has the empty name",
    'addtask ${X}\nX = "q"\n': "names of tasks are expanded at finalisation",
    "addtask a after\tdo_b\taddtask\n": "a tab is a blank",
    "addtask a before do_b after do_c before do_d after do_e\n": "before and after may each be there several times",
    'addfragments a b c d\nA = "1"\n': "variables that are not set name no fragments",
    'addhandler late\npython late() {\n    e.data.setVar("TASKS", " ".join(e.tasklist))\n'
    '    bb.build.addtask("do_late", None, "do_t", e.data)\n}\n'
    'late[eventmask] = "bb.event.RecipeTaskPreProcess"\naddtask t\n': "a task that is added so late is one too",
}

HASH_DEPARTURES = {"f \\`g\\`": "a command in backquotes within backquotes is one"}


@pytest.fixture(autouse=True)
def quiet() -> Any:
    logger = logging.getLogger("BitBake")
    before, logger.propagate = logger.propagate, False
    yield
    logger.propagate = before


def different(found: Any, expected: Any) -> dict[str, tuple[Any, Any]]:
    """What differs, by variable (with ``@variant`` behind it where there is one)."""
    if not isinstance(found, dict) or not isinstance(expected, dict):
        alike = found == expected or (expected == "error" and isinstance(found, str))
        return {} if alike else {"": (found, expected)}
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


def hashed(d: Any) -> dict[str, list[object]]:
    return hash_values(*generate_dependencies(d, d.getVar("__BBTASKS", False) or ()))


@pytest.mark.parametrize("text", HASHES)
def test_what_is_hashed(text: str, tmp_path: Path) -> None:
    wrong = different(line_outcome(text, tmp_path / "top", register(), hashed), HASHES[text])
    assert bool(wrong) == any(part in text for part in HASH_DEPARTURES), wrong


def test_which_recipe_is_taken(tmp_path: Path) -> None:
    """PREFERRED_VERSION, REQUIRED_VERSION, DEFAULT_PREFERENCE, priorities, epochs, PREFERRED_PROVIDER, PREFERRED_RPROVIDER, BBMASK,
    BBFILES_DYNAMIC, variants, over four layers."""
    workspace = Workspace.open(write_site(tmp_path), {"PATH": "/usr/bin"})
    expected = json.loads((CORNERS / "providers/expected.json").read_text())
    providers = workspace.providers
    for kind, find in (("build", providers.resolve), ("run", providers.resolve_runtime)):
        found = {name: find(name).replace(str(tmp_path), "<top>") for name in expected[kind] if name not in REVISION}
        assert found == {name: key for name, key in expected[kind].items() if name not in REVISION}
    assert providers.resolve("rev") == f"{tmp_path}/core/recipes/rev_1.0.bb"


# PREFERRED_VERSION_rev = "1.0_r1" names a revision. BitBake means to understand it, but takes it for a part of the version.
REVISION = ("rev", "rev-dev")


def test_departures_name_cases() -> None:
    assert LINE_DEPARTURES.keys() <= LINES.keys()
    assert all((CORNERS / case / "expected.json").is_file() for case, _ in DEPARTURES)
