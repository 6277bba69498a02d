"""Key expansion: variables whose names hold ``${}`` get their real names, once, when a recipe is finalised."""

from __future__ import annotations

from hadronbake.datastore.errors import logger
from hadronbake.datastore.store import DataStore


def expand_keys(d: DataStore) -> None:
    """Rename every such variable, in sorted order of the raw names. Raises ExpansionError."""
    renames = {}
    for key in d.names_with("${"):
        name = d.expand(key)
        if name != key:
            renames[key] = name
    for key in sorted(renames):
        name = renames[key]
        replaced = d.getVar(name, False)
        if replaced is not None:
            value = d.getVar(key, False)
            if value is not None:
                logger.warning("Variable key %s (%s) replaces original key %s (%s).", key, value, name, replaced)
        d.renameVar(key, name)
