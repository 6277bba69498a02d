"""``hbake fmt`` over files: what each of them becomes, and writing it."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from hadronbake.authoring.findings import Finding, finding
from hadronbake.authoring.formatting import format_text
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location
from hadronbake.language.parser import KINDS


class FormattedFile(BaseModel):
    """``diff``: unified, empty if nothing changes. With ``errors`` the file stays as it is."""

    model_config = ConfigDict(frozen=True)

    file: str
    changed: bool
    diff: str = ""
    errors: tuple[Finding, ...] = ()


class FormatReport(BaseModel):
    """``written``: whether changed files were written back."""

    model_config = ConfigDict(frozen=True)

    written: bool
    files: tuple[FormattedFile, ...]


def reformat(paths: Iterable[Path], *, write: bool) -> tuple[FormatReport, tuple[Diagnostic, ...]]:
    """Formats each file; with ``write`` those that change are replaced, each at once or not at all. Errors don't stop the others."""
    files: list[FormattedFile] = []
    errors: list[Diagnostic] = []
    for path in paths:
        try:
            old = _text(path)
            new = format_text(old, str(path), KINDS[path.suffix])
            if write and new != old:
                _replace(path, new)
        except HadronbakeError as error:
            errors += error.diagnostics
            files.append(
                FormattedFile(file=str(path), changed=False, errors=tuple(finding(item) for item in error.diagnostics))
            )
            continue
        files.append(FormattedFile(file=str(path), changed=new != old, diff=_diff(str(path), old, new)))
    return FormatReport(written=write, files=tuple(files)), tuple(errors)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise HadronbakeError.of("HBC132", f"can't be read: {error.strerror}", Location(str(path))) from error
    except UnicodeDecodeError as error:
        raise HadronbakeError.of("HBC132", f"is not UTF-8 (byte {error.start})", Location(str(path))) from error


def _replace(path: Path, text: str) -> None:
    real = Path(os.path.realpath(path))
    try:
        with tempfile.NamedTemporaryFile(dir=real.parent, prefix=f".{real.name}.", delete=False) as file:
            file.write(text.encode())
        os.chmod(file.name, real.stat().st_mode & 0o7777)  # noqa: PTH101
        os.replace(file.name, real)  # noqa: PTH105
    except OSError as error:
        raise HadronbakeError.of("HBC132", f"can't be written: {error.strerror}", Location(str(path))) from error


def _diff(name: str, old: str, new: str) -> str:
    if old == new:
        return ""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"{name} (now)", f"{name} (formatted)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ no newline at the end\n" for line in lines)
