"""Statements made at random, written in random ways and read again: the same statements, at the right places."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from printing import NOWHERE, placeless, printed, written

from hadronbake.diagnostics import Severity
from hadronbake.language import statements as of
from hadronbake.language.parser import parse_text

NAMES = st.from_regex(r"[A-Z][A-Za-z0-9_.+/~-]{0,6}(:[a-z0-9${}-]{1,5}){0,2}", fullmatch=True)
PLAIN = st.from_regex(r"[A-Z][A-Z0-9_+.${}-]{0,8}", fullmatch=True)
FUNCTIONS = st.from_regex(r"do_[a-z0-9_.+-]{1,8}(:(append|prepend|x|\$\{PN\}))?", fullmatch=True)
FLAGS = st.from_regex(r"[A-Za-z0-9_.+-][A-Za-z0-9_.+@/-]{0,5}", fullmatch=True)
WORDS = st.from_regex(r"[a-z0-9_./${}@-]{1,8}", fullmatch=True).filter(lambda word: word not in ("before", "after"))
PIECES = st.sampled_from(
    [
        "a", " ", "  ", "\t", "#", "# x", "=", '"', '"', "'", "\\", "{", "}", "$", "${A}",
        "${@", "(", "]", ":=", "é", "\xa0", "×", "addtask", ":append",
        "${@bb.utils.contains('A', 'b', '{', '}', d)}", "${@{'a': {'b': 1}}['a']}", "${@d.getVar('X') if True else \"\"}",
    ]
)  # fmt: skip
# The same quote kind must not be inside exactly once, for either of the kinds at the same time.
VALUES = st.lists(PIECES, max_size=6).map("".join).filter(lambda text: text.count('"') != 1 or text.count("'") != 1)
BODY_LINES = st.lists(
    st.sampled_from(
        ["    x ${A}", "", " }", "# c \\", "echo '}' \\", "\t}", "    if True:", "        return {'a': 1}", "    '''",
         "}x", "do_x() {", "} #", "cat <<EOF", "A = \"1\""]
    ),
    max_size=5,
)  # fmt: skip
INDENTED = st.lists(st.sampled_from(["    return 1", "", "# c", "    x = {", "    }", "\t'''", " # y \\"]), max_size=5)


def made(kind: type[of.Statement], *fields: st.SearchStrategy[Any]) -> st.SearchStrategy[of.Statement]:
    return st.tuples(*fields).map(lambda values: kind(NOWHERE, 0, *values))


def some(words: st.SearchStrategy[str], least: int = 1) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(words, min_size=least, max_size=4, unique=True).map(tuple)


TASKS = FUNCTIONS.filter(lambda name: "${" not in name)
LISTED = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
OPERATORS = st.sampled_from(["=", ":=", "?=", "??=", "+=", "=+", ".=", "=."])
COMMON = [
    made(of.Assignment, NAMES, st.none() | FLAGS, OPERATORS, VALUES, st.booleans()),
    made(of.Export, PLAIN),
    made(of.Unset, PLAIN, st.none() | st.from_regex(r"[a-z][a-z@.-]{1,4}", fullmatch=True)),
    made(of.Include, st.sampled_from(["include", "require", "include_all"]), LISTED),
    made(of.AddFragments, *[WORDS] * 4),
]
RECIPE = [
    made(of.Inherit, LISTED, st.booleans()),
    st.builds(
        lambda name, lines, python, fakeroot: of.Function(
            NOWHERE, 0, name, "".join(f"{line}\n" for line in lines), python or name is None, fakeroot
        ),
        st.none() | FUNCTIONS,
        BODY_LINES,
        st.booleans(),
        st.booleans(),
    ),
    st.builds(
        lambda name, lines: of.PythonDefinition(NOWHERE, 0, name, "\n".join([f"def {name}(d, x={{}}):", *lines])),
        st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True),
        INDENTED,
    ),
    made(of.ExportFunctions, some(TASKS)),
    made(of.AddTask, some(TASKS), some(TASKS, 0), some(TASKS, 0)),
    made(of.DelTask, LISTED),
    made(of.AddHandler, some(TASKS)),
]
FILES = st.lists(st.one_of(COMMON + RECIPE), max_size=8)
CONFIGURATIONS = st.lists(st.one_of([*COMMON, made(of.AddPylib, WORDS, WORDS)]), max_size=8)


def read(text: str, kind: of.FileKind) -> list[of.Statement]:
    parsed = parse_text(text, "x.bb", kind)
    assert [str(item) for item in parsed.diagnostics if item.severity is Severity.ERROR] == []
    lines = text.split("\n")
    for statement in parsed.statements:
        # It begins where it says.
        assert lines[statement.location.line - 1][:1].strip()
    return list(parsed.statements)


@settings(max_examples=150)
@given(FILES)
def test_recipes(statements: list[of.Statement]) -> None:
    assert placeless(read(printed(statements), "recipe")) == placeless(statements)


@settings(max_examples=60)
@given(CONFIGURATIONS)
def test_configurations(statements: list[of.Statement]) -> None:
    assert placeless(read(printed(statements), "conf")) == placeless(statements)


@settings(max_examples=150)
@given(FILES, st.data())
def test_other_ways_of_writing(statements: list[of.Statement], data: st.DataObject) -> None:
    """Lines cut and joined with backslashes, comments and empty lines between, other line ends, trailing blanks: no difference."""
    text, before = "", None
    for statement in statements:
        one = written(statement)
        header, newline, rest = one.partition("\n")
        cut = data.draw(st.integers(1, len(header)))
        # A '#' at the beginning of a joined line is an error of its own, and blanks before the backslash stay.
        if data.draw(st.booleans()) and header[cut : cut + 1] not in ("#", "") and header[cut - 1] != "\\":
            header = f"{header[:cut]}\\\n{header[cut:]}"
        # After a ``def`` they would belong to it.
        if not isinstance(before, of.PythonDefinition):
            text += data.draw(st.sampled_from(["", "\n", "# comment\n", "# a \\\n# b\n", " \t\n"]))
        text += header + newline + rest
        before = statement
    text = text.replace("\n", data.draw(st.sampled_from(["\n", "\r\n", " \n", "\r"])))
    if data.draw(st.booleans()):
        text = text.rstrip("\r\n")
    expected = [
        replace(item, body=_stripped(item.body)) if isinstance(item, of.Function) else item for item in statements
    ]
    assert _plain(parse_text(text, "x.bb", "recipe")) == placeless(expected)


def _stripped(body: str) -> str:
    return "".join(line.rstrip() + "\n" for line in body.split("\n")[:-1])


def _plain(parsed: of.ParsedFile) -> list[of.Statement]:
    assert [str(item) for item in parsed.diagnostics if item.severity is Severity.ERROR] == []
    return placeless(parsed.statements)
