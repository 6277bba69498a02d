"""``hbake fmt``, ``lint``, ``deps``: for those who write layers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadronbake.cli.inspect import BuildDirectory, Json
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Severity, closest, render

if TYPE_CHECKING:
    from hadronbake.authoring.lint import RuleText
    from hadronbake.authoring.relations import Network, Way
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


def deps(
    target: Annotated[str, typer.Argument(help="A recipe, a name that is provided, or RECIPE:TASK (then of tasks).")],
    runtime: Annotated[bool, typer.Option("--run-time", "-r", help="What is needed at run time.")] = False,
    of_tasks: Annotated[bool, typer.Option("--tasks", "-t", help="Tasks instead of recipes.")] = False,
    reverse: Annotated[bool, typer.Option("--reverse", help="What needs the target.")] = False,
    why: Annotated[str | None, typer.Option("--why", help="The shortest way from the target to this one.")] = None,
    as_dot: Annotated[bool, typer.Option("--dot", help="Write a graph for Graphviz.")] = False,
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Show what a recipe or task needs: at build time, at run time, or task by task."""
    from hadronbake.authoring import relations
    from hadronbake.cli.opening import build_directory, open_workspace

    workspace = open_workspace(build_directory(build_dir), quiet=True)
    of_tasks = of_tasks or ":do_" in target
    if of_tasks:
        network = relations.tasks(workspace, [*relations.all_targets(workspace), target] if reverse else [target])
    else:
        network = (relations.run_time if runtime else relations.build_time)(workspace)
    start = node_of(target, network, workspace)
    if why is not None:
        way = min(
            (network.way(start, name) for name in ends_of(why, network, workspace)),
            key=lambda way: len(way.edges) or len(network.nodes) + 1,
        )
        if as_json:
            print(way.model_dump_json())
        else:
            print("\n".join(way_lines(way)))
        if not way.edges:
            raise typer.Exit(1)
        return
    found = network.around(start, reverse=reverse)
    if as_json:
        print(found.model_dump_json())
        return
    for line in (relations.dot if as_dot else relations.tree)(found):
        print(line)


def node_of(name: str, network: Network, workspace: Workspace) -> str:
    """The node that a name stands for: as it is, else what provides it. Raises HadronbakeError."""
    if name in network.nodes:
        return name
    if network.relation == "tasks":
        front, _, task = name.partition(":")
        label = f"{workspace.recipes[workspace.providers.resolve(front)].pn}:{task or 'do_build'}"
        if label in network.nodes:
            return label
        near = closest(label, network.nodes)
        raise HadronbakeError.of(
            "HBC142", f"there is no task {label} in this build", hint=f"did you mean {near}?" if near else None
        )
    resolve = workspace.providers.resolve_runtime if network.relation == "run-time" else workspace.providers.resolve
    try:
        return workspace.recipes[resolve(name)].pn
    except HadronbakeError:
        return workspace.recipes[workspace.providers.resolve(name)].pn


def ends_of(name: str, network: Network, workspace: Workspace) -> list[str]:
    """As :func:`node_of`; but a recipe's name, where there are tasks, stands for all of its tasks."""
    if network.relation == "tasks" and ":" not in name:
        pn = workspace.recipes[workspace.providers.resolve(name)].pn
        found = sorted(label for label in network.nodes if label.startswith(f"{pn}:"))
        return found or [f"{pn}:do_build"]
    return [node_of(name, network, workspace)]


def way_lines(way: Way) -> list[str]:
    if not way.edges:
        return [f"{way.target} does not need {way.to} ({way.relation})"]
    return [way.target, *(f"  {'  ' * depth}{edge.target}  [{edge.why}]" for depth, edge in enumerate(way.edges))]


def show_rules(rules: tuple[RuleText, ...], as_json: bool) -> None:
    if as_json:
        print(json.dumps([rule.model_dump() for rule in rules]))
        return
    for rule in rules:
        print(f"{rule.code}  {'error  ' if rule.error else 'warning'}  {rule.title}")


def register(app: typer.Typer) -> None:
    app.command("fmt")(fmt)
    app.command("lint")(lint)
    app.command("deps")(deps)
