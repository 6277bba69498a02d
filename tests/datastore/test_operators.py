"""Assignment operators, and append, prepend, remove (§3, §5)."""

import pytest

from hadronbake.datastore.operations import assign, set_export, unset
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import Location
from hadronbake.language.statements import Operator

HERE = Location("a.conf", 3)


def store(*statements: tuple[str, Operator, str]) -> DataStore:
    d = DataStore()
    for name, operator, value in statements:
        flag = None
        if name.endswith("]"):
            name, flag = name[:-1].split("[")
        assign(d, name, flag, operator, value, HERE)
    return d


@pytest.mark.parametrize(
    ("statements", "value"),
    [
        ([("V", "=", "a"), ("V", "=", "b")], "b"),
        ([("V", "=", "a"), ("V", "+=", "b")], "a b"),
        ([("V", "=", "a"), ("V", "=+", "b")], "b a"),
        ([("V", "=", "a"), ("V", ".=", "b")], "ab"),
        ([("V", "=", "a"), ("V", "=.", "b")], "ba"),
        ([("V", "+=", "b")], " b"),
        ([("V", ".=", "b")], "b"),
        ([("V", "?=", "a"), ("V", "?=", "b")], "a"),
        ([("V", "=", ""), ("V", "?=", "b")], ""),
        ([("V", "??=", "w"), ("V", "?=", "b")], "b"),
        ([("V", "??=", "a"), ("V", "??=", "b")], "b"),
        ([("V", "??=", "a"), ("V", "+=", "b")], " b"),
        ([("V", "+=", "b"), ("V", "??=", "a")], " b"),
        ([("V", "??=", "a"), ("V:append", "=", "b")], "ab"),
        ([("V:append", "=", "b"), ("V", "??=", "a")], "ab"),
        ([("V:append", "=", "b"), ("V", "?=", "a")], "ab"),
        ([("V:append", "=", "b"), ("V", "=", "a")], "ab"),
        ([("V:append", "+=", "x"), ("V", "=", "a")], "a x"),
        ([("V:append", "=", "2"), ("V:append", "=", "3"), ("V", "=", "1")], "123"),
        ([("V:prepend", "=", "2"), ("V:prepend", "=", "3"), ("V", "=", "1")], "321"),
        ([("W", "=", "1"), ("V", ":=", "${W}${U}"), ("W", "=", "2")], "1${U}"),
        ([("V", "=", "a"), ("V:append", "=", "+"), ("V", ":=", "${V} x")], "a+ x+"),
        ([("W", "=", "1"), ("V:append", ":=", "${W}"), ("W", "=", "2")], "1"),
        ([("V", "=", "a b c"), ("V:remove", "=", "b")], "a  c"),
        ([("V", "=", "a b c"), ("V:remove", "=", "b c")], "a  "),
        ([("V", "=", "abc"), ("V:remove", "=", "b")], "abc"),
        ([("V", "=", "a\tb\n c"), ("V:remove", "=", "x")], "a\tb\n c"),
        ([("V", "=", "${W}/x y"), ("W", "=", "z"), ("V:remove", "=", "${W}/x")], " y"),
        ([("V", "=", "a"), ("V:remove", "=", "b"), ("V:append", "=", " b")], "a "),
        ([("V", "=", "a"), ("W", "=", "${V} ${V}"), ("V:remove", "=", "a")], ""),
        ([("OVERRIDES", "=", "o"), ("V", "=", "a"), ("V:append:o", "=", "b"), ("V:append:p", "=", "c")], "ab"),
        ([("OVERRIDES", "=", "o:p"), ("V", "=", "a"), ("V:append:o:p", "=", "b")], "ab"),
        ([("OVERRIDES", "=", "o"), ("V", "=", "a"), ("V:append:o:p", "=", "b")], "a"),
        ([("OVERRIDES", "=", "o"), ("V", "=", "a"), ("V:o:append", "=", "b")], "b"),
        ([("OVERRIDES", "=", "o"), ("V:append", "=", "b"), ("V:o", "=", "a")], "ab"),
        ([("V:append:FOO", "=", "b"), ("V", "=", "a")], "a"),
    ],
)
def test_value(statements: list[tuple[str, Operator, str]], value: str) -> None:
    assert store(*statements).getVar("V") == value


def test_what_references_a_variable_sees_it_after_removal() -> None:
    d = store(("V", "=", "a b"), ("W", "=", "${V}-${V}"), ("V:remove", "=", "a"))
    assert d.getVar("W") == " b- b"


def test_no_active_append_makes_no_value() -> None:
    assert store(("V:append:o", "=", "x")).getVar("V") is None


def test_an_unexpanded_read_has_all_but_removes() -> None:
    d = store(("V", "=", "${W} b"), ("V:append", "=", " c"), ("V:remove", "=", "b"))
    assert d.getVar("V", False) == "${W} b c"
    assert d.getVar("V", False, parsing=True) == "${W} b"


def test_flags_have_their_own_values_and_weak_defaults() -> None:
    d = store(
        ("V[f]", "??=", "weak"), ("V[g]", "??=", "weak"), ("V[f]", "+=", "b"), ("V[h]", "?=", "x"), ("V[h]", "?=", "y")
    )
    assert d.getVarFlags("V") == {"f": " b", "g": "weak", "h": "x"}
    assert d.getVarFlag("V", "g", noweakdefault=True) is None


def test_immediate_expansion_of_a_flag() -> None:
    d = store(("W", "=", "1"), ("V[f]", ":=", "${W}"), ("W", "=", "2"))
    assert d.getVarFlag("V", "f") == "1"


def test_export() -> None:
    d = DataStore()
    assign(d, "V", None, "=", "x", HERE, export=True)
    set_export(d, "W", HERE)
    assert d.getVarFlag("V", "export") == 1
    assert d.getVarFlag("W", "export") == 1
    assert d.getVar("V") == "x"
    assert d.getVar("W") is None
    assert d.exported_names() == ["V", "W"]


def test_unset() -> None:
    d = store(("V", "=", "a"), ("V[f]", "=", "x"), ("V[f]", "??=", "y"), ("V[g]", "=", "z"))
    unset(d, "V", "f", HERE)
    assert d.getVarFlags("V") == {"g": "z"}
    unset(d, "V", None, HERE)
    unset(d, "UNKNOWN", None, HERE)
    assert d.getVar("V") is None
    assert d.getVarFlags("V") is None
    assert "V" not in list(d.keys())


def test_the_place_of_the_value_in_force() -> None:
    d = DataStore()
    d.setVar("OVERRIDES", "o")
    assign(d, "V", None, "=", "a", Location("a.conf", 1))
    assign(d, "V:o", None, "=", "b", Location("a.conf", 2))
    assert d.origin("V") == Location("a.conf", 2)
    d.setVar("OVERRIDES", "")
    assert d.origin("V") == Location("a.conf", 1)
