"""``bb.parse`` and ``bb.data``: what metadata's Python asks about the parse itself."""

# ruff: noqa: PTH100, PTH109, PTH113, PTH117, PTH119, PTH122
from __future__ import annotations

import errno
import fnmatch
import os
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hadronbake.datastore.dependencies import dependencies_of
from hadronbake.datastore.errors import ParseError

from .files import which

F = TypeVar("F", bound=Callable[..., Any])

# Set by room ``metadata``: parse_recipe(path, d) → {variant: datastore}; used by ``bb.parse.handle``.
recipe_parser: list[Callable[[str, Any, bool], Any]] = []


def handle(fn: str, data: Any, include: int = 0, baseconfig: bool = False) -> Any:
    """Parse a file: of a recipe the variants' datastores by name, else ``data`` itself."""
    if not recipe_parser:
        import importlib

        importlib.import_module("hadronbake.metadata.variants")
    return recipe_parser[0](fn, data, baseconfig)


def supports(fn: str, data: Any = None) -> bool:
    return os.path.splitext(fn)[1] in (".bb", ".bbclass", ".inc", ".conf", ".bbappend")


def init_parser(d: Any) -> None:
    pass


def mark_dependency(d: Any, f: str) -> None:
    """The parse depends on this file, existing or not."""
    if f.startswith("./"):
        f = f"{os.getcwd()}/{f[2:]}"
    dependencies_of(d).note(f)


def check_dependency(d: Any, f: str) -> bool:
    return os.path.abspath(f) in dependencies_of(d)


def get_file_depends(d: Any) -> str:
    """The files that the parse read, configuration first."""
    base = d.getVar("__base_depends", False) or ()
    return " ".join(dict.fromkeys([*base, *dependencies_of(d)]))


def resolve_file(fn: str, d: Any) -> str:
    """The absolute path of a file along BBPATH; every path tried becomes a dependency. OSError if there is none."""
    if os.path.isabs(fn):
        mark_dependency(d, fn)
    else:
        bbpath = d.getVar("BBPATH") or ""
        found, tried = which(bbpath, fn, history=True)
        for path in tried:
            mark_dependency(d, path)
        if not found:
            raise OSError(errno.ENOENT, f"file {fn} not found in {bbpath}")
        fn = found
    if not os.path.isfile(fn):
        raise OSError(errno.ENOENT, f"file {fn} not found")
    return fn


def vars_from_file(path: str | None, d: Any) -> Sequence[str | None]:
    """(name, version, revision) from ``name_version_revision.bb``; None for what is not there."""
    if not path or not path.endswith((".bb", ".bbappend")):
        return (None, None, None)
    parts: list[str | None] = list(os.path.splitext(os.path.basename(path))[0].split("_"))
    if len(parts) > 3:
        raise ParseError("Unable to generate default variables from filename (too many underscores)", path)
    parts += [None] * (3 - len(parts))
    return parts


def vardeps(*names: str) -> Callable[[F], F]:
    """Decorator: a value that calls the function depends on these variables too."""

    def mark(function: F) -> F:
        function.bb_vardeps = getattr(function, "bb_vardeps", set()) | set(names)  # type: ignore[attr-defined]
        return function

    return mark


def vardepsexclude(*names: str) -> Callable[[F], F]:
    """Decorator: a value that calls the function does not depend on these variables."""

    def mark(function: F) -> F:
        function.bb_vardepsexclude = getattr(function, "bb_vardepsexclude", set()) | set(names)  # type: ignore[attr-defined]
        return function

    return mark


def inherits_class(klass: str, d: Any) -> bool:
    """Whether a class has been inherited (so far)."""
    end = f"/{klass}.bbclass"
    return any(path.endswith(end) for path in d.getVar("__inherit_cache", False) or ())


def init_data() -> Any:
    """A new, empty datastore."""
    from hadronbake.datastore.store import DataStore

    return DataStore()


def create_copy(source: Any) -> Any:
    return source.createCopy()


def get_collection_res(d: Any) -> dict[str, str]:
    """The pattern of each collection."""
    names = (d.getVar("BBFILE_COLLECTIONS") or "").split()
    return {name: d.getVar(f"BBFILE_PATTERN_{name}") or "" for name in names}


def get_file_layer(filename: str, d: Any, collection_res: dict[str, str] | None = None) -> str | None:
    """The collection that the file belongs to; of those within one another the one with the longest pattern. None: to none."""
    patterns = collection_res or get_collection_res(d)

    def collection_of(path: str) -> str | None:
        matching = [name for name, pattern in patterns.items() if pattern and re.match(pattern, path)]
        return max(matching, key=lambda name: len(patterns[name]), default=None)

    # A recipe belongs to the layer that brought it in, wherever it lies.
    for entry in (d.getVar("BBFILES_PRIORITIZED") or "").split():
        if fnmatch.fnmatchcase(filename, entry):
            return collection_of(entry)
    return collection_of(filename)
