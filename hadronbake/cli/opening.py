"""Finding (or making) the build directory and reading its metadata: what most commands begin with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hadronbake.diagnostics import Diagnostic, Severity, render

if TYPE_CHECKING:
    from hadronbake.datastore.store import DataStore
    from hadronbake.metadata.summary import Statistics
    from hadronbake.metadata.workspace import Workspace


def say(text: str) -> None:
    """A line for the user that is no result: to standard error, so that ``--json`` and pipes stay clean."""
    print(text, file=sys.stderr, flush=True)


def build_directory(given: Path | None) -> Path:
    """The build directory: the one given, the one that we are in or that is beside us as ``build``, or a new ``build``. With BBPATH in
    the environment, which says where the configuration is, it is the directory that we are in."""
    from hadronbake.metadata.template import find_build_directory, make_build_directory

    found = given if given is not None else find_build_directory(Path.cwd())
    if found is None and os.environ.get("BBPATH"):
        return Path.cwd()
    topdir = found or Path.cwd() / "build"
    written = make_build_directory(topdir)
    if written:
        say(
            f"hbake: made the build directory {topdir} with {' and '.join(str(path.relative_to(topdir)) for path in written)}"
        )
    return topdir


def summary_of(topdir: Path, *, all_tasks: bool) -> tuple[Statistics, tuple[Diagnostic, ...]]:
    """How much metadata there is and what is to be said of it; its warnings go to standard error. Nothing is read that was read
    before and has not changed. Raises HadronbakeError with all errors of all files."""
    from hadronbake.metadata.summary import known

    found = known(topdir, os.environ)
    if found is None or (all_tasks and found[0].later):
        workspace = open_workspace(topdir, all_tasks=all_tasks, summarise=True)
        return workspace.all_statistics(), workspace.diagnostics
    _warn(found[1])
    return found


def _warn(diagnostics: Iterable[Diagnostic]) -> None:
    for diagnostic in diagnostics:
        if diagnostic.severity is Severity.WARNING:
            say(render(diagnostic))


def open_workspace(topdir: Path, *, quiet: bool = False, all_tasks: bool = False, summarise: bool = False) -> Workspace:
    """Read the metadata, with ``all_tasks`` all there is to find in it; warnings go to standard error. Raises HadronbakeError with all
    errors of all files."""
    from hadronbake.metadata.workspace import Workspace

    workspace = Workspace.open(topdir, os.environ, say, all_tasks=all_tasks, summarise=summarise)
    if not quiet:
        _warn(workspace.diagnostics)
    return workspace


def open_configuration(topdir: Path) -> DataStore:
    """The base configuration alone, for commands that need no recipe. Raises HadronbakeError."""
    from hadronbake.metadata.configuration import read_configuration

    return read_configuration(topdir.absolute(), os.environ).d
