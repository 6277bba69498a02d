"""``hbake cache push``, ``pull``, ``divergences``: shared state between machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hadronbake.cli.build import origin_of
from hadronbake.cli.inspect import BuildDirectory, Json
from hadronbake.cli.opening import build_directory, open_configuration, open_workspace, say
from hadronbake.diagnostics import HadronbakeError

if TYPE_CHECKING:
    from hadronbake.artifacts.record import Record
    from hadronbake.remotes.reproducibility import Unlike
    from hadronbake.remotes.settings import RemoteSetting, Variable
    from hadronbake.remotes.store import SharedStore

_MOST_SHOWN = 20


def push(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Recipes or RECIPE:TASK (default: all of shared state).")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="A remote as in HB_CACHE_REMOTES (default: those of mode=rw).")
    ] = None,
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Send outputs, with all that the targets are made from, to remotes; what they have already isn't sent again."""
    from hadronbake.artifacts.inventory import record_names
    from hadronbake.artifacts.quota import show_size
    from hadronbake.artifacts.store import Store
    from hadronbake.execution.lookup import graph_outputs
    from hadronbake.remotes.transfer import push as send

    topdir = build_directory(build_dir)
    graphs: list[str] = []
    missing: list[str] = []
    if targets:
        workspace = open_workspace(topdir, quiet=True)
        variable = workspace.configuration.getVar
        store = _open(variable, to, writable=True)
        local = Store(store.root, store.keys)
        graph, records, missing = graph_outputs(targets, origin_of(workspace), local)
        taskhashes = [record.taskhash for record in records]
        if missing:
            say(f"hbake: {len(missing)} outputs of {' '.join(targets)} aren't in shared state, and are not sent")
        else:
            graphs.append(graph)
    else:
        store = _open(open_configuration(topdir).getVar, to, writable=True)
        taskhashes = record_names(store.root)

    def told(remote: str, number: int) -> None:
        if number < len(taskhashes) and not as_json:
            say(f"hbake: {number} of {len(taskhashes)} records are with {remote}")

    results = send(store, taskhashes, graphs, told)
    store.close()
    _notices(store)
    if as_json:
        print(json.dumps([asdict(item) for item in results]))
    else:
        for item in results:
            print(
                f"{item.remote}: {item.sent} records sent, {item.there} were there; {show_size(item.bytes)}, {item.requests} requests"
            )
            for count, what in (
                (item.diverged, "have another output there (hbake cache divergences)"),
                (item.incomplete, "aren't whole here, or aren't signed with a trusted key"),
                (item.failed, "couldn't be sent"),
            ):
                if count:
                    print(f"  {count} {what}")
    if missing or not all(item.ok for item in results):
        raise typer.Exit(1)


def pull(
    targets: Annotated[list[str], typer.Argument(help="Recipes or RECIPE:TASK.", show_default=False)],
    source: Annotated[
        str | None, typer.Option("--from", help="A remote as in HB_CACHE_REMOTES (default: all of those).")
    ] = None,
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Get the outputs of targets and of all that they are made from, so that later builds need no remote."""
    from hadronbake.artifacts.quota import show_size
    from hadronbake.execution.lookup import graph_outputs
    from hadronbake.remotes.transfer import pull as get

    workspace = open_workspace(build_directory(build_dir), quiet=True)
    store = _open(workspace.configuration.getVar, source, writable=False)
    store.check_writable()
    _, records, missing = graph_outputs(targets, origin_of(workspace), store)
    result = get(store, records, missing)
    store.close()
    _notices(store)
    if as_json:
        print(json.dumps(asdict(result)))
    else:
        print(
            f"{result.taken} outputs taken ({show_size(result.bytes)}, {result.requests} requests), {result.here} were here"
            + (f"; {len(result.missing)} are with no remote:" if result.missing else "")
        )
        for label in result.missing[:_MOST_SHOWN]:
            print(f"  {label}")
        if len(result.missing) > _MOST_SHOWN:
            print(f"  and {len(result.missing) - _MOST_SHOWN} more")
    if result.missing:
        raise typer.Exit(1)


def divergences(build_dir: BuildDirectory = None, as_json: Json = False) -> None:
    """List tasks that made different outputs from the same inputs, here or elsewhere, and how the outputs differ."""
    from hadronbake.remotes.opening import open_store
    from hadronbake.remotes.reproducibility import unlike

    store = open_store(open_configuration(build_directory(build_dir)).getVar)
    found = list(unlike(store))
    store.close()
    # Of the divergences themselves the list says more.
    _notices(store, but="two different outputs")
    if as_json:
        print(json.dumps([_plain(item) for item in found]))
        return
    names = {trusted.key: trusted.name for trusted in store.keys.trusted}
    for item in found:
        print(f"{item.first.task}  {item.first.taskhash}")
        print(f"  first:  {_said(item.first, item.keys[0], names)}")
        print(f"  second: {_said(item.second, item.keys[1], names)}")
        if item.differences is None:
            print("  their contents aren't at hand to be compared")
            continue
        for difference in item.differences[:_MOST_SHOWN]:
            sides = " / ".join(filter(None, (difference.first, difference.second)))
            print(f"    {difference.path}: {difference.aspect}{f': {sides}' if sides else ''}")
        if len(item.differences) > _MOST_SHOWN:
            print(f"    and {len(item.differences) - _MOST_SHOWN} more")
    print(f"{len(found) or 'no'} divergence{'' if len(found) == 1 else 's'}")


def _open(variable: Variable, entry: str | None, writable: bool) -> SharedStore:
    from hadronbake.remotes import settings
    from hadronbake.remotes.opening import open_store

    stated = settings.remotes(variable) if entry is None else (_named(entry, writable),)
    chosen = [item for item in stated if item.writable or not writable]
    if not chosen:
        what = (
            "no remote of HB_CACHE_REMOTES takes results" if stated else "there is no remote: HB_CACHE_REMOTES is empty"
        )
        raise HadronbakeError.of(
            "HBC133",
            what,
            hint="name one: --to /mnt/cache" if writable else "name one: --from https://cache.example.org",
        )
    return open_store(variable, chosen)


def _named(entry: str, writable: bool) -> RemoteSetting:
    from hadronbake.remotes import settings

    return settings.remote(f"{entry};mode=rw" if writable and ";mode=" not in entry else entry)


def _notices(store: SharedStore, but: str | None = None) -> None:
    for text in store.take_notices():
        if but is None or but not in text:
            say(f"hbake: warning: {text}")


def _said(record: Record, key: str | None, names: Mapping[str, str]) -> str:
    from hadronbake.artifacts.signing import SHOWN

    builder = f", built by {record.builder}" if record.builder else ""
    signed = f", signed by {names.get(key) or f'key {key[:SHOWN]}…'}" if key else ""
    return f"output {record.outhash[:12]}{builder}{signed}"


def _plain(item: Unlike) -> dict[str, object]:
    sides = {
        name: {
            "outhash": record.outhash,
            "builder": record.builder,
            "key": key,
            "finished": record.finished,
            "tools": record.tools,
        }
        for name, record, key in zip(("first", "second"), (item.first, item.second), item.keys, strict=True)
    }
    differences = None if item.differences is None else [asdict(difference) for difference in item.differences]
    return {"task": item.first.task, "taskhash": item.first.taskhash, **sides, "differences": differences}


def register(cache: typer.Typer) -> None:
    """Adds the commands to ``hbake cache``."""
    cache.command("push")(push)
    cache.command("pull")(pull)
    cache.command("divergences")(divergences)
