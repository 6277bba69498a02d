"""Variables of the configuration whose values the engine itself takes for numbers: what is wrong with them is said when they are read,
not in the middle of a build."""

from __future__ import annotations

import re

from hadronbake.datastore.inline import at_word
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import Diagnostic

_NUMBERS = ("BB_NUMBER_THREADS", "BB_NUMBER_PARSE_THREADS")
_JOBS = ("PARALLEL_MAKE", "PARALLEL_MAKEINST")
_JOBS_OPTION = re.compile(r"(?:^|\s)(?:-j|--jobs(?:=|\s|$))\s*(\S*)")


def find_wrong_settings(d: DataStore) -> list[Diagnostic]:
    """Errors about settings that are no numbers. Raises HadronbakeError for a value that can't be expanded."""
    found = []
    for name in _NUMBERS:
        value = (d.getVar(name) or "").strip()
        if value and not (value.isdecimal() and int(value) > 0):
            message = f'{name} is "{value}", which is no number above 0'
            found.append(
                _wrong(d, name, value, message, f'write {name} = "4", or leave it out: one for each processor')
            )
    for name in _JOBS:
        given = _JOBS_OPTION.search(d.getVar(name) or "")
        # make's "-j" alone means as many as there can be.
        if (
            given is not None
            and given[1]
            and not ((given[1].isdecimal() and int(given[1]) > 0) or given[1].startswith("-"))
        ):
            message = f'{name} names "{given[1]}" jobs, which is no number above 0'
            found.append(_wrong(d, name, given[0].strip(), message, f'write {name} = "-j 4"'))
    return found


def _wrong(d: DataStore, name: str, word: str, message: str, hint: str) -> Diagnostic:
    return at_word(Diagnostic("HBM028", message, d.origin(name), hint=hint), word, d.expand)
