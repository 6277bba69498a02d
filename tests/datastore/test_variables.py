"""Flags, removing, renaming, Python-side setting, copies, key expansion (§6, §7, §8 at its end)."""

import logging
import pickle

import pytest

from hadronbake.datastore.keys import expand_keys
from hadronbake.datastore.store import DataStore


def store(overrides: str = "", **values: str) -> DataStore:
    d = DataStore()
    d.setVar("OVERRIDES", overrides)
    for name, value in values.items():
        d.setVar(name, value, parsing=True)
    return d


def test_flags_by_their_stored_names() -> None:
    d = store(V="x", **{"V:append:o": "y"})
    d.setVarFlag("V", "_defaultval", "w")
    d.setVarFlag("V", "f", "1")
    d.setVarFlag("V", "_defaultval_flag_f", "2")
    assert d.getVarFlags("V") == {"f": "1"}
    assert d.getVarFlags("V", internalflags=True) == {
        "_content": "x",
        "_defaultval": "w",
        ":append": [["y", "o"]],
        "f": "1",
        "_defaultval_flag_f": "2",
    }
    assert d.getVarFlag("V", "_content") == "x"
    assert d.getVarFlag("V", "_defaultval") == "w"
    assert d.getVarFlag("V", ":append", False) == [["y", "o"]]


def test_flags_do_not_follow_overrides() -> None:
    d = store("o", V="x", **{"V:o": "y"})
    d.setVarFlag("V:o", "f", "1")
    assert d.getVarFlag("V", "f") is None


def test_expansion_of_flags() -> None:
    d = store(W="w")
    d.setVarFlags("V", {"f": "${W}", "g": "${W}", "n": [1]})
    assert d.getVarFlag("V", "f") == "w"
    assert d.getVarFlag("V", "f", False) == "${W}"
    assert d.getVarFlags("V", expand=["f"]) == {"f": "w", "g": "${W}", "n": [1]}
    assert d.getVarFlags("W") is None
    assert d.getVarFlags("UNKNOWN") is None
    d.setVar("W", "2")
    assert d.getVarFlag("V", "f") == "2"


def test_adding_to_flags() -> None:
    d = store()
    d.appendVarFlag("V", "f", "b")
    d.appendVarFlag("V", "f", "c")
    d.prependVarFlag("V", "f", "a")
    assert d.getVarFlag("V", "f") == "abc"


def test_deleting_all_flags_keeps_the_value() -> None:
    d = store(V="x", **{"V:append": "y"})
    d.setVarFlag("V", "f", "1")
    d.delVarFlags("V")
    assert d.getVarFlags("V", internalflags=True) == {"_content": "x"}


def test_a_value_that_is_no_text_is_given_back_as_it_is() -> None:
    d = store()
    d.setVar("N", 5)
    words = ["a"]
    d.setVar("L", words)
    assert d.getVar("N") == 5
    d.getVar("L").append("b")
    d.getVar("L", False).append("b")
    assert d.getVar("L") == ["a"]


def test_setting_from_python_makes_the_variable_read_so() -> None:
    d = store("o", V="a", **{"V:append": "b", "V:prepend": "c", "V:remove": "x", "V:o": "d", "V:p": "e"})
    d.setVar("V", "x")
    assert d.getVar("V") == "x"
    assert d.getVar("V:o") is None
    assert d.getVar("V:p") == "e"
    d.setVar("OVERRIDES", "p")
    assert d.getVar("V") == "x"
    d.setVar("V:p", "again")
    assert d.getVar("V") == "again"


def test_setting_in_a_file_keeps_what_is_pending() -> None:
    d = store("o", V="a", **{"V:append": "b", "V:o": "d"})
    d.setVar("V", "x", parsing=True)
    assert d.getVar("V") == "db"


def test_operations_from_python() -> None:
    d = store(V="b")
    d.appendVar("V", "c")
    d.prependVar("V", "a")
    d.setVar("V:append", "d")
    d.setVar("V:remove", "x")
    assert d.getVar("V") == "abcd"
    assert d.getVar("V", False, parsing=True) == "b"


def test_deleting_disconnects_variants() -> None:
    d = store("o", V="a", **{"V:o": "b"})
    d.delVar("V")
    assert d.getVar("V") is None
    assert d.getVar("V:o") == "b"
    d.setVar("V:o", "c", parsing=True)
    assert d.getVar("V") == "c"
    d.delVar("V:o")
    assert d.getVar("V") is None


