"""The short way of reading plain lines says what the grammar says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadronbake.language import parser
from hadronbake.language.statements import FileKind, ParsedFile


def by_grammar(text: str, kind: FileKind) -> ParsedFile:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parser._Reader, "plain", lambda self, line: False)
        return parser.parse_text(text, "f", kind)


LINES = [
    'A = "x"',
    "A = 'x \"y\"'",
    'A:append = " x"',
    'A:aapend = " x"',
    'A[b] ?= "x"',
    'A[b/c@d] .= "x"',
    'A ??= "${@d.getVar("X")}"',
    'A= "x"',
    'A+ = "x"',
    'A. = "x"',
    'A += "x" "y"',
    'export = "x"',
    'export A = "x"',
    'export[a] = "x"',
    'inherit = "x"',
    'inherit[a] = "x"',
    'include = "x"',
    'require ?= "x"',
    'def = "x"',
    'python = "x"',
    'python[func] = "1"',
    'addtask = "x"',
    "inherit a b",
    "inherit a # b",
    "inherit a = b",
    'inherit "a"',
    "inherit",
    "require a.inc",
    "include ${@'a' if 1 else 'b'}",
    "inherit_defer a",
    "do_x() {\n}",
    "do_x:append () {\n    a\n}",
    "python do_x() {\n    a\n}",
    "python () {\n    a\n}",
    "python() {\n    a\n}",
    "python python() {\n    a\n}",
    "python fakeroot do_x() {\n    a\n}",
    "fakeroot do_x() {\n    a\n}",
    "fakeroot () {\n}",
    "() {\n}",
    "do_x() {",
    'A = "x \\\n  y"',
    "inherit () {\n}",
]


@pytest.mark.parametrize("kind", ["recipe", "conf"])
@pytest.mark.parametrize("text", LINES)
def test_same_as_the_grammar(text: str, kind: FileKind) -> None:
    assert parser.parse_text(text, "f", kind) == by_grammar(text, kind)


WORDS = "A a :append :x [f] = += ?= .= := \" ' x ${Y} + . export inherit python require def ( ) () { # \\ fakeroot addtask - /"
PIECES = st.sampled_from([*WORDS.split(" "), " ", "  ", "\t", " () {"])


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=9).map("".join), st.sampled_from(["recipe", "conf"]))
def test_same_as_the_grammar_for_any_line(text: str, kind: FileKind) -> None:
    assert parser.parse_text(text, "f", kind) == by_grammar(text, kind)
