"""Dependencies of values, and base hashes (§16, §17)."""

import re

import pytest

from hadronbake.datastore import references
from hadronbake.datastore.errors import ParseError
from hadronbake.datastore.references import register_source
from hadronbake.datastore.signatures import basehash, generate_dependencies, runtime_names, value_dependencies
from hadronbake.datastore.store import DataStore


@pytest.fixture
def d(monkeypatch: pytest.MonkeyPatch) -> DataStore:
    from types import SimpleNamespace

    from hadronbake.datastore.context import python_context

    def contains(name: str, words: str, yes: str, no: str, d: DataStore) -> str:
        return yes if set(words.split()) <= set((d.getVar(name) or "").split()) else no

    monkeypatch.setitem(python_context, "bb", SimpleNamespace(utils=SimpleNamespace(contains=contains)))
    return DataStore()


def shell(d: DataStore, name: str, body: str, **flags: str) -> None:
    d.setVar(name, body, parsing=True)
    d.setVarFlags(name, {"func": "1", **flags})


def python(d: DataStore, name: str, body: str, **flags: str) -> None:
    shell(d, name, body, python="1", **flags)


def names(d: DataStore, name: str, ignored: set[str] | None = None) -> set[str]:
    return set(value_dependencies(d, name, ignored).names)


def test_a_value(d: DataStore) -> None:
    d.setVar("V", "${A} ${U} ${@d.getVar('B')}")
    d.setVar("V:append", " ${C}")
    found = value_dependencies(d, "V")
    assert found.text == "${A} ${U} ${@d.getVar('B')} ${C}"
    assert found.names == {"A", "B", "C", "U"}


def test_a_shell_function(d: DataStore) -> None:
    shell(d, "helper", "x")
    shell(d, "do_x", "helper ${A}\nunknown\n", prefuncs="p q", postfuncs="r", exports="s")
    d.setVar("E", "e")
    d.setVarFlag("E", "export", "1")
    assert names(d, "do_x") == {"helper", "A", "E", "p", "q", "r", "s"}
    assert value_dependencies(d, "do_x").text == "helper ${A}\nunknown\n"


def test_a_python_function(d: DataStore) -> None:
    python(d, "f", "def f(d):\n    return d.getVar('B')\n")
    python(d, "do_x", "    f(d)\n    d.getVar('A')\n    d.getVarFlag('A', 'g')\n")
    assert names(d, "do_x") == {"f", "A", "A[g]"}
    assert names(d, "f") == {"B"}


def test_a_syntax_error_has_its_place(d: DataStore) -> None:
    python(d, "do_x", "    a = 1\n    b = (\n", filename="x.bb", lineno="10")
    with pytest.raises(ParseError, match=re.escape("ParseError at x.bb:12: Python syntax error in do_x")):
        names(d, "do_x")
    python(d, "f", "def f(d):\n    b = (\n", filename="x.bb", lineno="20")
    with pytest.raises(ParseError, match=r"at x\.bb:21: "):
        names(d, "f")


def test_flags_that_steer(d: DataStore) -> None:
    d.setVar("V", "${A} ${B}")
    d.setVarFlags("V", {"vardeps": "${@'C'} D", "vardepsexclude": "B D"})
    assert names(d, "V") == {"A", "C"}
    assert value_dependencies(d, "V").unhashed >= {"B", "D"}
    d.setVarFlag("V", "vardepvalue", "x${A}")
    d.setVar("A", "a")
    assert value_dependencies(d, "V").text == "xa"
    assert names(d, "V") == {"C"}
    d.setVarFlag("V", "vardepvalueexclude", "|a|")
    assert value_dependencies(d, "V").text == "x"


def test_ignored_names(d: DataStore) -> None:
    d.setVar("V", "${A} ${B}")
    assert names(d, "V", {"A"}) == {"B"}
    d.setVar("BB_BASEHASH_IGNORE_VARS", "B")
    assert names(d, "V") == {"A"}


def test_all_flags_count_if_a_list_of_exceptions_is_given(d: DataStore) -> None:
    d.setVar("V", "x")
    d.setVarFlags("V", {"f": "${A}", "g": "y", "doc": "text"})
    assert names(d, "V") == set()
    d.setVar("BB_SIGNATURE_EXCLUDE_FLAGS", "doc g")
    assert names(d, "V") == {"V[f]"}
    assert value_dependencies(d, "V[f]").text == "${A}"
    assert names(d, "V[f]") == {"A"}


