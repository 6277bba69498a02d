"""``hbake build``: the command behind ``hbake TARGET…``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadronbake.diagnostics import render

if TYPE_CHECKING:
    from hadronbake.execution.build import BuildResult, Origin
    from hadronbake.metadata.workspace import Workspace
    from hadronbake.reporting.events import Reporter


def build(
    targets: Annotated[
        list[str],
        typer.Argument(
            help="Recipes, names they provide, or RECIPE:TASK; of another configuration mc:NAME:RECIPE.",
            show_default=False,
        ),
    ],
    task: Annotated[str | None, typer.Option("-c", "--cmd", help="The task to run instead of do_build.")] = None,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Say what would run, and run nothing.")] = False,
    keep_going: Annotated[
        bool, typer.Option("-k", "--continue", help="Go on after a failure as far as can be.")
    ] = False,
    force: Annotated[
        bool, typer.Option("-f", "--force", help="Run the task, or all of the target's, in any case.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
    build_directory: Annotated[
        Path | None, typer.Option("--build-dir", "-B", help="The build directory (default: build/).")
    ] = None,
) -> None:
    """Build targets."""
    from hadronbake.cli.opening import build_directory as find_directory
    from hadronbake.cli.opening import open_workspace, say
    from hadronbake.execution.build import BuildRequest
    from hadronbake.execution.build import build as run

    workspace = open_workspace(find_directory(build_directory))
    reporter = make_reporter(as_json)
    try:
        request = BuildRequest(tuple(targets), task, force, keep_going, dry_run)
        result = run(request, origin_of(workspace), reporter)
    finally:
        reporter.close()
        workspace.close()
        # Which of several providers was taken without anybody's choice.
        for own in (workspace, *workspace.others.values()):
            for warning in own.providers.warnings:
                say(render(warning))
    if dry_run:
        for line in plan_lines(result):
            print(line)
    if result.interrupted:
        raise typer.Exit(130)
    if not result.ok:
        raise typer.Exit(1)


def make_reporter(as_json: bool) -> Reporter:
    """For a terminal the live display, else lines."""
    if as_json:
        from hadronbake.reporting.jsonlines import JsonLines

        return JsonLines(sys.stdout)
    if sys.stderr.isatty():
        from hadronbake.reporting.terminal import Terminal

        return Terminal()
    from hadronbake.reporting.lines import Lines

    return Lines(sys.stderr)


def origin_of(workspace: Workspace) -> Origin:
    """What a build needs of a workspace."""
    from hadronbake.execution.build import Origin
    from hadronbake.planning.graph import Names

    return Origin(
        recipes=workspace.everywhere(),
        build_time=workspace.providers.resolve,
        run_time=workspace.providers.resolve_runtime,
        assumed=workspace.providers.preferences.assumed,
        variable=workspace.configuration.getVar,
        payload=workspace.payload,
        inputs=workspace.inputs,
        flags=workspace.configuration.getVarFlags,
        others={
            mc: Names(own.providers.resolve, own.providers.resolve_runtime, own.providers.preferences.assumed)
            for mc, own in workspace.others.items()
        },
        place=workspace.place_of,
        at_source=workspace.at_source,
    )


def plan_lines(result: BuildResult) -> list[str]:
    """A dry run in words."""
    lines = [f"would run {label}" for label in result.would_run]
    if result.unknown:
        lines.append(f"{len(result.unknown)} tasks depend on what these make:")
        lines += [f"  {label}" for label in result.unknown]
    lines.append(f"{len(result.would_run)} tasks to run, {len(result.found)} outputs are known")
    return lines


def register(app: typer.Typer) -> None:
    app.command("build")(build)
