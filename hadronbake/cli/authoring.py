"""``hbake fmt``, ``lint``, ``deps``: for those who write layers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadronbake.cli.inspect import BuildDirectory, Json
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Severity, render

if TYPE_CHECKING:
    from hadronbake.authoring.lint import RuleText
    from hadronbake.metadata.workspace import Workspace


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


def lint(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="Files, directories, recipes; without any, all layers.", show_default=False),
    ] = None,
    rules: Annotated[bool, typer.Option("--rules", help="Show the rules instead.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings too.")] = False,
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Find what the language allows but nobody means. docs/lint.md has the rules and how to silence one."""
    from hadronbake.authoring.lint import lint as run
    from hadronbake.authoring.lint import rule_texts

    if rules:
        show_rules(rule_texts(), as_json)
        return
    workspace, errors = workspace_if_any(build_dir)
    report, found = run(lint_files(targets or [], workspace), workspace)
    if as_json:
        print(report.model_dump_json())
    else:
        for item in found:
            print(render(item), end="\n\n")
        without = "" if workspace is not None else " (rules about recipes need a build directory that can be read)"
        print(
            f"{report.files} files, {report.recipes} recipes: {len(found)} findings, {report.silenced} silenced{without}",
            file=sys.stderr,
        )
    for item in errors:
        print(render(item), file=sys.stderr)
    if errors or any(strict or item.severity is Severity.ERROR for item in found):
        raise typer.Exit(1)


def workspace_if_any(given: Path | None) -> tuple[Workspace | None, tuple[Diagnostic, ...]]:
    """The workspace of the build directory, if there is one; else what is wrong with it."""
    from hadronbake.cli.opening import open_workspace
    from hadronbake.metadata.template import find_build_directory

    topdir = given if given is not None else find_build_directory(Path.cwd())
    if topdir is None:
        return None, ()
    try:
        return open_workspace(topdir, quiet=True), ()
    except HadronbakeError as error:
        return None, error.diagnostics


def lint_files(targets: list[str], workspace: Workspace | None) -> list[Path]:
    """The files that files, directories and names of recipes stand for."""
    from hadronbake.authoring.sources import source_files
    from hadronbake.authoring.surveyed import own_files
    from hadronbake.language.parser import KINDS

    paths = [Path(item) for item in targets]
    if not targets and workspace is not None:
        paths = [Path(layer.directory) for layer in workspace.layers if layer.directory]
    elif not targets:
        raise HadronbakeError.of(
            "HBC141", "nothing to look at", hint="name files or directories, or go to a build directory"
        )
    found: list[Path] = []
    for path in paths:
        if workspace is not None and not path.exists() and "/" not in str(path) and path.suffix not in KINDS:
            found += map(Path, own_files(workspace, workspace.providers.resolve(str(path))))
        else:
            found += source_files([path])
    return list(dict.fromkeys(found))


def show_rules(rules: tuple[RuleText, ...], as_json: bool) -> None:
    if as_json:
        print(json.dumps([rule.model_dump() for rule in rules]))
        return
    for rule in rules:
        print(f"{rule.code}  {'error  ' if rule.error else 'warning'}  {rule.title}")


def register(app: typer.Typer) -> None:
    app.command("fmt")(fmt)
    app.command("lint")(lint)
