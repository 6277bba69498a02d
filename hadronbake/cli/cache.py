"""``hbake cache``: what is in shared state, whether it is right, and taking away what nobody needs."""

from __future__ import annotations

import fnmatch
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadronbake.cli import sharing
from hadronbake.cli.inspect import BuildDirectory, Json
from hadronbake.cli.opening import build_directory, open_workspace, say
from hadronbake.diagnostics import HadronbakeError

if TYPE_CHECKING:
    from hadronbake.artifacts.collection import Report
    from hadronbake.artifacts.store import Store

app = typer.Typer(help="Look at shared state, check it, collect it.", no_args_is_help=True)

StoreDirectory = Annotated[
    Path | None,
    typer.Option("--store", help="The directory of shared state (default: SSTATE_DIR of the build directory)."),
]


def open_store(store: Path | None, build_dir: Path | None) -> tuple[Store, str]:
    """The store, and the quota that the configuration gives it (empty for none, or where the store was named)."""
    from hadronbake.artifacts.store import Store

    if store is not None:
        if not store.is_dir():
            raise HadronbakeError.of("HBC130", f"{store} is no directory")
        return Store(store.absolute()), ""
    from hadronbake.cli.opening import open_configuration
    from hadronbake.remotes.settings import keyring

    d = open_configuration(build_directory(build_dir))
    place = d.getVar("SSTATE_DIR")
    if not place:
        raise HadronbakeError.of("HBE002", "SSTATE_DIR has no value", hint="set SSTATE_DIR in conf/local.conf")
    return Store(Path(place).absolute(), keyring(d.getVar)), d.getVar("HB_CACHE_SIZE") or ""


@app.command()
def stats(store: StoreDirectory = None, build_dir: BuildDirectory = None, as_json: Json = False) -> None:
    """Say how much there is: records, blobs, bytes, and what builds used last."""
    from hadronbake.artifacts.inventory import summary
    from hadronbake.artifacts.quota import parse_size, show_size

    opened, quota = open_store(store, build_dir)
    found = summary(opened)
    limit = parse_size(quota, "HB_CACHE_SIZE")
    if as_json:
        print(json.dumps({"store": str(opened.root), "quota": limit, **asdict(found)}))
        return
    print(f"{opened.root}: {show_size(found.bytes)} of {show_size(limit) if limit is not None else 'no limit'}")
    print(f"  {found.records} records of {found.tasks} tasks, {found.blobs} blobs, {found.index} known outputs")
    print(f"  {found.rooted} records were used by the last builds of {found.directories} build directories")
    if found.records:
        print(f"  last used: the newest {_ago(found.newest)}, the oldest {_ago(found.oldest)}")
    if found.bad:
        print(f"  {found.bad} damaged files were set aside in {opened.root / 'bad'} ({show_size(found.bad_bytes)})")


