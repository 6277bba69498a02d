"""``hbake``: the commands. A word that is no command is a target: ``hbake hadron-image`` is ``hbake build hadron-image``."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated

import typer

from hadronbake import __version__
from hadronbake.diagnostics import HadronbakeError, closest, render

NO_PROVIDER = ("HBM030", "HBP001")

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


def main() -> None:
    """The entry point. Ends the process with the documented exit status."""
    if sys.argv[1:] == ["--version"]:
        # Shells and editors ask this often; nothing else need be loaded for it.
        print(f"hbake {__version__}")
        return
    # What Python thinks of the regular expressions of the metadata (BBMASK, BBFILE_PATTERN…) is of no use to anybody here.
    warnings.simplefilter("ignore", FutureWarning)
    register()
    commands = {str(info.name or info.callback.__name__) for info in app.registered_commands if info.callback}
    commands |= {str(group.name) for group in app.registered_groups}
    try:
        app(args=with_default_command(sys.argv[1:], commands), prog_name="hbake")
    except HadronbakeError as error:
        print(error, file=sys.stderr)
        word = next((item for item in sys.argv[1:] if not item.startswith("-")), "")
        near = closest(word, commands) if word not in commands else None
        if near and any(item.code in NO_PROVIDER for item in error.diagnostics):
            print(f"  = hint: '{word}' was taken for a target; did you mean the command {near}?", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        from hadronbake.diagnostics import engine_failure
        from hadronbake.metadata.failures import system_failure

        if isinstance(error, OSError):
            print(render(system_failure(error)), file=sys.stderr)
        else:
            print(render(engine_failure(error, f"running hbake {' '.join(sys.argv[1:])}")), file=sys.stderr)
        sys.exit(1)
