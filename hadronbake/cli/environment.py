"""``hbake environment``: all variables and functions, in the shape in which ``bitbake -e`` shows them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hadronbake.cli.inspect import BuildDirectory, store_of
from hadronbake.cli.opening import build_directory

if TYPE_CHECKING:
    from hadronbake.datastore.store import DataStore


def environment(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="A recipe, mc:NAME:RECIPE, or mc:NAME for a configuration; none: the default configuration."
        ),
    ] = None,
    build_dir: BuildDirectory = None,
) -> None:
    """Write all variables and functions of a recipe as shell text with their history, as "bitbake -e" does; also: hbake -e RECIPE.

    The order: the files read, variables, shell functions, Python functions.
    """
    _, d, _ = store_of(build_directory(build_dir), recipe, [])
    write_environment(d)


def write_environment(d: DataStore) -> None:
    """To standard output."""
    from hadronbake.datastore.emit import emit_environment_to

    d.inchistory.emit(sys.stdout)
    emit_environment_to(sys.stdout, d, all=True)
    for name in sorted(d):
        if d.getVarFlag(name, "func", False) and d.getVarFlag(name, "python", False):
            print(f"\npython {name} () {{\n{d.getVar(name, False)}}}\n")


def register(app: typer.Typer) -> None:
    app.command("environment")(environment)
