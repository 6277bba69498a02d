from __future__ import annotations

from collections.abc import Hashable, Iterator

import pytest

from hadronbake.datastore import references
from hadronbake.datastore.memory import Memory
from hadronbake.datastore.references import CodeReferences, python_references, set_memory


@pytest.fixture
def fresh() -> Iterator[None]:
    before = references._memory[0]
    python_references.cache_clear()
    yield
    set_memory(before)
    python_references.cache_clear()


def test_an_answer_is_worked_out_once() -> None:
    memory = Memory()
    assert [memory.get("q", lambda: 1), memory.get("q", lambda: 2)] == [1, 1]
    assert memory.grown
    assert memory.all() == {"q": 1}


def test_what_was_kept_is_loaded_when_it_is_wanted() -> None:
    asked = []

    def load() -> dict[Hashable, object]:
        asked.append(1)
        return {"q": 1}

    memory = Memory(load)
    assert not asked
    assert [memory.get("q", lambda: 2), memory.get("r", lambda: 3)] == [1, 3]
    assert len(asked) == 1


def test_a_failure_is_not_remembered() -> None:
    memory = Memory()
    with pytest.raises(ZeroDivisionError):
        memory.get("q", lambda: 1 // 0)
    assert not memory.grown
    assert memory.get("q", lambda: 1) == 1


@pytest.mark.usefixtures("fresh")
def test_references_of_code_are_remembered() -> None:
    first = Memory()
    set_memory(first)
    found = python_references("d.getVar('A')")
    kept = dict(first.all())
    python_references.cache_clear()
    second = Memory(lambda: kept)
    set_memory(second)
    assert python_references("d.getVar('A')") == found == CodeReferences(frozenset({"A"}))
    assert not second.grown
    assert python_references("d.getVar('B')").references == {"B"}
    assert second.grown


@pytest.mark.usefixtures("fresh")
def test_an_answer_rests_on_the_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    set_memory(memory)
    assert python_references("lib.ask('W')").contains == {}
    python_references.cache_clear()
    monkeypatch.setitem(references._visitors, "lib.ask", lambda name, arguments: ({"W": {"x"}}, set(), None))
    assert python_references("lib.ask('W')").contains == {"W": {"x"}}