def test_only_the_answer_counts(d: DataStore) -> None:
    d.setVar("V", "${@bb.utils.contains('W', 'a b', '1', '', d)}${@bb.utils.contains('W', 'a', '1', '', d)}")
    d.setVar("W", "a c")
    found = value_dependencies(d, "V")
    assert found.text is not None
    assert found.text.endswith(")}\nW{a} = Set\nW{a b} = Unset")
    assert found.names == set()
    assert found.unhashed == {"W"}
    d.setVarFlag("V", "vardepsexclude", "W")
    assert value_dependencies(d, "V").text == d.getVar("V", False)


def test_a_remove_that_works_counts(d: DataStore) -> None:
    d.setVar("V", "a b")
    d.setVar("V:remove", "${X}")
    d.setVar("X", "c")
    assert value_dependencies(d, "V").text == "a b"
    assert names(d, "V") == set()
    d.setVar("X", "a")
    assert value_dependencies(d, "V").text == "a b\n_remove of ${X}"
    assert names(d, "V") == {"X"}


def test_forced_values_while_shell_is_read(d: DataStore) -> None:
    d.setVar("TOOL", "helper")
    shell(d, "helper", "x")
    shell(d, "do_x", "${TOOL}\n")
    assert names(d, "do_x") == {"TOOL", "helper"}
    d.setVar("BB_HASH_CODEPARSER_VALS", "TOOL=other")
    assert names(d, "do_x") == {"TOOL"}


def test_library_functions(d: DataStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "_functions", {})
    register_source("hb.example", lambda: (["def run(d):\n    return d.getVar('A') + d.getVar('B')\n"], "digest"))
    python(d, "do_x", "    hb.example.run(d)\n    hb.other.run(d)\n")
    assert names(d, "do_x") == {"hb.example.run"}
    found = value_dependencies(d, "hb.example.run")
    assert (found.text, found.names) == ("digest", {"A", "B"})
    d.setVarFlag("hb.example.run", "vardepsexclude", "B")
    assert names(d, "hb.example.run") == {"A"}
    assert runtime_names(d, "do_x") == ("A", "B", "hb.example.run")


def test_what_a_python_task_reads_when_it_runs(d: DataStore) -> None:
    python(d, "f", "def f(d):\n    return d.getVar('B') + bb.utils.contains('C', 'x', '1', '', d)\n")
    python(d, "do_x", "    f(d)\n    d.getVar('A')\n", vardepvalue="1", vardeps="V")
    d.setVar("A", "${NESTED}")
    d.setVar("BB_BASEHASH_IGNORE_VARS", "B")
    assert names(d, "do_x") == {"V"}
    assert runtime_names(d, "do_x") == ("A", "B", "C", "V", "f")


def test_hashes(d: DataStore) -> None:
    shell(d, "do_x", "${COMMAND}\n")
    d.setVar("COMMAND", "${A}; foo; bar")
    d.setVar("A", "a")
    d.setVar("UNRELATED", "x")

    def now() -> str:
        found, texts = generate_dependencies(d, ["do_x"])
        return basehash("do_x", found, texts)

    first = now()
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert now() == first
    d.setVar("UNRELATED", "y")
    assert now() == first
    d.setVar("A", "b")
    assert now() != first
    d.setVar("A", "a")
    assert now() == first
    d.setVar("COMMAND:remove", "${NOT}")
    d.setVar("NOT", "z")
    assert now() == first
    d.setVar("NOT", "bar")
    assert now() != first


def test_direct_dependencies_of_all_that_is_reached(d: DataStore) -> None:
    shell(d, "do_x", "${A} ${B}\n")
    d.setVar("A", "${C}")
    d.setVar("B", "b")
    d.setVar("C", "c")
    found, texts = generate_dependencies(d, ["do_x"])
    assert found == {"do_x": ("A", "B"), "A": ("C",), "B": (), "C": ()}
    assert texts == {"do_x": "${A} ${B}\n", "A": "${C}", "B": "b", "C": "c"}


def test_pieces_of_a_hash_cannot_run_together() -> None:
    one = basehash("t", {"t": ("A", "B"), "A": (), "B": ()}, {"t": "", "A": "x", "B": "B"})
    other = basehash("t", {"t": ("A", "B"), "A": (), "B": ()}, {"t": "", "A": "xB", "B": ""})
    nothing = basehash("t", {"t": ("A",), "A": ()}, {"t": "", "A": None})
    empty = basehash("t", {"t": ("A",), "A": ()}, {"t": "", "A": ""})
    assert len({one, other, nothing, empty}) == 4


def test_dependencies_that_go_round(d: DataStore) -> None:
    shell(d, "do_x", "helper\n")
    shell(d, "helper", "do_x\n")
    found, texts = generate_dependencies(d, ["do_x"])
    assert found == {"do_x": ("helper",), "helper": ("do_x",)}
    assert basehash("do_x", found, texts) != basehash("helper", found, texts)
