"""Assignment statements of files: what each operator does (§3 of the language reference). Nothing but ``:=`` expands."""

from __future__ import annotations

from typing import Any

from hadronbake.datastore.names import classify
from hadronbake.datastore.store import DataStore
from hadronbake.datastore.variable import WEAK_FLAG
from hadronbake.diagnostics import Location
from hadronbake.language.statements import Operator

_OPERATION_NAMES: dict[str, str] = {
    "=": "set",
    ":=": "immediate",
    "?=": "set?",
    "??=": "set",
    "+=": "append",
    "=+": "prepend",
    ".=": "postdot",
    "=.": "predot",
}


def assign(
    d: DataStore,
    name: str,
    flag: str | None,
    operator: Operator,
    value: str,
    location: Location,
    export: bool = False,
) -> None:
    """Carry out ``[export ]name[flag] operator "value"``, written at ``location``. Raises what expansion raises, for ``:=``."""
    if operator == "=" and flag is None and not export and not d.tracking:
        info = classify(name)
        if not info.operation and not info.old_style and info.short not in d.renames:
            d.assign(info, name, value, location)
            return
    if export:
        set_export(d, name, location)
    new = _new_value(d, name, flag, operator, value)
    log: dict[str, Any] = {"op": _OPERATION_NAMES[operator], "detail": value, "location": location}
    if operator == "??=":
        d.setVarFlag(name, "_defaultval" if flag is None else WEAK_FLAG + flag, new, **log)
    elif flag is not None:
        d.setVarFlag(name, flag, new, **log)
    elif new is _KEEP:
        # No effect but one: a variant that was disconnected is a variant again.
        d.reconnect(name)
        if d.tracking:
            d.varhistory.record(variable=name, **log)
    else:
        d.setVar(name, new, parsing=True, **log)


def set_export(d: DataStore, name: str, location: Location) -> None:
    """``export NAME``."""
    d.setVarFlag(name, "export", 1, op="exported", detail=1, location=location)


def unset(d: DataStore, name: str, flag: str | None, location: Location) -> None:
    """``unset NAME`` or ``unset NAME[FLAG]``."""
    if flag is None:
        d.delVar(name, location=location)
    else:
        d.delVarFlag(name, flag, location=location)


class _Keep:
    """The value stays."""


_KEEP = _Keep()


def _new_value(d: DataStore, name: str, flag: str | None, operator: Operator, value: str) -> Any:
    if operator in ("=", "??="):
        return value
    if operator == ":=":
        # In a copy: expansion may run Python that changes the store.
        return d.createCopy().expand(value, f"{name}[:=]")
    if flag is None:
        current = d.getVar(name, False, noweakdefault=True, parsing=True)
    else:
        current = d.getVarFlag(name, flag, False, noweakdefault=True)
    if operator == "?=":
        if current is None:
            return value
        return current if flag is not None else _KEEP
    current = "" if current is None else current
    match operator:
        case "+=":
            return f"{current} {value}"
        case "=+":
            return f"{value} {current}"
        case ".=":
            return f"{current}{value}"
        case _:
            return f"{value}{current}"
