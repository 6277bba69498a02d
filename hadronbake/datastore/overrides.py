"""Which override variant of a variable is in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overrides:
    """The value of OVERRIDES: ``entries`` in order (later ones win), ``active`` as a set."""

    entries: tuple[str, ...]
    active: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Overrides:
        entries = tuple(text.split(":"))
        return cls(entries, frozenset(entries))

    def meets(self, condition: Iterable[str]) -> bool:
        """Whether all overrides of ``condition`` are active."""
        return self.active.issuperset(condition)

    def is_active(self, suffix: str) -> bool:
        return suffix in self.active or (":" in suffix and self.active.issuperset(suffix.split(":")))


NO_OVERRIDES = Overrides((), frozenset())


def choose(variants: Mapping[str, str], overrides: Overrides) -> str | None:
    """The name among ``variants`` (name → suffix) whose value is used, or None.

    Passes over OVERRIDES shorten the suffixes from their end until nothing changes; the last suffix that came to equal
    an entry wins. So a variant with several overrides is found in a later pass and beats one with a single override.
    """
    candidates = {suffix: name for name, suffix in variants.items() if overrides.is_active(suffix)}
    if len(candidates) < 2:
        return next(iter(candidates.values()), None)
    chosen: str | None = None
    changed = True
    while changed and candidates:
        changed = False
        for entry in overrides.entries:
            if not entry:
                continue
            tail = ":" + entry
            for suffix in list(candidates):
                if suffix == entry:
                    chosen = candidates.pop(suffix)
                elif suffix.endswith(tail):
                    name = candidates.pop(suffix)
                    candidates[suffix[: -len(tail)]] = name
                    changed = True
    return chosen
