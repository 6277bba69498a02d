"""The comparison with BitBake: what it calls a difference, and what it lets pass."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks/oe-core"))

from causes import CAUSES, cause_of
from compare import differences
from differences import ABSENT, Difference, of_files, of_targets
from records import CONFIGURATION, PROVIDERS, File, Records, Target, chosen, plain, variables_of

from hadronbake.datastore.store import DataStore

RECIPE = "/layer/a_1.bb"


def one(kind: str, name: str, left: object, right: object, variant: str = "", file: str = RECIPE) -> Difference:
    return Difference(kind, name, file, variant, left, right)


EXPLAINED = [
    ("bookkeeping", one("only", "__siggen_gendeps", {}, ABSENT)),
    (
        "anonymous functions",
        one("value", "__BBANONFUNCS", ["__anon_3__layer_a_1_bb"], [["    pass\n", RECIPE, 1]]),
    ),
    ("class type", one("value", "__bbclasstype", "recipe", "global", file=CONFIGURATION)),
    ("engine", one("only", "HADRONBAKE_DIR", ABSENT, "/hadronbake")),
    ("files", one("value", "BBINCLUDED", "a b", "b a")),
    ("order of tasks", one("flag", "do_sdk_depends[depends]", "a:b c:d", "c:d a:b")),
    ("filtered variables", one("needs", "do_package", ["FILES:a"], ["FILES:nativesdk-a"], "nativesdk")),
    ("filtered variables", one("value", "RDEPENDS:a:class-nativesdk", " b a", "nativesdk-a nativesdk-b", "nativesdk")),
    ("filtered variables", one("value", "PROVIDES:class-native", "virtual/a", "virtual/a-native", "native")),
    ("filtered variables", one("needs", "FILES:a", (), ABSENT, file="/layer/nativesdk-a_1.bb")),
    ("ignored by a recipe", one("ignored", "WAFLOCK", ("helper",), ABSENT)),
    ("line of def", one("flag", "helper[lineno]", "7", "8")),
    ("environment", one("flag", "HOME[export]", True, ABSENT)),
    ("library text", one("text", "oe.path.join", "12", "34")),
    ("private library functions", one("needs", "oe.path.realpath", [], ["oe.path.__realpath"])),
    ("unset", one("text", "DEBUG_BUILD", "", None)),
    ("set while read", one("only", "__CACHED_SOURCE_DATE_EPOCH", ABSENT, ["1302044400", "/x"])),
    (
        "library questions",
        one("text", "do_qa", "x\n\nERROR_QA{b} = Set", "x\n\nERROR_QA{a} = Unset\nERROR_QA{b} = Set"),
    ),
]

UNEXPLAINED = [
    one("value", "__BBTASKS", ["do_a"], ["do_b"]),
    one("value", "__BBANONFUNCS", ["__anon_9__layer_a_1_bb"], [["    pass\n", RECIPE, 1]]),
    one("value", "__BBANONFUNCS", ["__anon_3__layer_a_1_bb"], []),
    one("value", "__bbclasstype", "recipe", "global"),
    one("flag", "do_sdk_depends[depends]", "a:b c:d", "a:b"),
    one("needs", "do_package", ["FILES:a"], ["FILES:nativesdk-b"], "nativesdk"),
    one("needs", "do_package", ["FILES:a"], ["FILES:nativesdk-a"]),
    one("value", "RDEPENDS:a", "b a", "nativesdk-a nativesdk-c", "nativesdk"),
    one("value", "RDEPENDS:a", "b a", "a b"),
    one("flag", "helper[lineno]", "7", "9"),
    one("value", "HOME", "/a", "/b"),
    one("text", "oe.path.join", "12", None),
    one("needs", "oe.path.realpath", ["PN"], ["oe.path.__realpath"]),
    one("needs", "do_compile", [], ["CFLAGS"]),
    one("text", "DEBUG_BUILD", None, ""),
    one("text", "do_qa", "x\n\nERROR_QA{b} = Set", "x\n\nERROR_QA{b} = Unset"),
    one("text", "do_qa", "x\n\nERROR_QA{b} = Set", "y\n\nERROR_QA{a} = Unset\nERROR_QA{b} = Set"),
]


@pytest.mark.parametrize("name, item", EXPLAINED)
def test_documented_causes(name: str, item: Difference) -> None:
    found = cause_of(item)
    assert found is not None and found.name == name


def test_every_cause_has_a_case() -> None:
    assert {name for name, _ in EXPLAINED} == {cause.name for cause in CAUSES}


@pytest.mark.parametrize("item", UNEXPLAINED)
def test_everything_else_is_unexplained(item: Difference) -> None:
    assert cause_of(item) is None


def target(**values: Any) -> Target:
    return Target({name: (value, value, {}) for name, value in values.items()}, ("do_a",), {"do_a": ()}, {"do_a": "x"})


def test_differences_of_two_targets() -> None:
    left = Target({"A": ("1", "1", {"f": "x"}), "B": ("2", "${A}", {})}, ("do_a",), {"do_a": ("A",)}, {"do_a": "x"})
    right = Target({"A": ("1", "1", {"f": "y"}), "C": ("2", "2", {})}, ("do_b",), {"do_a": ("B",)}, {"do_a": "y"})
    found = {(item.kind, item.name): (item.left, item.right) for item in of_targets("f", "", left, right)}
    assert found == {
        ("flag", "A[f]"): ("x", "y"),
        ("only", "B"): ("2", ABSENT),
        ("only", "C"): (ABSENT, "2"),
        ("tasks", "tasks"): (("do_a",), ("do_b",)),
        ("needs", "do_a"): (["A"], ["B"]),
        ("text", "do_a"): ("x", "y"),
    }


def test_what_only_the_recipe_ignores_is_said_once() -> None:
    needs = {"do_a": ("HOME", "LOCK", "X"), "LOCK": ("helper",), "helper": (), "X": (), "HOME": ()}
    variables = {"BB_BASEHASH_IGNORE_VARS": ("LOCK HOME", "LOCK HOME", {})}
    left = Target(variables, ("do_a",), needs, dict.fromkeys(needs, "x"))
    right = Target(variables, ("do_a",), {"do_a": ("X",), "X": ()}, {"do_a": "x", "X": "x"})
    found = [(item.kind, item.name) for item in of_targets("f", "", left, right, frozenset({"HOME"}))]
    assert found == [("ignored", "LOCK"), ("needs", "HOME"), ("needs", "do_a")]


def test_a_different_raw_value_counts_only_beside_an_equal_value() -> None:
    left, right = Target({"A": ("1", "${B}", {})}), Target({"A": ("1", "1", {})})
    assert [item.kind for item in of_targets("f", "", left, right)] == ["raw"]
    right = Target({"A": ("2", "2", {})})
    assert [item.kind for item in of_targets("f", "", left, right)] == ["value"]


@pytest.mark.parametrize(
    "left, right, kinds",
    [
        (File({}, error="bad"), File({}, error="worse"), []),
        (File({}, error="bad"), File({"": target()}), ["error"]),
        (File({"": target()}), File({"": target(), "native": target()}), ["variants"]),
        (File({"": Target(skipped="why")}), File({"": Target(skipped="why")}), []),
        (File({"": Target(skipped="why")}), File({"": Target(skipped="because")}), ["skipped"]),
        (File({"": target()}, ("a.bbappend",)), File({"": target()}), ["layer"]),
        (File({"": target()}, priority=5), File({"": target()}, priority=6), ["layer"]),
    ],
)
def test_differences_of_two_files(left: File, right: File, kinds: list[str]) -> None:
    assert [item.kind for item in of_files("f", left, right)] == kinds


def test_records_survive_and_whole_runs_compare_providers_too(tmp_path: Path) -> None:
    sides = []
    for name, provider in (("l", "a"), ("r", "b")):
        records = Records(tmp_path / name)
        records.put(CONFIGURATION, target(A="1"))
        records.put(RECIPE, File({"": target(A=provider)}))
        records.put(PROVIDERS, {"build": {"virtual/a": provider}, "run": {}})
        sides.append(Records(tmp_path / name))
    count: Counter[str] = Counter()
    found = [(item.kind, item.name, item.left, item.right) for item in differences(sides[0], sides[1], count)]
    assert found == [("value", "A", "a", "b"), ("provider", "build:virtual/a", "a", "b")]
    assert count["recipe files"] == 1 and count["targets"] == 1 and count["values compared"] == 1


def test_a_missing_file_is_a_difference(tmp_path: Path) -> None:
    left, right = Records(tmp_path / "l"), Records(tmp_path / "r")
    for side in (left, right):
        side.put(CONFIGURATION, target())
    right.put(RECIPE, File({}))
    assert [item.right for item in differences(left, right, Counter())] == [[RECIPE]]


def test_values_of_a_store_in_a_form_that_both_sides_share() -> None:
    d = DataStore()
    d.setVar("A", "1")
    d.setVar("B", "${A}2")
    d.setVarFlag("B", "f", {"y": [1], "x": None})
    d.setVarFlag("B", "g", None)
    d.setVar("BAD", "${@1 / 0}")
    assert variables_of(d) == {
        "A": ("1", "1", {}),
        "B": ("12", "${A}2", {"f": {"x": None, "y": [1]}}),
        "BAD": ("<ExpansionError>", "${@1 / 0}", {}),
    }
    assert plain({"b", "a"}) == ["a", "b"] and plain(object()) == "<object>"


def test_a_sample_is_spread_over_all_files() -> None:
    files = [str(number) for number in range(10)]
    assert chosen(files, 0) == files and chosen(files, 99) == files
    assert chosen(files, 3) == ["0", "3", "6"]
