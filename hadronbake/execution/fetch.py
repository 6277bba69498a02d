"""The builtin task ``fetch``: SRC_URI of the payload to downloads, and ``fetched.json`` for ``hb.unpack``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from hadronbake.fetching.fetcher import fetch
from hadronbake.fetching.model import FetchedFile, FetchEvent, FetchSettings
from hadronbake.fetching.uri import parse_mirrors, source_entries
from hadronbake.metadata.recipe import TaskPayload

SOURCES = Path("/hb/sources")
FILES = Path("files")
_MEBIBYTE = 1 << 20


def fetcher(downloads: Path) -> Callable[[TaskPayload, Path, Path, Callable[[str], None]], None]:
    """What the engine calls for a fetch task; ``downloads`` is seen as /hb/sources in sandboxes."""

    def run(payload: TaskPayload, work: Path, log: Path, say: Callable[[str], None]) -> None:
        with log.open("a") as stream:

            def report(event: FetchEvent) -> None:
                text = describe(event)
                say(text)
                if event.kind != "progress":
                    stream.write(text + "\n")

            entries = source_entries(
                payload.variables.get("SRC_URI") or "",
                _set(payload.flags.get("SRC_URI", {})),
                payload.variables.get("SRCREV"),
            )
            write(fetch(entries, settings_of(payload, downloads), report), downloads, work)

    return run


def settings_of(payload: TaskPayload, downloads: Path) -> FetchSettings:
    """What the metadata says about places and networks."""
    variables = payload.variables
    return FetchSettings(
        downloads=downloads,
        filespath=tuple(Path(part) for part in (variables.get("FILESPATH") or "").split(":") if part),
        premirrors=parse_mirrors(variables.get("PREMIRRORS") or ""),
        mirrors=parse_mirrors(variables.get("MIRRORS") or ""),
        debsrc=_set(payload.flags.get("DEBSRC", {})),
        offline=variables.get("BB_NO_NETWORK") == "1",
    )


def write(found: list[FetchedFile], downloads: Path, work: Path) -> None:
    """``fetched.json``, and below ``files/`` copies of local files: the layers themselves are not seen in the sandbox."""
    shutil.rmtree(work / FILES, ignore_errors=True)
    rows = []
    for number, item in enumerate(found):
        if item.entry.scheme == "file":
            place = FILES / str(number) / item.path.name
            (work / place).parent.mkdir(parents=True)
            if item.path.is_dir():
                shutil.copytree(item.path, work / place, symlinks=True)
            else:
                shutil.copy(item.path, work / place)
            path = Path("/hb/work") / place
        else:
            path = SOURCES / item.path.relative_to(downloads)
        rows.append(
            {
                "uri": item.entry.uri,
                "type": item.entry.scheme,
                "path": str(path),
                "parameters": dict(item.entry.parameters),
            }
        )
    (work / "fetched.json").write_text(json.dumps(rows, indent=1) + "\n")


def describe(event: FetchEvent) -> str:
    """An event as a line."""
    place = event.url or event.uri
    if event.kind == "progress":
        of = f" of {event.total / _MEBIBYTE:.1f}" if event.total else ""
        return f"{place}: {event.done / _MEBIBYTE:.1f}{of} MiB"
    words = {
        "start": f"fetching {place}",
        "retry": f"trying {place} again: {event.message}",
        "next": f"not from there: {event.message}",
        "waiting": f"waiting for another process that fetches {event.uri}",
        "done": f"fetched {event.uri}: {event.done} bytes",
        "present": f"already there: {event.uri}",
    }
    return words[event.kind]


def _set(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
