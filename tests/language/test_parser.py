"""What the statements of well-formed files are, and that no text makes the parser fail or slow."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadronbake.diagnostics import Severity
from hadronbake.language.parser import parse_bytes, parse_file, parse_text
from hadronbake.language.statements import (
    AddFragments,
    AddPylib,
    AddTask,
    Assignment,
    DelTask,
    Export,
    ExportFunctions,
    Function,
    Include,
    Inherit,
    PythonDefinition,
    Statement,
    Unset,
)


def statements(text: str, kind: str = "recipe") -> tuple[Statement, ...]:
    parsed = parse_text(text, "x", kind)  # type: ignore[arg-type]
    assert [item for item in parsed.diagnostics if item.severity is Severity.ERROR] == []
    return parsed.statements


def one(text: str, kind: str = "recipe") -> Any:
    (statement,) = statements(text, kind)
    return statement


def codes(text: str, kind: str = "recipe") -> list[str]:
    return [item.code for item in parse_text(text, "x", kind).diagnostics]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "name", "flag", "operator", "value", "export"),
    [
        ('A = "1"', "A", None, "=", "1", False),
        ("A = '1'", "A", None, "=", "1", False),
        ('A = ""', "A", None, "=", "", False),
        ('A+="x"', "A", None, "+=", "x", False),
        ('A+ = "x"', "A+", None, "=", "x", False),
        ('+ = "x"', "+", None, "=", "x", False),
        ('A.b.="x"', "A.b", None, ".=", "x", False),
        ('A=+"x"', "A", None, "=+", "x", False),
        ('A??="x"', "A", None, "??=", "x", False),
        ('A:b:append := "x"', "A:b:append", None, ":=", "x", False),
        ('A:="x"', "A", None, ":=", "x", False),
        ('A: = "x"', "A:", None, "=", "x", False),
        ('RDEPENDS:${PN}-dev += "x"', "RDEPENDS:${PN}-dev", None, "+=", "x", False),
        ('A[b@/c] ?= "x"', "A", "b@/c", "?=", "x", False),
        ('export A = "x"', "A", None, "=", "x", True),
        ('exportA = "x"', "exportA", None, "=", "x", False),
        ('export[a] = "x"', "export", "a", "=", "x", False),
        ('include = "x"', "include", None, "=", "x", False),
        ('python = "x"', "python", None, "=", "x", False),
        ('A = "a "b" c"', "A", None, "=", 'a "b" c', False),
        ('A = "it\'s"', "A", None, "=", "it's", False),
        ('A = "x # y"', "A", None, "=", "x # y", False),
        ("A = 'a = \"b\"'", "A", None, "=", 'a = "b"', False),
    ],
)
def test_assignment(line: str, name: str, flag: str | None, operator: str, value: str, export: bool) -> None:
    found = one(line)
    assert isinstance(found, Assignment)
    assert (found.name, found.flag, found.operator, found.value, found.export) == (name, flag, operator, value, export)


@pytest.mark.parametrize(
    "line", ['A[@b] = "x"', 'A = "a"b"', "A = x", '+= "x"', 'export = "x"', ' A = "x"', "A = \"x'"]
)
def test_no_assignment(line: str) -> None:
    assert len(codes(line)) == 1


def test_continuation_keeps_leading_blanks_and_place() -> None:
    found = one('\nA = "a \\\n   b \\\n\tc"\n')
    assert found.value == "a    b \tc"
    assert (found.location.line, found.location.column, found.lines) == (2, 1, 3)


def test_continuation_of_any_statement() -> None:
    assert one("inherit a \\\n  b").classes == "a   b"
    function = one("do_x() \\\n{\n  y\n}\n")
    assert (function.name, function.body, function.lines, function.location.line) == ("do_x", "  y\n", 4, 1)


def test_comments() -> None:
    assert statements("# a\n# b \\\n# c\n\n") == ()
    assert codes("# b \\\nA = '1'") == ["HBL121"]
    assert codes("A = 'x \\\n# b \\\n y'") == ["HBL122"]
    assert one("A = 'x \\\n  # b \\\n y'").value == "x   # b  y"
    assert one("A = 'x \\\n# b \\\n y'", "conf").value == "x # b  y"


def test_functions() -> None:
    text = "do_a() {\n  x\n\n }\n# c \\\n}\npython fakeroot do_b:append () {\n}\npython () {\n    pass\n}\n() {\n}\n"
    a, b, c, d = statements(text)
    assert isinstance(a, Function)
    assert isinstance(b, Function)
    assert isinstance(c, Function)
    assert isinstance(d, Function)
    assert (a.name, a.body, a.python, a.fakeroot, a.lines) == ("do_a", "  x\n\n }\n# c \\\n", False, False, 6)
    assert (b.name, b.body, b.python, b.fakeroot) == ("do_b:append", "", True, True)
    assert (c.name, c.body, c.python) == (None, "    pass\n", True)
    assert d.name is None


def test_definition_goes_on_over_blank_and_comment_lines() -> None:
    first, second = statements('def f(d, x={}):\n    if d:\n\n# c\n        return 1\n\nA = "1"\n')
    assert isinstance(first, PythonDefinition)
    assert first.name == "f"
    assert first.text == "def f(d, x={}):\n    if d:\n\n# c\n        return 1\n"
    assert second.location.line == 7


def test_addtask_relations_in_any_order() -> None:
    found = one("addtask do_a b before c d after e before f # why")
    assert isinstance(found, AddTask)
    assert (found.tasks, found.before, found.after) == (("do_a", "do_b"), ("do_c", "do_d", "do_f"), ("do_e",))


def test_directives() -> None:
    text = "deltask a ${@'b'} # c\nEXPORT_FUNCTIONS do_a do_b\ninherit_defer ${X}\ninclude_all a.inc\nexport A\nunset A\nunset A[bc]\n"
    a, b, c, d, e, f, g = statements(text)
    assert isinstance(a, DelTask) and a.tasks == "a ${@'b'}"
    assert isinstance(b, ExportFunctions) and b.names == ("do_a", "do_b")
    assert isinstance(c, Inherit) and (c.classes, c.deferred) == ("${X}", True)
    assert isinstance(d, Include) and (d.keyword, d.paths) == ("include_all", "a.inc")
    assert isinstance(e, Export) and e.name == "A"
    assert isinstance(f, Unset) and (f.name, f.flag) == ("A", None)
    assert isinstance(g, Unset) and (g.name, g.flag) == ("A", "bc")


def test_configuration_only() -> None:
    assert one("addpylib ${LAYERDIR}/lib oe", "conf") == AddPylib(
        one("addpylib ${LAYERDIR}/lib oe", "conf").location, 1, "${LAYERDIR}/lib", "oe"
    )
    found = one("addfragments a B C D", "conf")
    assert isinstance(found, AddFragments) and found.builtin == "D"
    assert one('inherit = "x"', "conf").name == "inherit"
    assert codes("inherit x", "conf") == ["HBL114"]
    assert codes('inherit = "x"') == []


def test_end_in_continuation_is_an_error_in_recipes_only() -> None:
    assert codes("A = 'x' \\") == ["HBL120"]
    assert codes("# x \\") == ["HBL120"]
    assert one("A = 'x'\\", "conf").value == "x"


def test_line_ends() -> None:
    assert [s.name for s in statements("A = '1'\r\nB = '2'\rC = '3'  \t\n") if isinstance(s, Assignment)] == [
        "A",
        "B",
        "C",
    ]
    assert one("A = 'a\x0cb\x1cc\u2028d'").value == "a\x0cb\x1cc\u2028d"


def test_unreadable_files(tmp_path: Path) -> None:
    loop = tmp_path / "a.bb"
    loop.symlink_to(loop)
    (tmp_path / "d.conf").mkdir()
    for name in ("a.bb", "d.conf", "missing.inc"):
        assert [item.code for item in parse_file(tmp_path / name).diagnostics] == ["HBL004"]


def test_too_many_errors_end_the_reading() -> None:
    found = codes("x\n" * 100_000)
    assert len(found) < 1000
    assert found[-1] == "HBL006"


PIECES = st.sampled_from(
    [
        *"\"'\\\n =+.:?#[](){}$@~/\t\0",
        *(
            'A = "x"\n',
            "do_x() {\n",
            "}\n",
            "python ",
            "export ",
            "addtask ",
            "before ",
            "inherit ",
            "def f(d):\n",
            "    x\n",
            " \\\n",
            "unset ",
            "# ",
            "é",
            "\u2028",
        ),
    ]
)


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=60).map("".join), st.sampled_from(["recipe", "conf"]))
def test_any_text_is_read(text: str, kind: str) -> None:
    parsed = parse_text(text, "x", kind)  # type: ignore[arg-type]
    total = text.count("\n") + text.count("\r") + 1
    for item in parsed.diagnostics:
        assert item.location is not None
        assert 1 <= item.location.line <= total
        assert str(item)
    for statement in parsed.statements:
        assert 1 <= statement.location.line <= statement.location.line + statement.lines - 1 <= total


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_read(data: bytes) -> None:
    parse_bytes(data, "x", "recipe")


@pytest.mark.parametrize(
    "text",
    [
        "A" * 300_000,
        'A = "' + "x" * 300_000,
        'A = "' + '" ' * 150_000 + '"',
        'A = "' + '"x' * 150_000,
        "export" + " " * 300_000 + "x y",
        "A" + " " * 300_000 + "b",
        " " * 300_000 + "b",
        "A b" + " = " * 100_000,
        "python " * 50_000 + "x() {",
        "x(" * 100_000,
        "A[b]" * 100_000,
        "A[" * 100_000,
        "addtask " + "before " * 50_000,
        "a " * 150_000 + "() {",
        "=" * 200_000,
        "A = 'x \\\n" + "y \\\n" * 60_000 + "'",
        "A = x \\\n" + "y \\\n" * 60_000 + "'",
        "#x \\\n" * 60_000,
        "do_x() {\n" * 60_000,
        'A = "\n   x' * 60_000,
    ],
    ids=range(20),
)
def test_time_is_linear(text: str) -> None:
    start = time.process_time()
    for kind in ("recipe", "conf"):
        parse_text(text, "x", kind)
    assert time.process_time() - start < 5
