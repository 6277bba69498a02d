"""``hbake show``: a variable's steps from nothing to its value."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hadronbake.authoring.story import Step, VariableStory, change, shown_names, story
from hadronbake.cli.commands import app, register
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import HadronbakeError
from hadronbake.language.known import variable_meaning

sys.path.insert(0, str(Path(__file__).parent.parent / "metadata"))

from metadata_site import Site

TEXTS: dict[str, str] = {}


def text(name: str, *lines: str) -> str:
    """Registers a recipe for the one workspace of this file; gives its name."""
    TEXTS[name] = "".join(f"{line}\n" for line in lines)
    return name


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = Site(tmp_path_factory.mktemp("site"))
    site.write("core/classes/other.bbclass", 'X ?= "b"\nX:class-native ??= "n"\nX:class-native:prepend = "p"\n')
    for name, content in TEXTS.items():
        site.recipe(f"{name}_1.0.bb", content)
    return site


@pytest.fixture(scope="module")
def tell(site: Site) -> Callable[[str, str], VariableStory]:
    """The story of a variable of a recipe."""
    workspace = site.open()

    @cache
    def store(name: str) -> DataStore:
        return workspace.datastore(f"{site.top}/core/recipes/{name}_1.0.bb", history=True)

    return lambda name, variable: story(store(name), variable)


Tell = Callable[[str, str], VariableStory]


def short(step: Step) -> tuple[str, str | None, int | None, str | None, str | None]:
    return step.operation, step.text, step.place.line if step.place else None, step.note, step.result


OPERATORS = text("operators", 'X = "b"', 'X ?= "no"', 'X += "c"', 'X =+ "a"', 'X .= "!"', 'X =. "?"')


def test_operators_in_the_order_of_the_file(tell: Tell) -> None:
    found = tell(OPERATORS, "X")
    assert [short(step) for step in found.steps] == [
        ("=", "b", 1, None, "b"),
        ("?=", "no", 2, "there is a value", "b"),
        ("+=", "c", 3, None, "b c"),
        ("=+", "a", 4, None, "a b c"),
        (".=", "!", 5, None, "a b c!"),
        ("=.", "?", 6, None, "?a b c!"),
    ]
    assert (found.kind, found.value, found.raw, found.error) == ("variable", "?a b c!", "?a b c!", None)


PENDING = text(
    *(
        "pending",
        'X:append = " c"',
        'X:append:sun = " d"',
        'X:remove = "b z"',
        'X:remove = "q"',
        'X:prepend = "${PV} "',
    ),
    'X = "a b"',
)


def test_appends_prepends_and_removes_come_last_and_say_why_they_do_not_count(tell: Tell) -> None:
    found = tell(PENDING, "X")
    assert [short(step) for step in found.steps] == [
        ("=", "a b", 6, None, "a b"),
        (":append", " c", 1, None, "a b c"),
        (":append", " d", 2, "sun is not in OVERRIDES", "a b c"),
        (":prepend", "${PV} ", 5, None, "${PV} a b c"),
        ("expand", None, None, None, "1.0 a b c"),
        (":remove", "b z", 3, None, "1.0 a  c"),
        (":remove", "q", 4, "no such word is in the value", "1.0 a  c"),
    ]
    assert [step.condition for step in found.steps] == [None, None, "sun", None, None, None, None]


@pytest.mark.parametrize(
    ("old", "line"),
    [("a b", 5), ("${PV} a b", 1), ("${PV} a c", 6), ("${PV} a b c", None)],
    ids=["the last of two", "an append before the assignment", "the assignment", "what is there was there"],
)
def test_what_made_a_value_differ_from_one_of_before(tell: Tell, old: str, line: int | None) -> None:
    place = change(tell(PENDING, "X").model_copy(update={"steps": tell(PENDING, "X").steps[:4]}), old)
    assert (place.line if place else None) == line


WEAK = text("weak", 'X ??= "a"', 'X ??= "b"', 'X:append = "c"', 'Y ??= "a"', 'Y = "b"')


def test_weak_defaults(tell: Tell) -> None:
    assert [short(step) for step in tell(WEAK, "X").steps] == [
        ("??=", "a", 1, "a later one takes its place", None),
        ("??=", "b", 2, None, None),
        ("default", "b", None, None, "b"),
        (":append", "c", 3, None, "bc"),
    ]
    assert [step.note for step in tell(WEAK, "Y").steps] == ["there is a value", None]


OVERRIDES = text(
    *("overrides", 'X = "a"', 'X:class-target = "t"', 'X:class-target:append = "!"', 'X:box = "b"', 'X:moon = "m"'),
    'X:append = "+"',
)


def test_overrides_the_chosen_one_with_its_own_steps_and_the_others_with_the_reason(tell: Tell) -> None:
    found = tell(OVERRIDES, "X")
    assert [(step.variable, *short(step)) for step in found.steps] == [
        ("X", "=", "a", 1, None, "a"),
        ("X:class-target", "=", "t", 2, "the override box wins", "t"),
        ("X:class-target", ":append", "!", 3, "the override box wins", "t!"),
        ("X:moon", "=", "m", 5, "moon is not in OVERRIDES", "m"),
        ("X:box", "=", "b", 4, None, "b"),
        ("X", "override", "b", None, None, "b"),
        ("X", ":append", "+", 6, None, "b+"),
    ]


PYTHON = text(
    *("python", 'A = "1"', 'X := "${A}"', 'A = "2"', "unset X", 'X = "x"', "python() {", '    d.setVar("X", "y")'),
    *(
        '    d.appendVar("X", "z")',
        "}",
        'Y := "${A}"',
        'Z := "${A}"',
        'Z += "b"',
        'X_${PN} = "a"',
        'E = "${@undefined_name}"',
    ),
)


def test_immediate_unset_and_python(tell: Tell) -> None:
    found = tell(PYTHON, "X")
    assert [short(step) for step in found.steps] == [
        (":=", "${A}", 2, None, None),
        ("unset", None, 4, None, None),
        ("=", "x", 5, None, "x"),
        ("setVar", "y", 7, None, "y"),
        (":append", "z", 8, None, "yz"),
    ]
    assert (found.steps[3].by, found.steps[0].by) == ("Python code", None)
    assert tell(PYTHON, "Y").steps[-1].result == "2"
    assert [step.result for step in tell(PYTHON, "Z").steps] == [None, "2 b"]


def test_names_with_variables_in_them_are_renamed(tell: Tell) -> None:
    found = tell(PYTHON, "X_python")
    assert [step.operation for step in found.steps] == ["=", "rename"]
    assert found.value == "a"


def test_what_can_not_be_expanded_says_so(tell: Tell) -> None:
    found = tell(PYTHON, "E")
    assert found.value is None and found.raw == "${@undefined_name}"
    assert "undefined_name" in (found.error or "")


FUNCTIONS = text(
    *(
        "functions",
        "do_compile() {",
        "    a ${PV}",
        "}",
        "do_compile:append() {",
        "    b",
        "}",
        'do_compile[dirs] = "${D}"',
    ),
    *("python do_x() {", '    "${PV}"', "}"),
)


def test_functions_and_their_flags(tell: Tell) -> None:
    found = tell(FUNCTIONS, "do_compile")
    assert (found.kind, found.value, found.raw) == ("shell", "    a 1.0\n    b\n", "    a ${PV}\n    b\n")
    assert [step.operation for step in found.steps] == ["=", "=", ":append", "expand"]
    flag = next(flag for flag in found.flags if flag.name == "dirs")
    assert (flag.raw, flag.value, [place.line for place in flag.places]) == ("${D}", "/hb/work/image", [7])
    python = tell(FUNCTIONS, "do_x")
    assert (python.kind, python.value) == ("python", '    "${PV}"\n')


ALL = text(
    *("all", "inherit other", 'X:append:class-target = "a"', 'PACKAGES =+ "${PN}-x"', 'FILES:${PN}-x = "/y"'),
    *('RDEPENDS:${PN} += "z"', 'BBCLASSEXTEND = "native"', 'X:remove = "a"', 'export E = "${X}"', "python() {"),
    *('    d.renameVar("OLD", "NEW")', "}", 'OLD = "1"'),
)


def test_the_last_step_always_gives_the_value(site: Site) -> None:
    """For every variable of a recipe with a bit of everything: nothing is left to the engine alone."""
    path = f"{site.top}/core/recipes/{ALL}_1.0.bb"
    workspace = site.open()
    count = 0
    for recipe in (path, f"virtual:native:{path}"):
        d = workspace.datastore(recipe, history=True)
        for name in shown_names(d):
            found = story(d, name)
            if found.error is None and found.steps:
                assert found.steps[-1].result == found.value, name
                # LAYERDIR and the like are replaced in values by the engine itself.
                assert name.startswith("BB") or "engine" not in [step.operation for step in found.steps], name
                count += 1
    assert count > 80


SHOWN = text(
    "shown",
    'X = "a"',
    'X:append:sun = "b"',
    'X .= "${PV}"',
    'X[doc] = "words"',
    'Y = "a"',
    "do_x() {",
    "    a",
    "    b",
    "}",
)


# The command


def run(site: Site, *arguments: str) -> str:
    if not app.registered_commands:
        register()
    result = CliRunner().invoke(app, [*arguments, "-B", str(site.build)])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_text_of_a_variable(site: Site) -> None:
    path = f"{site.top}/core/recipes/{SHOWN}_1.0.bb"
    assert run(site, "show", SHOWN, "X") == (
        'X = "a1.0"\n'
        '  unexpanded: "a${PV}"\n'
        f'  [doc] = "words"  ({path}:4)\n'
        f'   1 = "a"  {path}:1\n'
        f'   2 .= "${{PV}}"  {path}:3\n'
        '       → "a${PV}"\n'
        f'   3 :append:sun "b"  {path}:2\n'
        "       no effect: sun is not in OVERRIDES\n"
        "   4 expanded\n"
        '       → "a1.0"\n'
    )


def test_text_of_a_function(site: Site) -> None:
    shown = run(site, "show", SHOWN, "do_x")
    assert shown.startswith("do_x() {\n    a\n    b\n}\n")
    assert shown.endswith(f"   1 =  {site.top}/core/recipes/{SHOWN}_1.0.bb:6\n       |     a\n       |     b\n")


def test_json(site: Site) -> None:
    (row,) = json.loads(run(site, "show", SHOWN, "Y", "--json"))
    assert row == {
        "name": "Y",
        "kind": "variable",
        "value": "a",
        "raw": "a",
        "error": None,
        "meaning": None,
        "flags": [],
        "steps": [
            {
                "variable": "Y",
                "operation": "=",
                "text": "a",
                "condition": None,
                "place": {"file": f"{site.top}/core/recipes/{SHOWN}_1.0.bb", "line": 5, "column": 0},
                "by": None,
                "effect": True,
                "note": None,
                "result": "a",
            }
        ],
    }


def test_all_variables_of_a_recipe(site: Site) -> None:
    assert f'# {site.top}/core/recipes/{SHOWN}_1.0.bb:5: = "a"\nY = "a"\n' in run(site, "show", SHOWN)


def test_the_configuration(site: Site) -> None:
    meaning = variable_meaning("MACHINE")
    assert run(site, "show", "MACHINE").startswith(
        f'MACHINE = "box"\n  {meaning}\n   1 ?= "box"  {site.top}/core/conf/bitbake.conf:12\n'
    )
    names = [row["name"] for row in json.loads(run(site, "show", "--json"))]
    assert "MACHINE" in names and "BBPATH" in names and not any(name.startswith("__") for name in names)


def test_a_variable_that_is_not_there(site: Site) -> None:
    with pytest.raises(HadronbakeError) as caught:
        run(site, "show", SHOWN, "MACHINES")
    assert str(caught.value) == "error[HBC110]: shown has no variable MACHINES\n  = hint: did you mean MACHINE?"
