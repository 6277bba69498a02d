"""All commands of ``hbake``. A word that is no command is a target: ``hbake hadron-image`` is ``hbake build hadron-image``."""

from __future__ import annotations

from typing import Annotated

import typer

from hadronbake import __version__

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Build recipes in the BitBake language. Exit status: 0 done, 1 a task or recipe failed, 2 wrong use.",
)


def show_version(wanted: bool) -> None:
    if wanted:
        print(f"hbake {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Build recipes in the BitBake language. Exit status: 0 done, 1 a task or recipe failed, 2 wrong use."""


def register() -> None:
    """Add the commands of each family; their imports are inside the functions that need them."""
    from hadronbake.cli import authoring, build, cache, codes, editor, environment, explain, inspect, keys, machine

    for module in (build, inspect, environment, explain, authoring, cache, keys, machine, editor, codes):
        module.register(app)


def with_default_command(arguments: list[str], commands: set[str]) -> list[str]:
    """Put ``build`` before arguments that begin with a target or with an option of ``build``; ``environment`` before those with ``-e``."""
    if not arguments or arguments[0] in commands or arguments[0] in ("-h", "--help", "--version"):
        return arguments
    if "-e" in arguments:
        return ["environment", *(item for item in arguments if item != "-e")]
    return ["build", *arguments]


def run(arguments: list[str]) -> None:
    """Raises SystemExit with the exit status, HadronbakeError, and what the command itself raises."""
    app(args=with_default_command(arguments, command_names()), prog_name="hbake")


def command_names() -> set[str]:
    """Registers the commands, if that was not done yet."""
    if not app.registered_commands:
        register()
    names = {str(info.name or info.callback.__name__) for info in app.registered_commands if info.callback}
    return names | {str(group.name) for group in app.registered_groups}
