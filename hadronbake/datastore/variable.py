"""``Variable``: all that a store holds under one name. Never changed once it is in a store: a change makes a new one.

So a copy of a store shares them, and "the same object as then" means "nothing was done to this variable since".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hadronbake.diagnostics import Location


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""Stands for "no value", since None is a value that Python code may set."""

Operations = tuple[tuple[str, tuple[str, ...]], ...]
WEAK_FLAG: Final = "_defaultval_flag_"
NO_FLAGS: Mapping[str, Any] = {}


class Variable:
    """``default`` is the weak default. ``appends`` and the like: (raw text, condition) in order of evaluation.

    ``flags`` holds the flags by name and their weak defaults by ``_defaultval_flag_<name>``. ``variants``: name → suffix of
    the override variants known. ``origin``: where the value was last set or added to.
    """

    __slots__ = ("appends", "default", "flags", "origin", "prepends", "removes", "value", "variants")

    def __init__(self) -> None:
        self.value: Any = MISSING
        self.default: Any = MISSING
        self.flags: Mapping[str, Any] = NO_FLAGS
        self.appends: Operations = ()
        self.prepends: Operations = ()
        self.removes: Operations = ()
        self.variants: Mapping[str, str] = NO_FLAGS
        self.origin: Location | None = None

    def copy(self) -> Variable:
        new = _new(Variable)
        new.value = self.value
        new.default = self.default
        new.flags = self.flags
        new.appends = self.appends
        new.prepends = self.prepends
        new.removes = self.removes
        new.variants = self.variants
        new.origin = self.origin
        return new

    @property
    def exists(self) -> bool:
        """Whether there is anything beside the variants."""
        return bool(
            self.value is not MISSING
            or self.default is not MISSING
            or self.flags
            or self.appends
            or self.prepends
            or self.removes
        )

    def internal_flags(self) -> dict[str, Any]:
        """All under the names that BitBake stores them by."""
        found: dict[str, Any] = {}
        if self.value is not MISSING:
            found["_content"] = self.value
        if self.default is not MISSING:
            found["_defaultval"] = self.default
        for name, operations in ((":append", self.appends), (":prepend", self.prepends), (":remove", self.removes)):
            if operations:
                found[name] = as_lists(operations)
        found.update(self.flags)
        return found

    def __getstate__(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        for name, value in zip(self.__slots__, state, strict=True):
            setattr(self, name, value)


def as_lists(operations: Operations) -> list[list[str | None]]:
    """BitBake's form of an operation list: ``[[text, condition or None], …]``."""
    return [[text, ":".join(condition) or None] for text, condition in operations]


def from_lists(operations: Any) -> Operations:
    """The reverse of :func:`as_lists`."""
    return tuple((text, tuple(condition.split(":")) if condition else ()) for text, condition in operations or ())


_new = object.__new__
