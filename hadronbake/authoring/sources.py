"""Which files are meant by files and directories on the command line, and their text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from hadronbake.diagnostics import HadronbakeError
from hadronbake.language.parser import KINDS, parse_bytes

_PASSED_OVER = frozenset({".git", "__pycache__", ".venv", "node_modules"})


def source_files(paths: Iterable[Path]) -> list[Path]:
    """The BitBake files among ``paths`` and below directories in it, once each, in order of their names.

    In a directory only what is surely meant is taken: ``.conf`` below a directory ``conf``, ``.inc`` outside of ``files``, and
    neither if not a single line of it can be read. A file named itself is always taken. Raises HadronbakeError (HBC130) for
    what isn't there or is no BitBake file.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found.update(dict.fromkeys(_below(path)))
        elif not path.exists():
            raise HadronbakeError.of("HBC130", f"there is no file {path}")
        elif path.suffix not in KINDS:
            raise HadronbakeError.of("HBC130", f"not a recipe or configuration file: {path}", hint=" ".join(KINDS))
        else:
            found[path] = None
    return list(found)


def _below(top: Path) -> Iterator[Path]:
    for directory, names, files in os.walk(top):
        names[:] = sorted(name for name in names if name not in _PASSED_OVER)
        here = Path(directory)
        for name in sorted(files):
            path = here / name
            if path.suffix in KINDS and not path.is_symlink() and _ours(path, top):
                yield path


def _ours(path: Path, top: Path) -> bool:
    if path.suffix not in (".conf", ".inc"):
        return True
    above = {top.absolute().name, *path.relative_to(top).parts[:-1]}
    if (path.suffix == ".conf" and "conf" not in above) or (path.suffix == ".inc" and "files" in above):
        return False
    parsed = parse_bytes(path.read_bytes(), str(path), KINDS[path.suffix])
    return bool(parsed.statements) or not parsed.diagnostics
