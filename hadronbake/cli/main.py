"""``hbake``: where the process begins and ends. The commands, and what reads the command line, are loaded if they are needed."""

from __future__ import annotations

import os
import sys
import warnings

from hadronbake import __version__
from hadronbake.diagnostics import HadronbakeError, closest, render

NO_PROVIDER = ("HBM030", "HBP001")


def main() -> None:
    """The entry point. Ends the process with the documented exit status."""
    if sys.argv[1:] == ["--version"]:
        # Shells and editors ask this often; nothing else need be loaded for it.
        print(f"hbake {__version__}")
        return
    # What Python thinks of the regular expressions of the metadata (BBMASK, BBFILE_PATTERN…) is of no use to anybody here.
    warnings.simplefilter("ignore", FutureWarning)
    try:
        _run(sys.argv[1:])
    except HadronbakeError as error:
        print(error, file=sys.stderr)
        word = next((item for item in sys.argv[1:] if not item.startswith("-")), "")
        if any(item.code in NO_PROVIDER for item in error.diagnostics):
            from hadronbake.cli.commands import command_names

            commands = command_names()
            near = closest(word, commands) if word not in commands else None
            if near:
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


def _run(arguments: list[str]) -> None:
    if arguments in (["parse"], ["parse", "--json"]):
        # Editors and scripts ask this often: half of the time would go into reading the command line.
        from hadronbake.cli.parse import parse

        parse(as_json=len(arguments) > 1)
        sys.exit(0)
    from hadronbake.cli.commands import run

    run(arguments)
