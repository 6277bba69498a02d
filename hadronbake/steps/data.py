"""What a step reads: values of variables."""

from __future__ import annotations

from typing import Protocol


class Data(Protocol):
    """The datastore, as far as a step sees it."""

    def getVar(self, name: str) -> str | None: ...


def words(text: str | None) -> list[str]:
    """The words of a list's value."""
    return (text or "").split()