def test_renaming_moves_operations_and_variants_but_no_flags() -> None:
    d = store("o", A="a", B="b", **{"A:append": "+", "B:append": "-", "A:p": "p"})
    d.setVarFlag("A", "f", "1")
    d.renameVar("A", "B")
    assert d.getVar("B") == "a-+"
    assert d.getVar("A") is None
    assert d.getVarFlags("B") is None
    assert d.getVarFlags("A") is None
    d.setVar("OVERRIDES", "p")
    assert d.getVar("B") == "p-+"


def test_renaming_a_variable_of_variants_alone() -> None:
    d = store("o", **{"V:a-b:o": "x"})
    d.renameVar("V:a-b", "V:c-d")
    assert d.getVar("V:c-d") == "x"
    assert d.getVar("V:a-b") is None


def test_renaming_into_a_variant_connects_it() -> None:
    d = store("pn-x", V="v", **{"V:${O}": "w"})
    d.renameVar("V:${O}", "V:pn-x")
    assert d.getVar("V") == "w"


@pytest.mark.parametrize("change_copy", [True, False])
def test_a_copy_is_independent(change_copy: bool) -> None:
    d = store("o", V="a", W="w", **{"V:o": "b", "X:o": "x", "Y": "y", "Y:append": "+"})
    d.setVarFlag("V", "f", "1")
    before = {name: d.getVar(name) for name in d}
    copy = d.createCopy()
    changed, other = (copy, d) if change_copy else (d, copy)
    changed.delVar("V:o")
    changed.renameVar("X", "Z")
    changed.setVarFlag("V", "f", "2")
    changed.setVar("V:p", "new")
    changed.appendVar("Y", "+")
    changed.setVar("W", "changed")
    changed.setVar("OVERRIDES", "q")
    assert {name: other.getVar(name) for name in other} == before
    assert other.getVarFlag("V", "f") == "1"
    assert changed.getVar("V") == "a"
    assert changed.getVar("Y") == "y++"


def test_mapping() -> None:
    d = store(V="${W}")
    d["A"] = "x"
    assert d["V"] == "${W}"
    assert "V" in d
    assert d.get("UNKNOWN") is None
    with pytest.raises(KeyError):
        d["UNKNOWN"]
    del d["A"]
    assert set(d) == {"V", "OVERRIDES"}
    assert len(d) == 2


def test_pickle_and_equality() -> None:
    d = store("o", V="a", **{"V:o": "b", "V:append": "c"})
    d.setVarFlag("V", "f", "1")
    d.enableTracking()
    d.setVar("W", "x")
    again = pickle.loads(pickle.dumps(d))
    assert again == d
    assert again.getVar("V") == "bc"
    assert again.getVarFlag("V", "f") == "1"
    assert again.varhistory.variable("W") == d.varhistory.variable("W")
    again.setVar("W", "y")
    assert again != d


def test_equal_reads_give_the_same_object() -> None:
    d = store(V="${W} x", W="w")
    assert d.getVar("V") is d.getVar("V")
    assert d.getVar("V", False) is d.getVar("V", False)


def test_expand_varref() -> None:
    d = store(DIR="/x", A="${DIR}/a ${B}", B="b")
    d.expandVarref("DIR")
    assert d.getVar("A", False) == "/x/a ${B}"


def test_key_expansion(caplog: pytest.LogCaptureFixture) -> None:
    d = store("pn-x", PN="x", V="v", **{"V:pn-${PN}": "mine", "A_${PN}": "1", "A_x": "2", "B:append:${PN}": "n"})
    d.setVarFlag("C_x", "_defaultval", "weak")
    d.setVar("C_${PN}", "c")
    d.setVar("OVERRIDES", "pn-x:x")
    with caplog.at_level(logging.WARNING, "BitBake"):
        expand_keys(d)
    assert d.getVar("V") == "mine"
    assert d.getVar("A_x") == "1"
    assert d.getVar("C_x") == "c"
    assert d.getVar("B") == "n"
    assert not [name for name in d if "${" in name]
    assert [r.getMessage() for r in caplog.records] == [
        "Variable key A_${PN} (1) replaces original key A_x (2).",
        "Variable key C_${PN} (c) replaces original key C_x (weak).",
    ]


def test_filters() -> None:
    d = store("o", V="b a", **{"V:o": "d c"})
    d.setVarFilter("V", "prefix(sort(val), 'x')")
    assert d.getVar("V") == "xc xd"
    assert d.getVar("V:o") == "xc xd"
    assert d.getVar("V", False) == "d c"
    d.setVarFilter("V", None)
    assert d.getVar("V") == "d c"
    d.setVarFilter("V", "open(val)")
    with pytest.raises(NameError):
        d.getVar("V")
