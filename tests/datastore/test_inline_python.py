"""Where inline Python ends: what the walk over braces finds is what the pattern of language.md §8 finds."""

from __future__ import annotations

import re
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from hadronbake.datastore.expressions import python_expressions

PATTERN = re.compile(r"\$\{@((?:\{.*?\}|.)+?)\}")
PIECES = st.sampled_from(
    ["${@", "${@", "{", "}", "}", "a", "\n", "${", "$", "@", "{}", "${@{", "}}", " ", "\\", "'", "é"]
)


@settings(max_examples=2000)
@given(st.lists(PIECES, max_size=24).map("".join))
def test_as_the_pattern(text: str) -> None:
    assert list(python_expressions(text)) == [match.span(1) for match in PATTERN.finditer(text)]


def test_in_proportion_to_the_length() -> None:
    for piece in ("${@", "${@{", "{", "}", "${@{}", "${@}", "{${@}", "${@}\n", "${@{\n"):
        before = time.process_time()
        list(python_expressions("${@" + piece * 100_000))
        list(python_expressions("${@" + piece * 100_000 + "}"))
        assert time.process_time() - before < 1, piece
