"""Shell functions of a recipe that open what they never close: the shell would only say so when the task runs, of its script."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hadronbake.datastore.inline import excerpt_of, find
from hadronbake.datastore.shellcode import find_unclosed
from hadronbake.datastore.variable import Variable
from hadronbake.diagnostics import Diagnostic, Location, Severity

_INLINE = re.compile(r"\$\{@(?:\{.*?\}|.)+?\}", re.S)


def find_unclosed_code(name: str, variable: Variable, places: tuple[str, ...]) -> Iterator[Diagnostic]:
    """Warnings about one function, and about what is added to it. ``places``: the files of the metadata that were read."""
    flags = variable.flags
    if not flags or not flags.get("func") or flags.get("python"):
        return
    added = [text for operations in (variable.appends, variable.prepends) for text, _ in operations]
    for text in (variable.value, *added):
        if not isinstance(text, str):
            continue
        # Inline Python may hold any sign; as long, and as many lines, as before.
        found = find_unclosed(_INLINE.sub(lambda match: re.sub(r"[^\n]", "x", match[0]), text))
        if found is None:
            continue
        offset, opened, closing = found
        start = text.rfind("\n", 0, offset) + 1
        line = text[start : text.find("\n", offset) if "\n" in text[offset:] else len(text)]
        place: Location | None
        if text is variable.value and flags.get("filename") and str(flags.get("lineno", "")).isdecimal():
            number = int(flags["lineno"]) + 1 + text.count("\n", 0, offset)
            place = Location(str(flags["filename"]), number, offset - start + 1)
        else:
            seen = find(line, None, places)
            place = seen.place(offset - start)[0] if seen is not None else variable.origin
        yield Diagnostic(
            "HBM089",
            f"the shell code of {name} opens {opened} here and never closes it",
            place,
            Severity.WARNING,
            excerpt_of(place) if place is not None else None,
            len(opened),
            (closing,),
            "one further up may be the one that isn't closed" if opened in "'\"" else None,
        )
