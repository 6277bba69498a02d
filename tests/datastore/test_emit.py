"""Shell text of variables, and task scripts (§15)."""

import io
import subprocess

import pytest

from hadronbake.datastore.context import python_context
from hadronbake.datastore.emit import (
    emit_environment_to,
    emit_function_to,
    emit_variable,
    python_script,
    shell_script,
    shell_value,
)
from hadronbake.datastore.errors import ExpansionError
from hadronbake.datastore.store import DataStore


def function(d: DataStore, name: str, body: str, line: int, **flags: str) -> None:
    d.setVar(name, body)
    d.setVarFlags(name, {"func": 1, "filename": "/l/a.bb", "lineno": str(line), **flags})


@pytest.fixture
def d() -> DataStore:
    d = DataStore()
    d.setVar("PLAIN", "p")
    d.setVar("EXPORTED", "${PLAIN} e")
    d.setVarFlag("EXPORTED", "export", "1")
    d.setVar("GONE", "x")
    d.setVarFlag("GONE", "unexport", "1")
    return d


@pytest.mark.parametrize(
    ("name", "every", "text"),
    [
        ("PLAIN", False, ""),
        ("PLAIN", True, 'PLAIN="p"\n'),
        ("EXPORTED", False, 'export EXPORTED="p e"\n'),
        ("GONE", False, "unset GONE\n"),
        ("UNKNOWN", True, ""),
        ("a-b", False, ""),
        ("a-b", True, 'a-b="1"\n'),
        ("V${PLAIN}", True, 'Vp="1"\n'),
    ],
)
def test_variables(d: DataStore, name: str, every: bool, text: str) -> None:
    if not d.getVar(name) and name != "UNKNOWN":
        d.setVar(name, "1")
    shown = emit_variable(name, d, every)
    assert "".join(line for line in shown.splitlines(True) if not line.startswith("#")) == text


def test_a_value_survives_the_shell() -> None:
    value = "a\"b`c$d\\e'f  g"
    out = subprocess.run(
        ["/bin/sh", "-c", f'x="{shell_value(value)}"; printf %s "$x"'], capture_output=True, check=True
    )
    assert out.stdout.decode() == value
    assert shell_value("a\nb") == "a \\\nb"


def test_python_functions_are_no_shell_text(d: DataStore) -> None:
    function(d, "f", "    pass\n", 1, python="1")
    assert emit_variable("f", d, True) == ""


def test_what_cannot_be_expanded_is_a_comment(d: DataStore) -> None:
    d.setVar("BAD", "${@1/0}")
    d.setVarFlag("BAD", "export", "1")
    assert emit_variable("BAD", d).startswith("# expansion of BAD failed: ExpansionError: ")


def test_history_before_the_variable(d: DataStore) -> None:
    d.enableTracking()
    d.setVar("V", "a\nb", file="/x/a.conf", line=3)
    d.setVar("V:o", "c", file="/x/b.conf", line=4)
    assert emit_variable("V", d, True) == (
        "#\n# $V [2 operations]\n"
        '#   set /x/a.conf:3\n#     "a\n#     b"\n'
        '#   override[o]:set /x/b.conf:4\n#     "c"\n'
        '# pre-expansion value:\n#   "a\n#b"\n'
        'V="a \\\nb"\n'
    )


def test_shell_script(d: DataStore, tmp_path) -> None:  # type: ignore[no-untyped-def]
    function(d, "do_x", "\techo ${PLAIN} $EXPORTED ${GONE-none}\n\tone\n", 5)
    function(d, "one", "\ttwo $(three)\n", 10, vardeps="four")
    function(d, "two", "\techo two $1\n\tfour\n", 20)
    function(d, "three", "\techo three\n", 30)
    function(d, "four", "# nothing\n", 40)
    function(d, "unused", "\techo unused\n", 50)
    text = shell_script("do_x", d)
    assert text.startswith("#!/bin/sh\nset -e\n")
    assert "# line: 20, file: /l/a.bb\ntwo() {\n\techo two $1\n\tfour\n}\n" in text
    assert "unused" not in text
    script = tmp_path / "run"
    script.write_text(text)
    out = subprocess.run(["/bin/sh", str(script)], capture_output=True, check=True, env={"GONE": "here"})
    assert out.stdout.decode() == "p p e x\ntwo three\n" or out.stdout.decode() == "p p e none\ntwo three\n"


def test_a_script_that_cannot_be_written_is_an_error(d: DataStore) -> None:
    function(d, "do_x", "${@1/0}\n", 5)
    with pytest.raises(ExpansionError):
        shell_script("do_x", d)
    function(d, "do_y", "a\n", 5)
    assert shell_script("do_y", d)
    d.setVar("EXPORTED", "${@1/0}")
    with pytest.raises(ExpansionError):
        shell_script("do_y", d)


def test_python_script(d: DataStore) -> None:
    function(d, "helper", "def helper(d):\n    return other(d) + 1\n", 10, python="1")
    function(d, "other", "def other(d):\n    return 1\n", 20, python="1")
    function(d, "do_x", "    d.append(helper(d))\n", 30, python="1")
    text, names = python_script("do_x", d)
    assert names == ("helper", "other")
    assert text == (
        "#line 20 /l/a.bb\ndef other(d):\n    return 1\n\n"
        "#line 10 /l/a.bb\ndef helper(d):\n    return other(d) + 1\n\n"
        "def do_x(d):\n#line 31 /l/a.bb\n    d.append(helper(d))\n\n"
        "do_x(d)\n"
    )
    seen: list[int] = []
    exec(text, {**python_context, "d": seen})
    assert seen == [2]


def test_a_python_function_of_comments(d: DataStore) -> None:
    function(d, "do_x", "    # nothing\n", 30, python="1")
    exec(python_script("do_x", d)[0], {"d": d})


def test_environment(d: DataStore) -> None:
    function(d, "f", "\ta\n", 5)
    out = io.StringIO()
    emit_environment_to(out, d)
    assert out.getvalue() == ('export EXPORTED="p e"\nunset GONE\n# line: 5, file: /l/a.bb\nf() {\n\ta\n}\n\n')
    out = io.StringIO()
    emit_function_to("f", out, d)
    assert out.getvalue().startswith('export EXPORTED="p e"\nunset GONE\n\n# line: 5')
