"""The builtin task ``fetch``: SRC_URI of the payload to downloads, and ``fetched.json`` for ``hb.unpack``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from hadronbake.execution.workdir import remove_tree
from hadronbake.fetching.fetcher import fetch
from hadronbake.fetching.model import FetchedFile, FetchEvent, FetchSettings
from hadronbake.fetching.uri import parse_mirrors, source_entries
from hadronbake.metadata.recipe import TaskPayload

SOURCES = "/hb/sources"
LOCAL = "files"


def fetcher(
    downloads: Path, debsrc: Mapping[str, str]
) -> Callable[[TaskPayload, Path, Path, Callable[[str], None]], None]:
    """What the engine calls for a fetch task. ``downloads`` is seen as /hb/sources in sandboxes; ``debsrc``: SHA-256 of an upstream
    file → where Debian has the same."""

    def run(payload: TaskPayload, work: Path, log: Path, say: Callable[[str], None]) -> None:
        with log.open("a") as lines:

            def report(event: FetchEvent) -> None:
                say(_progress(event))
                if event.kind != "progress":
                    lines.write(f"{event.kind} {event.uri} {event.url} {event.message}".rstrip() + "\n")
                    lines.flush()

            variables = payload.variables
            entries = source_entries(
                variables.get("SRC_URI") or "",
                {name: value for name, value in payload.flags.get("SRC_URI", {}).items() if value is not None},
                variables.get("SRCREV") or None,
            )
            fetched = fetch(entries, _settings(variables, downloads, debsrc), report)
            local = work / LOCAL
            remove_tree(local)
            rows = [
                {
                    "uri": item.entry.uri,
                    "type": item.entry.scheme,
                    "path": _place(item, number, downloads, local),
                    "parameters": dict(item.entry.parameters),
                }
                for number, item in enumerate(fetched)
            ]
            (work / "fetched.json").write_text(json.dumps(rows, indent=1) + "\n")

    return run


def _settings(variables: Mapping[str, str | None], downloads: Path, debsrc: Mapping[str, str]) -> FetchSettings:
    return FetchSettings(
        downloads=downloads,
        filespath=tuple(Path(place) for place in (variables.get("FILESPATH") or "").split(":") if place),
        premirrors=parse_mirrors(variables.get("PREMIRRORS") or ""),
        mirrors=parse_mirrors(variables.get("MIRRORS") or ""),
        debsrc=debsrc,
        offline=variables.get("BB_NO_NETWORK") == "1",
    )


def _place(item: FetchedFile, number: int, downloads: Path, local: Path) -> str:
    """The path inside the sandbox; a local file is copied, so that no task can change the layer's own."""
    if item.entry.scheme != "file":
        return f"{SOURCES}/{item.path.relative_to(downloads)}"
    name = PurePosixPath(item.entry.path.lstrip("/"))
    if ".." in name.parts or not name.parts:
        name = PurePosixPath(str(number), item.path.name)
    target = local / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if item.path.is_dir():
        shutil.copytree(item.path, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy(item.path, target)
    return f"/hb/work/{LOCAL}/{name}"


def _progress(event: FetchEvent) -> str:
    what = event.url or event.uri
    if event.kind == "progress" and event.total:
        return f"{event.done / event.total:4.0%} of {event.total / 1e6:.1f} MB, {what}"
    if event.kind == "progress":
        return f"{event.done / 1e6:.1f} MB, {what}"
    return f"{event.kind} {what} {event.message}".strip()
