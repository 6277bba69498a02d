"""The store against the model, for random sequences of everything that can be done to it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from model import Model, Refused, Step, one_step, run

from hadronbake.datastore import evaluator, operations
from hadronbake.datastore.keys import expand_keys
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import HadronbakeError, Location

# It is the evaluator that shows ``bb`` to inline Python.
assert evaluator.python_context["bb"]
HERE = Location("a.bb", 1)


class Store(DataStore):
    """The store with the statements as methods, as the model has them."""

    def statement(self, *arguments: Any) -> None:
        name, flag, operator, value, export = arguments
        operations.assign(self, name, flag, operator, value, HERE, export)

    def export(self, name: str) -> None:
        operations.set_export(self, name, HERE)

    def unset(self, name: str, flag: str | None) -> None:
        operations.unset(self, name, flag, HERE)

    def expand_keys(self) -> None:
        expand_keys(self)


@st.composite
def sequences(draw: st.DrawFn) -> list[Step]:
    count = draw(st.integers(0, 16))
    return [one_step(lambda items: draw(st.sampled_from(items))) for _ in range(count)]


def begun(d: Any) -> Any:
    d.setVar("OVERRIDES", "x:y")
    d.setVar("P", "p")
    return d


@settings(max_examples=250)
@given(sequences())
def test_the_store_agrees_with_the_model(steps: list[Step]) -> None:
    def compare(what: Any, results: list[Any]) -> None:
        assert results[0] == results[1], what

    run(steps, [[begun(Model())], [begun(Store())]], compare, {0: (Refused, RecursionError), 1: HadronbakeError})
