"""Expansion, embedded Python, and what is kept of it (§8)."""

from types import SimpleNamespace

import pytest

from hadronbake.datastore.context import exec_definition, python_context, run_body
from hadronbake.datastore.errors import BBHandledException, ExpansionError, SkipRecipe
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import Location


@pytest.fixture
def d() -> DataStore:
    d = DataStore()
    d.setVar("A", "a")
    d.setVar("B", "${A}b")
    return d


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "a"),
        ("x${B}y${A}", "xabya"),
        ("${${N}}", "ab"),
        ("${${@'N'.upper()}}", "B"),
        ("${UNKNOWN} ${A}", "${UNKNOWN} a"),
        ("${A }", "${A }"),
        ("${A%b}", "${A%b}"),
        ("$A ${", "$A ${"),
        ("s:I${:g' ${A}", "s:I${:g' a"),
        ("${@1 + 1}", "2"),
        ("${@{'a': 1, 'b': 2}['${A}']}", "1"),
        ("${@d.getVar('B') + '${A}'}", "aba"),
        ("${@'${UNKNOWN}'}", "${@'${UNKNOWN}'}"),
        ("${@A}", "a"),
        ("${@UNSET or 1}", None),
        ("${@None}", "None"),
        ("${@'$' + '{A}'}", "a"),
        ("${@[d.getVar(x) for x in ['A']][0]}", "a"),
        ("${@(lambda: d.getVar('A'))()}", "a"),
        ("${@len('abc')}", "3"),
        ("${@os.path.basename('/x/y')}", "y"),
        ("${@'a}", "${@'a}"),
        ("${@ '''a\n'''}", "${@ '''a\n'''}"),
    ],
)
def test_expand(d: DataStore, text: str, value: str | None) -> None:
    d.setVar("N", "B")
    d.setVar("len", "shadow")
    if value is None:
        with pytest.raises(ExpansionError):
            d.expand(text)
    else:
        assert d.expand(text) == value


def test_deep_nesting(d: DataStore) -> None:
    d.setVar("x", "x")
    assert d.expand("${" * 150 + "x" + "}" * 150) == "x"


def test_error_names_chain_and_place(d: DataStore) -> None:
    d.setVar("BAR", "${@int('x')}", file="a.bb", line=4)
    d.setVar("FOO", "${BAR}")
    with pytest.raises(ExpansionError) as caught:
        d.getVar("FOO")
    error = caught.value
    assert error.variablename == "BAR"
    assert error.expression == "${@int('x')}"
    assert isinstance(error.exception, ValueError)
    assert error.varlist == ["BAR", "FOO"]
    assert str(error) == (
        "error[HBD001]: cannot expand variable BAR: ValueError: invalid literal for int() with base 10: 'x'\n"
        " --> a.bb:4\n"
        "  = note: the expression was: ${@int('x')}\n"
        "  = note: needed by FOO"
    )


def test_an_unknown_name_has_a_hint(d: DataStore) -> None:
    d.setVar("MACHINE", "m")
    d.setVar("V", "${@MACHIN}")
    with pytest.raises(ExpansionError) as caught:
        d.getVar("V")
    assert caught.value.diagnostics[0].hint == "a variable with a similar name exists: MACHINE"


@pytest.mark.parametrize(
    "values",
    [
        {"V": "${V}"},
        {"V": "${W}", "W": "${X}", "X": "${V}"},
        {"V": "${${@'V'}}"},
        {"V": "${@d.getVar('V')}"},
        {"V": "${@foo = 5}"},
        {"V": "${@1 +}"},
        {"V": "${N}"},
    ],
)
def test_failures(d: DataStore, values: dict[str, str]) -> None:
    d.setVar("N", 5)
    for name, value in values.items():
        d.setVar(name, value)
    for _ in range(2):
        with pytest.raises(ExpansionError):
            d.getVar("V")


def test_text_that_makes_text_without_end(d: DataStore) -> None:
    d.setVar("V", "${@'${' + '@more()}'}")
    python_context["more"] = lambda: "x${" + "@more()}"
    try:
        with pytest.raises(ExpansionError, match="still changes after 2000 passes"):
            d.getVar("V")
    finally:
        del python_context["more"]


