"""do_patch: the patches of SRC_URI, in order, onto ``${S}``, with strict context.

A patch is an entry whose name ends in ``.patch`` or ``.diff`` (maybe compressed), unless it has ``apply=no``; another entry
with ``apply=yes``; or a directory with a file ``series``, whose patches are applied in its order. Parameters: ``striplevel``
(1), ``patchdir`` (below S, or absolute), ``fuzz`` (how many lines of context may differ; 0, or PATCH_FUZZ).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location
from hadronbake.steps import archives
from hadronbake.steps.data import Data
from hadronbake.steps.hunks import Hunk, fuzz_needed, hunks, nearest
from hadronbake.steps.unpack import FETCHED, Fetched, fetched

_PATCH = re.compile(r".*\.(patch|diff)(\.(gz|bz2|xz|zst))?$")
_FAILED = re.compile(r"Hunk #(\d+) (?:FAILED|NOT MERGED|ignored) at ")
_FILE = re.compile(r"(?:patching|checking) file '?(.*?)'?(?: \(.*\))?$")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Patch:
    """``path``: an uncompressed file. ``directory``: where it is applied."""

    path: Path
    directory: Path
    striplevel: int
    fuzz: int


def run(d: Data) -> None:
    """Applies all; the first that fails ends it (HBS201 to HBS204)."""
    source = Path(d.getVar("S") or "")
    fuzz = d.getVar("PATCH_FUZZ") or "0"
    with tempfile.TemporaryDirectory() as scratch:
        for patch in patches(fetched(FETCHED), source, _number(fuzz, "PATCH_FUZZ"), Path(scratch)):
            print(f"applying {patch.path.name}", flush=True)
            apply(patch)


def patches(entries: list[Fetched], source: Path, fuzz: int, scratch: Path) -> Iterator[Patch]:
    """The patches of ``entries`` in the order in which they apply; compressed ones are decompressed into ``scratch``."""
    for entry in entries:
        parameters = entry.parameters
        wanted = parameters.get("apply", "").lower()
        if wanted in ("no", "0", "false"):
            continue
        directory = source / parameters.get("patchdir", "")
        strip = _number(parameters.get("striplevel", parameters.get("pnum", "1")), "striplevel")
        allowed = _number(parameters["fuzz"], "fuzz") if "fuzz" in parameters else fuzz
        if entry.path.is_dir():
            series = entry.path / "series"
            if entry.type == "file" and series.is_file():
                for name, level in read_series(series.read_text(), strip):
                    path = entry.path / name
                    if not path.is_file():
                        raise HadronbakeError.of("HBS203", f"{name} is in {entry.name}/series, but isn't there")
                    yield Patch(path, directory, level, allowed)
        elif _PATCH.match(entry.path.name) or wanted in ("yes", "1", "true"):
            path = entry.path
            if archives.kind(path.name) == "single":
                archives.unpack(path, scratch)
                path = scratch / path.stem
            yield Patch(path, directory, strip, allowed)


def read_series(text: str, striplevel: int) -> Iterator[tuple[str, int]]:
    """Name and strip level of each patch of a quilt series file: one a line, ``#`` comments, option ``-pN``."""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words:
            levels = [word[2:] for word in words[1:] if word.startswith("-p")]
            yield words[0], _number(levels[-1], "-p") if levels else striplevel


def apply(patch: Patch) -> None:
    """Raises HBS201 with one diagnostic for each hunk that failed, HBS202 for what else patch(1) refuses."""
    if not patch.directory.is_dir():
        raise HadronbakeError.of("HBS204", f"{patch.path.name} applies in {patch.directory}, which is no directory")
    program = shutil.which("patch")
    if program is None:
        raise HadronbakeError.of(
            "HBS204", "the program patch isn't there", hint='add it to HOSTTOOLS: HOSTTOOLS += "patch"'
        )
    words = [program, f"-p{patch.striplevel}", f"-F{patch.fuzz}", "--force", "--no-backup-if-mismatch"]
    words += ["--reject-file=-", "-i", str(patch.path), "-d", str(patch.directory)]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    if done.returncode == 0:
        for line in done.stdout.splitlines():
            if "succeeded" in line or line.startswith("patching"):
                print(f"  {line}", flush=True)
        return
    backwards = subprocess.run([*words, "--reverse", "--dry-run"], capture_output=True, stdin=subprocess.DEVNULL)
    if backwards.returncode == 0:
        raise HadronbakeError.of(
            "HBS202",
            f"{patch.path.name} is in the sources already",
            Location(str(patch.path)),
            hint="take it out of SRC_URI",
        )
    text = patch.path.read_text(errors="replace")
    found = list(_explain(patch, done.stdout, hunks(text, patch.striplevel)))
    if not found:
        said = (done.stdout + done.stderr).strip()
        raise HadronbakeError.of("HBS202", f"{patch.path.name} doesn't apply", Location(str(patch.path)), hint=said)
    if len(found) > _SHOWN:
        rest = len(found) - _SHOWN
        found[_SHOWN:] = [Diagnostic("HBS201", f"{rest} more hunks of {patch.path.name} don't apply")]
    raise HadronbakeError(*found)


def _explain(patch: Patch, said: str, all_hunks: list[Hunk]) -> Iterator[Diagnostic]:
    """One diagnostic for each failure in the output of patch(1)."""
    target = ""
    # A patch may name a file twice; then its hunks are counted anew.
    section = 0
    current: list[Hunk] = []
    for line in said.splitlines():
        if match := _FILE.match(line):
            target = match[1]
            later = [hunk.section for hunk in all_hunks if hunk.target == target and hunk.section > section]
            section = later[0] if later else section
            current = [hunk for hunk in all_hunks if hunk.section == section]
        elif line.startswith("can't find file to patch"):
            names = sorted({hunk.target for hunk in all_hunks if not (patch.directory / hunk.target).exists()})
            yield Diagnostic(
                "HBS202",
                f"{patch.path.name} changes {names[0] if names else 'a file'}, which isn't there",
                Location(str(patch.path)),
                hint=f"striplevel is {patch.striplevel}, the directory {patch.directory}; is one of them wrong?",
            )
            return
        elif match := _FAILED.match(line):
            number = int(match[1])
            if number <= len(current):
                yield _failure(patch, current[number - 1], number, len(current))


def _failure(patch: Patch, hunk: Hunk, number: int, count: int) -> Diagnostic:
    path = patch.directory / hunk.target
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    notes: list[tuple[Location | None, str]] = []
    place = nearest(hunk, lines)
    if place is None:
        notes.append((Location(hunk.target), "none of the lines that it expects is in the file"))
    else:
        for index in place.wrong[:_SHOWN]:
            line = place.line + index
            there = lines[line - 1] if line <= len(lines) else "(the end of the file)"
            notes.append((Location(hunk.target, line), f"expected '{hunk.old[index]}', there is '{there}'"))
    needed = fuzz_needed(hunk, lines)
    hint = "make the patch anew for these sources"
    if needed is not None and needed > patch.fuzz:
        hint += f"; or, if the change is right there, allow it with ';fuzz={needed}'"
    return Diagnostic(
        "HBS201",
        f"hunk {number} of {count} for {hunk.target} doesn't apply",
        Location(str(patch.path), hunk.line),
        excerpt=hunk.header,
        notes=tuple(notes),
        hint=hint,
    )


def _number(text: str, what: str) -> int:
    if not text.isdigit():
        raise HadronbakeError.of("HBS112", f"{what} must be a number, not '{text}'")
    return int(text)
