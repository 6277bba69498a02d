"""Where the files are that a text names: included ones, and those of ``file://``."""

from __future__ import annotations

import os
import re
from pathlib import Path

from hadronbake.lsp.context import Known


def expand(known: Known, text: str) -> str:
    """The text with the variables that the document's view has; what is unknown stays."""
    if known.view is None:
        return text
    values = known.view.values

    def put(match: re.Match[str]) -> str:
        value = values.get(match[1])
        return value.value if value is not None and value.value is not None else match[0]

    return re.sub(r"\$\{([A-Za-z0-9_.+/~:-]+)\}", put, text)


def locate_file(known: Known, name: str) -> str | None:
    """The file that ``include`` or ``require`` means: in the directory of the document, then along BBPATH."""
    name = expand(known, name)
    for directory in (os.path.dirname(known.document.path), *known.snapshot.search):  # noqa: PTH120
        path = Path(directory, name)
        if path.is_file():
            return os.path.normpath(path)
    return None


def source_directories(known: Known) -> list[str]:
    """FILESPATH; while it isn't known, the directories beside the document that are used by custom."""
    value = known.view.values.get("FILESPATH") if known.view is not None else None
    found = value.value.split(":") if value is not None and value.value else []
    document = Path(known.document.path)
    name = document.stem.split("_")[0]
    beside = [str(document.parent / part) for part in (document.stem.replace("_", "-"), name, "files")]
    return [part for part in dict.fromkeys([*found, *beside]) if part]


def locate_source(known: Known, word: str) -> str | None:
    """The file or directory of a ``file://`` in SRC_URI."""
    name = expand(known, word.split(";")[0].removeprefix("file:").removeprefix("//"))
    if name.startswith("/"):
        return name if Path(name).exists() else None
    for directory in source_directories(known):
        path = Path(directory, name)
        if path.exists():
            return str(path)
    return None
