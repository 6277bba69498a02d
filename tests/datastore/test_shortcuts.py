"""A store that tracks takes the long way for each change; one that doesn't must come to the same, whatever was read in between."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hadronbake.datastore.errors import ExpansionError
from hadronbake.datastore.keys import expand_keys
from hadronbake.datastore.operations import assign
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import Location

NAMES = (
    "A",
    "B",
    "A:o",
    "A:p",
    "A:o:p",
    "B:o",
    "A:${X}",
    "${X}",
    "A:append",
    "B:append:o",
    "A:${X}:append",
    "A:remove:p",
)
VALUES = ("1", "${B}", "${A} 2", "${X}", "${@d.getVar('B') or ''}", "o", "")
PLACE = Location("file", 1)

name, value = st.sampled_from(NAMES), st.sampled_from(VALUES)
change = st.one_of(
    st.tuples(st.just("assign"), name, st.sampled_from(("=", "?=", "??=", "+=", ".=")), value),
    st.tuples(st.just("setVar"), name, value),
    st.tuples(st.just("delVar"), name),
    st.tuples(st.just("rename"), name, name),
    st.tuples(st.just("flag"), name, value),
    st.tuples(st.just("flags"), name, value),
    st.tuples(st.just("overrides"), st.sampled_from(("o", "o:p", "p:${X}", "", "${B}"))),
    st.tuples(st.just("read"), name),
    st.tuples(st.just("keys")),
    st.tuples(st.just("copy")),
)


def carry_out(d: DataStore, what: tuple[Any, ...]) -> DataStore:
    match what:
        case ("assign", key, operator, text):
            assign(d, key, None, operator, text, PLACE)
        case ("setVar", key, text):
            d.setVar(key, text)
        case ("delVar", key):
            d.delVar(key)
        case ("rename", key, other):
            d.renameVar(key, other)
        case ("flag", key, text):
            d.setVarFlag(key, "f", text)
        case ("flags", key, text):
            d.put_flags(key, {"f": text, "g": "1"})
        case ("overrides", text):
            d.setVar("OVERRIDES", text)
        case ("read", key):
            d.getVar(key)
        case ("keys",):
            expand_keys(d)
        case ("copy",):
            return d.createCopy()
    return d


def said(d: DataStore, key: str) -> Any:
    try:
        return d.getVar(key, False), d.getVar(key), d.getVarFlags(key), str(d.origin(key))
    except Exception as error:
        return type(error)


def everything(d: DataStore) -> dict[str, Any]:
    raw = {key: (sorted(variable.variants), variable.internal_flags()) for key, variable in d.variables.items()}
    return {"raw": raw, **{key: said(d, key) for key in NAMES}}


@settings(max_examples=300, deadline=None)
@given(st.lists(change, max_size=25))
def test_the_short_ways_and_the_caches_change_nothing(changes: list[tuple[Any, ...]]) -> None:
    long, short = DataStore(), DataStore()
    long.enableTracking()
    for d in (long, short):
        d.setVar("X", "o")
    for what in changes:
        outcomes = []
        try:
            long = carry_out(long, what)
            outcomes.append(None)
        except (ExpansionError, RecursionError) as error:
            outcomes.append(type(error))
        try:
            short = carry_out(short, what)
            outcomes.append(None)
        except (ExpansionError, RecursionError) as error:
            outcomes.append(type(error))
        assert outcomes[0] == outcomes[1]
        everything(short)
    assert everything(short) == everything(long)


def test_a_variant_is_not_put_into_what_a_kept_value_rests_on() -> None:
    d = DataStore()
    d.setVar("OVERRIDES", "o")
    d.setVar("A:p", "p")
    copy = d.createCopy()
    assert copy.getVar("A") is None
    copy.setVar("A:o", "o")
    assert (copy.getVar("A"), d.getVar("A")) == ("o", None)
    copy.setVar("A:o:o", "both", parsing=True)
    assert (d.hasOverrides("A"), sorted(d.variables["A"].variants)) == (True, ["A:p"])