def test_a_variable_in_its_own_variant(d: DataStore) -> None:
    d.setVar("OVERRIDES", "o")
    d.setVar("V:o", "${V}")
    with pytest.raises(ExpansionError) as caught:
        d.getVar("V")
    assert "variable V references itself" in str(caught.value)


@pytest.mark.parametrize("error", [SkipRecipe, BBHandledException])
def test_these_pass_through(d: DataStore, error: type[Exception]) -> None:
    def stop() -> None:
        raise error("why")

    python_context["stop"] = stop
    d.setVar("V", "${@stop()}")
    d.setVar("W", "${V}")
    try:
        with pytest.raises(error, match="why"):
            d.getVar("W")
    finally:
        del python_context["stop"]


def test_definitions_are_seen_by_all_stores_and_have_their_place() -> None:
    exec_definition("def twice_of(d):\n    return d.getVar('A') * 2\n", "twice_of", "a.bbclass", 10)
    exec_definition("def fails_here(d):\n\n    return 1 / 0\n", "fails_here", "a.bbclass", 20)
    d = DataStore()
    d.setVar("A", "a")
    assert d.expand("${@twice_of(d)}") == "aa"
    with pytest.raises(ExpansionError) as caught:
        d.expand("${@fails_here(d)}")
    tb = caught.value.exception.__traceback__
    assert tb is not None
    while tb.tb_next is not None:
        tb = tb.tb_next
    assert (tb.tb_frame.f_code.co_filename, tb.tb_lineno) == ("a.bbclass", 22)


def test_a_changed_definition_is_used() -> None:
    d = DataStore()
    d.setVar("V", "${@redefined()}")
    exec_definition("def redefined():\n    return 1\n", "redefined", "a.bb", 1)
    assert d.getVar("V") == "1"
    exec_definition("def redefined():\n    return 2\n", "redefined", "b.bb", 1)
    d.setVar("OTHER", "x")
    assert d.getVar("V") == "2"


def test_a_syntax_error_in_a_definition_has_its_line() -> None:
    with pytest.raises(SyntaxError) as caught:
        exec_definition("def broken(d):\n    return (\n", "broken", "a.bbclass", 10)
    assert caught.value.filename == "a.bbclass"
    assert caught.value.lineno == 11


@pytest.mark.parametrize("body", ["    # nothing\n", "", "\n"])
def test_a_body_of_comments(body: str) -> None:
    assert run_body("do_x", body, "a.bb", 2, None) is None


def test_a_body_has_its_place() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run_body("do_x", "    a = 1\n    b = a / 0\n", "a.bb", 6, None)
    tb = caught.value.__traceback__
    assert tb is not None
    while tb.tb_next is not None:
        tb = tb.tb_next
    assert (tb.tb_frame.f_code.co_filename, tb.tb_lineno, tb.tb_frame.f_code.co_name) == ("a.bb", 7, "_body")


