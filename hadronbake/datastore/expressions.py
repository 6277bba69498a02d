"""Where ``${@code}`` stands in a text. Imports next to nothing, because every Python task pays for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BRACE = re.compile(r"[{}]")


def python_expressions(text: str) -> Iterator[tuple[int, int]]:
    """Where the code of each ``${@code}`` begins and ends, by §8 of the language reference: the shortest match of characters of
    one line, where one ``{…}`` may be skipped, then ``}``. Takes time in proportion to the text, however its braces are."""
    after, line_end, last = 0, -1, -1
    while (start := text.find("${@", after)) >= 0:
        start += 3
        if start > line_end:
            line_end = text.find("\n", start)
            line_end = line_end if line_end >= 0 else len(text)
            last = text.rfind("}", start, line_end)
        if last <= start:
            # Without an end. One brace alone is the first character of the code.
            after = start
            continue
        end = start
        while end == start or text[end] != "}":
            if text[end] == "{":
                closing = text.find("}", end + 1)
                if closing == last:
                    # What is skipped must be followed by another brace: this one is skipped by nothing.
                    end = last
                    break
                end = closing + 1
            else:
                found = _BRACE.search(text, end + 1)
                assert found is not None
                end = found.start()
        yield start, end
        after = end + 1
