"""Answers that were worked out before, in other processes too."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any


class Memory:
    """By a question, with all that the answer rests on, the answer. ``load`` gives what was kept, when it is first wanted."""

    def __init__(self, load: Callable[[], Mapping[Hashable, Any]] = dict) -> None:
        self._load = load
        self._known: dict[Hashable, Any] | None = None
        self.grown = False

    def get(self, question: Hashable, work_out: Callable[[], Any]) -> Any:
        """The answer, which ``work_out`` gives if it is not known. What that raises is not remembered."""
        if self._known is None:
            self._known = dict(self._load())
        found = self._known.get(question)
        if found is None:
            found = self._known[question] = work_out()
            self.grown = True
        return found

    def all(self) -> Mapping[Hashable, Any]:
        """All that is known now."""
        return self._known or {}