@app.command("ls")
def list_records(
    pattern: Annotated[str, typer.Argument(help="Tasks, as RECIPE:TASK with * and ?.")] = "*",
    store: StoreDirectory = None,
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """List records: task, taskhash, size of the output, last use; those used last come first."""
    from hadronbake.artifacts.inventory import records, tree_size
    from hadronbake.artifacts.quota import show_size

    opened, _ = open_store(store, build_dir)
    wanted = pattern if ":" in pattern or pattern == "*" else f"{pattern}:*"
    rows = []
    sizes: dict[str, int] = {}
    for item in sorted(records(opened), key=lambda item: (-item.used, item.record.task)):
        record = item.record
        if fnmatch.fnmatchcase(record.task, wanted):
            size = tree_size(opened, record.tree, sizes)
            rows.append(
                {
                    "task": record.task,
                    "taskhash": record.taskhash,
                    "unihash": record.unihash,
                    "outhash": record.outhash,
                    "bytes": size,
                    "used": item.used,
                    "finished": record.finished,
                    "builder": record.builder,
                }
            )
    if as_json:
        print(json.dumps(rows))
        return
    if not rows and pattern != "*":
        say(f"hbake: there is no record of a task '{wanted}'")
    for row in rows:
        shown = show_size(int(str(row["bytes"]))) if row["bytes"] is not None else "incomplete"
        print(f"{str(row['taskhash'])[:12]}  {shown:>12}  {_ago(float(str(row['used']))):>15}  {row['task']}")


@app.command()
def verify(store: StoreDirectory = None, build_dir: BuildDirectory = None, as_json: Json = False) -> None:
    """Read every blob, tree, record and index entry again; put what is damaged aside and say what will be built again."""
    from hadronbake.artifacts.quota import show_size
    from hadronbake.artifacts.verification import verify as check

    opened, _ = open_store(store, build_dir)
    result = check(opened)
    if as_json:
        print(json.dumps(asdict(result)))
    else:
        for item in result.findings:
            print(f"{item.kind} {item.name}: {item.problem}{f'; set aside as {item.aside}' if item.aside else ''}")
            for task in item.tasks:
                print(f"    {task} is built again when it is next wanted")
        print(
            f"{result.blobs} blobs ({show_size(result.bytes)}), {result.trees} directories, {result.records} records and "
            f"{result.index} index entries read; {len(result.findings) or 'nothing'} {'were' if len(result.findings) > 1 else 'was'} wrong"
        )
        if result.freed:
            print(f"{show_size(result.freed)} of the disk were zeros: they are holes now")
    if result.findings:
        raise typer.Exit(1)


@app.command()
def gc(
    size: Annotated[
        str | None, typer.Option("--size", help="Collect down to this size, e.g. 20G (default: HB_CACHE_SIZE).")
    ] = None,
    grace: Annotated[
        float, typer.Option("--grace", help="Minutes for which what was used or written stays in any case.")
    ] = 60.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be deleted.")] = False,
    store: StoreDirectory = None,
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Delete the outputs used longest ago until shared state is below its size, and all that no record names.

    What the last builds of existing build directories used stays. Other builds may run meanwhile.
    """
    from hadronbake.artifacts.collection import collect
    from hadronbake.artifacts.quota import parse_size

    opened, quota = open_store(store, build_dir)
    limit = parse_size(size, "--size") if size is not None else parse_size(quota, "HB_CACHE_SIZE")
    report = collect(opened, limit, grace=grace * 60, dry_run=dry_run)
    if as_json:
        print(json.dumps({"store": str(opened.root), "quota": limit, "dry_run": dry_run, **asdict(report)}))
        return
    for line in report_lines(report, dry_run, grace):
        print(line)


def report_lines(report: Report, dry_run: bool, grace: float) -> list[str]:
    """A collection in words; ``grace`` in minutes."""
    from hadronbake.artifacts.quota import show_size

    verb = "would be deleted" if dry_run else "deleted"
    lines = [
        f"{show_size(item.bytes):>12}  {item.taskhash[:12]}  {_ago(item.used):>15}  {item.task}"
        for item in report.evicted
    ]
    if report.loose:
        lines.append(f"{show_size(report.loose):>12}  named by no record")
    lines.append(
        f"{len(report.evicted)} of {report.records} records and {report.blobs} blobs {verb}: "
        f"{show_size(report.before)} before, {show_size(report.after)} after; {report.rooted} records are in use by build directories"
    )
    if report.over:
        recent = f", and what was used in the last {grace:g} minutes (--grace)," if grace else ""
        lines.append(
            f"what build directories use{recent} is itself more than the size asked for: remove build directories, or allow more"
        )
    if report.busy:
        lines.append("shared state was busy: something was left for the next time")
    return lines


@app.command()
def export(
    target: Annotated[str, typer.Argument(help="RECIPE:TASK, or RECIPE for all its outputs.")],
    destination: Annotated[Path, typer.Argument(help="A new directory, or an archive: .tar, .tar.gz, .tar.zst.")],
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Write the outputs of a target, as they are in shared state, to a directory or an archive."""
    from hadronbake.artifacts.export import export as write
    from hadronbake.artifacts.store import Store
    from hadronbake.cli.build import origin_of
    from hadronbake.execution.lookup import known_outputs

    workspace = open_workspace(build_directory(build_dir), quiet=True)
    store, records = known_outputs(target, origin_of(workspace))
    assert isinstance(store, Store)
    named = {record.task.partition(":")[2] if len(records) > 1 else "": record for record in records}
    write(store, {name: record.tree for name, record in named.items()}, destination)
    if as_json:
        print(json.dumps({"destination": str(destination), "outputs": {r.task: r.outhash for r in records}}))
    else:
        say(f"hbake: wrote {', '.join(record.task for record in records)} to {destination}")


def _ago(seconds: float) -> str:
    passed = max(0.0, time.time() - seconds)
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if passed >= unit:
            count = int(passed // unit)
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def register(parent: typer.Typer) -> None:
    sharing.register(app)
    parent.add_typer(app, name="cache")