def test_references(d: DataStore, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "${B} ${U} ${@d.getVar('X') or str.lower('${A}')} ${@bb.utils.contains('L', 'a b', '1', '0', d)}"
    utils = SimpleNamespace(contains=lambda *args: args[3])
    monkeypatch.setitem(python_context, "bb", SimpleNamespace(utils=utils))
    found = d.expandWithRefs(text, None)
    assert found.references == {"A", "B", "U", "X"}
    assert found.execs == {"str.lower"}
    assert found.contains == {"L": {"a b"}}
    assert found.value == "ab ${U} a 0"


# What is kept of earlier expansions must never be wrong.


def test_a_change_far_away_is_seen(d: DataStore) -> None:
    d.setVar("C", "${@d.getVar('B')}")
    d.setVar("D", "${C}!")
    assert d.getVar("D") == "ab!"
    d.setVar("UNRELATED", "x")
    assert d.getVar("D") == "ab!"
    d.setVar("A", "z")
    assert d.getVar("D") == "zb!"
    d.appendVar("A", "+")
    assert d.getVar("D") == "z+b!"


def test_a_variable_that_comes_into_being_is_seen(d: DataStore) -> None:
    d.setVar("V", "${NEW} ${@d.getVar('NEW2')} ${@d.getVarFlag('NEW3', 'f')} ${@'NEW4' in d}")
    assert d.getVar("V") == "${NEW} None None False"
    d.setVar("NEW", "1")
    d.setVar("NEW2", "2")
    d.setVarFlag("NEW3", "f", "3")
    d.setVar("NEW4", "4")
    assert d.getVar("V") == "1 2 3 True"


def test_only_what_depends_on_a_change_is_expanded_again(d: DataStore) -> None:
    runs: list[str] = []
    python_context["run"] = lambda name: runs.append(name) or name
    try:
        d.setVar("V", "${@run('V')} ${A}")
        d.setVar("W", "${@run('W')} ${X}")
        d.getVar("V")
        d.getVar("W")
        d.setVar("X", "1")
        copy = d.createCopy()
        assert copy.getVar("V") == d.getVar("V") == "V a"
        assert copy.getVar("W") == d.getVar("W") == "W 1"
    finally:
        del python_context["run"]
    assert runs == ["V", "W", "W", "W"]


def test_python_that_reads_a_changed_copy(d: DataStore) -> None:
    body = "def of_copy(d):\n    e = d.createCopy()\n    e.setVar('A', '2')\n    return e.getVar('B') + e.getVar('C')\n"
    exec_definition(body, "of_copy", "a.bb", 1)
    d.setVar("C", "c")
    d.setVar("V", "${@of_copy(d)}")
    assert d.getVar("V") == "2bc"
    d.setVar("C", "d")
    assert d.getVar("V") == "2bd"
    d.setVar("B", "${A}x")
    assert d.getVar("V") == "2xd"


def test_python_that_looks_at_all_names(d: DataStore) -> None:
    d.setVar("V", "${@' '.join(sorted(k for k in d.keys() if k.startswith('K')))}")
    assert d.getVar("V") == ""
    d.setVar("K1", "")
    assert d.getVar("V") == "K1"
    d.delVar("K1")
    assert d.getVar("V") == ""


def test_python_that_changes_the_store(d: DataStore) -> None:
    d.setVar("W", "${@str(d.setVar('SEEN', '1')) + d.getVar('SEEN')}")
    assert d.getVar("W") == "None1"
    d.setVar("SEEN", "2")
    assert d.getVar("W") == "None1"


def test_a_failure_that_python_catches(d: DataStore) -> None:
    body = "def guarded(d):\n    try:\n        return d.getVar('BAD')\n    except Exception:\n        return 'failed'\n"
    exec_definition(body, "guarded", "a.bb", 1)
    d.setVar("BAD", "${@int('${A}')}")
    d.setVar("V", "${@guarded(d)}")
    assert d.getVar("V") == "failed"
    d.setVar("A", "5")
    assert d.getVar("V") == "5"


def test_python_that_reads_an_object_with_a_state(d: DataStore) -> None:
    class Counter:
        count = 0

        def next(self) -> int:
            self.count += 1
            return self.count

    d.setVar("COUNTER", Counter())
    d.setVar("V", "${@d.getVar('COUNTER').next()}")
    assert d.getVar("V") == "1"
    d.setVar("UNRELATED", "x")
    assert d.getVar("V") == "2"


def test_overrides_that_change(d: DataStore) -> None:
    d.setVar("V", "v")
    d.setVar("V:o", "o")
    d.setVar("W", "${V}")
    assert d.getVar("W") == "v"
    d.setVar("OVERRIDES", "o")
    assert d.getVar("W") == "o"
    copy = d.createCopy()
    copy.setVar("OVERRIDES", "p")
    assert copy.getVar("W") == "v"
    assert d.getVar("W") == "o"
    d.setVar("V:append:p", "+")
    assert d.getVar("W") == "o"
    d.setVar("OVERRIDES", "p")
    assert d.getVar("W") == "v+"


def test_a_location_is_optional() -> None:
    error = ExpansionError(None, "${@x}", ValueError("v"))
    assert str(error) == "error[HBD001]: cannot expand an expression: ValueError: v"
    assert ExpansionError("V", None, ValueError("v"), Location("a", 1)).location == Location("a", 1)
