"""Variable filters: expressions over ``val`` in which only chosen pure functions can be named."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

_BUILTINS = "all any bin bool chr enumerate float format hex int len map max min oct ord pow str sum"  # the pure ones


class Namespace:
    """A dotted prefix of filter functions; read-only for expressions."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"Attribute {name!r} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Attribute {name!r} cannot be deleted")


_functions: dict[str, Any] = {"__builtins__": {}}
_functions.update({name: getattr(builtins, name) for name in _BUILTINS.split()})


def filter_proc(*, name: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: lets filter expressions call a function, under its own or a (dotted) given name. It must be pure."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        *spaces, last = (name or function.__name__).split(".")
        members = _functions
        for space in spaces:
            found = members.setdefault(space, Namespace())
            members = found.__dict__
        members[last] = function
        _apply.cache_clear()
        return function

    return register


def apply_filters(val: Any, expressions: Iterable[str]) -> Any:
    """``val`` through the expressions from left to right; empty ones are left out. Raises NameError and whatever they raise."""
    for expression in expressions:
        stripped = expression.strip()
        if stripped:
            val = _apply(val, stripped)
    return val


@lru_cache(maxsize=1 << 14)
def _apply(val: Any, expression: str) -> Any:
    return eval(expression, dict(_functions), {"val": val})


@filter_proc()
def suffix(val: str, suffix: str) -> str:
    return " ".join(word + suffix for word in val.split())


@filter_proc()
def prefix(val: str, prefix: str) -> str:
    return " ".join(prefix + word for word in val.split())


@filter_proc()
def sort(val: str) -> str:
    return " ".join(sorted(val.split()))


@filter_proc()
def remove(val: str, remove: str | Iterable[str], sep: str | None = None) -> str:
    unwanted = set(remove.split(sep) if isinstance(remove, str) else remove)
    return (sep or " ").join(word for word in val.split(sep) if word not in unwanted)
