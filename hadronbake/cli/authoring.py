"""``hbake fmt``, ``lint``, ``deps``: for those who write layers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hadronbake.cli.inspect import Json
from hadronbake.diagnostics import render


def fmt(
    paths: Annotated[list[Path], typer.Argument(help="Files, and directories of layers.", show_default=False)],
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a file would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Lay files out in one style. Their statements stay what they are, and so do all task hashes."""
    from hadronbake.authoring.reformat import reformat
    from hadronbake.authoring.sources import source_files

    report, errors = reformat(source_files(paths), write=not (check or diff))
    if as_json:
        print(report.model_dump_json())
    else:
        for file in report.files:
            if diff:
                sys.stdout.write(file.diff)
            elif file.changed:
                print(f"{'would change' if check else 'changed'} {file.file}")
        changed = sum(file.changed for file in report.files)
        print(f"{len(report.files)} files, {changed} {'changed' if report.written else 'to change'}", file=sys.stderr)
    for item in errors:
        print(render(item), file=sys.stderr)
    if errors or (check and any(file.changed for file in report.files)):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    app.command("fmt")(fmt)
