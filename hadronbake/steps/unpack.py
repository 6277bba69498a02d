"""do_unpack: what do_fetch has brought, into ``${UNPACKDIR}``.

Parameters of a SRC_URI entry: ``unpack=0`` copies an archive as it is; ``subdir=`` is a directory below UNPACKDIR (or an
absolute one within it); ``striplevel=N`` drops leading directories; ``nested=GLOB`` unpacks the archives inside the archive,
instead of itself. The tree of a git commit comes as a tar file.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from hadronbake.diagnostics import HadronbakeError
from hadronbake.steps import archives
from hadronbake.steps.data import Data

FETCHED = Path("/hb/work/fetched.json")
_NO = ("0", "no", "n", "false")


@dataclass(frozen=True, slots=True)
class Fetched:
    """One entry of ``fetched.json``, in SRC_URI order; ``path`` as seen in the sandbox."""

    uri: str
    type: str
    path: Path
    parameters: Mapping[str, str]

    @property
    def name(self) -> str:
        """Where a local file goes below the destination: the path in its URI if that is relative, else its last part."""
        if self.type == "file":
            place = unquote(self.uri.removeprefix("file://").partition(";")[0])
            if place and not place.startswith("/"):
                return str(PurePosixPath(place))
        return self.path.name


def fetched(file: Path) -> list[Fetched]:
    """Reads the list that do_fetch has written; an absent one is empty."""
    if not file.exists():
        return []
    return [
        Fetched(item["uri"], item["type"], Path(item["path"]), item.get("parameters") or {})
        for item in json.loads(file.read_text())
    ]


def run(d: Data) -> None:
    """Unpacks everything, then checks that S is there (HBS110)."""
    unpackdir = Path(_needed(d.getVar("UNPACKDIR"), "UNPACKDIR"))
    source = Path(_needed(d.getVar("S"), "S"))
    unpackdir.mkdir(parents=True, exist_ok=True)
    entries = fetched(FETCHED)
    for entry in entries:
        print(f"unpacking {entry.uri}", flush=True)
        place(entry, unpackdir)
    if not entries:
        source.mkdir(parents=True, exist_ok=True)
    check_source(source, unpackdir)


def place(entry: Fetched, unpackdir: Path) -> None:
    """Puts one entry where it belongs below ``unpackdir``. Errors: HBS101 to HBS105, HBS111 to HBS113."""
    parameters = entry.parameters
    destination = _below(unpackdir, parameters.get("subdir", ""), "subdir", entry)
    if entry.path.is_dir():
        shutil.copytree(entry.path, destination / entry.name, symlinks=True, dirs_exist_ok=True)
    elif parameters.get("unpack", "1").lower() in _NO or archives.kind(entry.path.name) is None:
        target = _below(destination, entry.name, "the name", entry)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copy2(entry.path, target)
        target.chmod((target.stat().st_mode & 0o755) | 0o600)
    else:
        strip = parameters.get("striplevel", "0")
        if not strip.isdigit():
            raise HadronbakeError.of("HBS112", f"striplevel must be a number, not '{strip}', in {entry.uri}")
        if "nested" in parameters:
            archives.unpack_nested(entry.path, destination, parameters["nested"], int(strip))
        else:
            archives.unpack(entry.path, destination, int(strip))


def check_source(source: Path, unpackdir: Path) -> None:
    """Raises HBS110 where S is no directory."""
    if source.is_dir():
        return
    there = sorted(path.name for path in unpackdir.iterdir() if path.is_dir()) if unpackdir.is_dir() else []
    if not there:
        hint = 'nothing was unpacked into a directory; for sources that are single files say S = "${UNPACKDIR}"'
    else:
        hint = f'say S = "${{UNPACKDIR}}/{there[0]}"' if len(there) == 1 else "say which of them S is"
    found = f"there are: {', '.join(there)}" if there else "there is no directory"
    raise HadronbakeError.of(
        "HBS110", f"S is {source}, which doesn't exist after unpacking; in {unpackdir} {found}", hint=hint
    )


def _needed(value: str | None, name: str) -> str:
    if not value:
        raise HadronbakeError.of("HBS113", f"{name} is not set", hint="base.bbclass and bitbake.conf set it")
    return value


def _below(base: Path, text: str, what: str, entry: Fetched) -> Path:
    result = Path(os.path.normpath(base / text))
    if result != base and base not in result.parents:
        raise HadronbakeError.of("HBS111", f"{what} '{text}' leaves {base}, in {entry.uri}")
    return result
