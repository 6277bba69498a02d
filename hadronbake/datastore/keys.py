"""Key expansion: variables whose names hold ``${}`` get their real names, once, when a recipe is finalised."""

from __future__ import annotations

from hadronbake.datastore.errors import logger
from hadronbake.datastore.expansion import split_names
from hadronbake.datastore.store import DataStore


def expand_keys(d: DataStore) -> None:
    """Rename every such variable, in sorted order of the raw names. Raises ExpansionError."""
    renames = {}
    # Few variables are in the names of many.
    values: dict[str, str | None] = {}
    for key in d.unexpanded_names():
        name = _filled(key, values, d)
        if name != key:
            renames[key] = name
    variables = d.variables
    for key in sorted(renames):
        name = renames[key]
        replaced = d.getVar(name, False) if name in variables else None
        if replaced is not None:
            value = d.getVar(key, False)
            if value is not None:
                logger.warning("Variable key %s (%s) replaces original key %s (%s).", key, value, name, replaced)
        d.renameVar(key, name)


def _filled(key: str, values: dict[str, str | None], d: DataStore) -> str:
    parts, names = split_names(key)
    for name in names:
        if name not in values:
            try:
                values[name] = d.getVar(name)
            except Exception:
                values[name] = None
    if any(value is None or type(value) is not str for value in map(values.get, names)):
        # Or else the error is one of this key.
        return str(d.expand(key))
    pieces = list(parts)
    pieces[1::2] = [values[name] for name in parts[1::2]]  # type: ignore[misc]
    found = "".join(pieces)
    return str(d.expand(key)) if "${" in found else found
