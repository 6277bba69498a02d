"""Where a variable or a function is used in the files of the layers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from hadronbake.language.parser import KINDS
from hadronbake.lsp.model import Place, Snapshot, Span

_BEFORE = r"(?<![A-Za-z0-9_.+~-])"
_AFTER = r"(?![A-Za-z0-9_.+~-])"


def references(name: str, files: Iterable[tuple[str, str]]) -> Iterator[Place]:
    """The uses of ``name`` in (path, text) pairs: assignments and their variants, ``${NAME}``, quoted in Python code, ``$NAME``
    in shell code, calls, words of ``export``, ``unset``, ``addtask`` and of lists of names. Comments are left out."""
    word = re.escape(name)
    pattern = re.compile(
        rf"\$\{{(?P<a>{word})(?=[:}}])"
        rf"|(?<=[\"'])(?P<b>{word})(?=[\"'])"
        rf"|^(?:export\s+|unset\s+)?(?P<c>{word})(?=\s*(?:\[|:|\?|\+|\.|=|$))"
        rf"|\$(?P<d>{word}){_AFTER}"
        rf"|{_BEFORE}(?P<e>{word}){_AFTER}"
    )
    whole = re.compile(rf"{_BEFORE}{word}{_AFTER}")
    for path, text in files:
        if name not in text:
            continue
        for number, line in enumerate(re.split(r"\r\n|\n|\r", text)):
            if name not in line or line.startswith("#") or not whole.search(line):
                continue
            for match in pattern.finditer(line):
                group = match.lastgroup or "e"
                if group == "e" and not _names(line, match.start()):
                    continue
                yield Place(path, Span.within(number, *match.span(group)))


_NAMES = re.compile(
    r"\s|(?:python|fakeroot|def|addtask|deltask|addhandler|EXPORT_FUNCTIONS)\s"
    r"|\S*\[(?:vardeps\w*|prefuncs|postfuncs|exports|\w*dep\w*|recrdeptask)\]|(?:BB_\w*VARS|ROOTFS_\w*|IMAGE_\w*COMMAND)\b"
)
_SENTENCE = re.compile(r"^(?:SUMMARY|DESCRIPTION)\b")


def _names(line: str, start: int) -> bool:
    """Whether a bare word at ``start`` is a name there: in a body, a header, a statement that takes names, a list of names."""
    if _SENTENCE.match(line):
        return False
    return bool(_NAMES.match(line)) or re.match(r"[\w:${}.+-]*\s*\(\s*\)\s*\{", line[start:]) is not None


def metadata_files(snapshot: Snapshot) -> Iterator[str]:
    """The paths of all files of the language in the layers and the build directory's ``conf``."""
    roots = [Path(layer.directory) for layer in snapshot.layers if layer.directory]
    roots += [Path(directory, "conf") for directory in snapshot.search]
    seen: set[Path] = set()
    for root in roots:
        for directory, subdirectories, names in os.walk(root):
            subdirectories[:] = sorted(name for name in subdirectories if not name.startswith("."))
            for name in sorted(names):
                path = Path(directory, name)
                if path.suffix in KINDS and path not in seen:
                    seen.add(path)
                    yield str(path)


def read_files(paths: Iterable[str], opened: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Path and text of each; those that an editor has opened as they are there."""
    for path in paths:
        if path in opened:
            yield path, opened[path]
            continue
        try:
            yield path, Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
