"""``hb`` in the metadata's Python: calls of ``hadronbake.steps`` and ``.images`` count in hashes by the source they run.

Nothing of it is imported while parsing: the sources are only read.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from functools import lru_cache, partial
from pathlib import Path

from hadronbake.datastore.references import namespaces, register_source

PACKAGE = Path(__file__).resolve().parent.parent
ROOMS = ("steps", "images")
# It only words what went wrong: no output depends on it.
_WITHOUT_INFLUENCE = frozenset({"hadronbake.diagnostics", "hadronbake"})


def register_steps() -> None:
    """Make ``hb.<module>.<function>`` known to the tracking of dependencies. A module's sources are read when one of its functions
    is asked for. What they are is part of the parse cache's key (``parsecache.engine_digest``)."""
    if any(name.startswith("hb.") for name in namespaces()):
        return
    for path in sorted(path for room in ROOMS for path in (PACKAGE / room).glob("[a-z]*.py")):
        register_source(f"hb.{path.stem}", partial(_read, path))


def _read(path: Path) -> tuple[list[str], str]:
    sources = source_files(path)
    steps = tuple(source for source in sources if source.parent.name in ROOMS)
    return [source.read_text() for source in steps], digest_of_sources(sources)


def digest_of_sources(paths: tuple[Path, ...]) -> str:
    """SHA-256 over the names (below the package) and the code of the files."""
    digest = hashlib.sha256()
    for path in paths:
        for part in (str(path.relative_to(PACKAGE)).encode(), code_of(path.read_text()).encode()):
            digest.update(b"%d:" % len(part))
            digest.update(part)
    return digest.hexdigest()


def code_of(source: str) -> str:
    """The source without what doesn't run: comments, docstrings, empty lines outside of strings. Otherwise as written: what a
    version of Python makes of it must not count, since builders with different ones share a cache."""
    lines = source.splitlines()
    kept: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
        else:
            kept.update(range(token.start[0] - 1, token.end[0] - 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body[:1]:
                case [ast.Expr(value=ast.Constant(value=str()), lineno=first, end_lineno=int(last))]:
                    kept.difference_update(range(first - 1, last))
                    lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(line for number, line in enumerate(lines) if number in kept or line.strip())


def source_files(path: Path) -> tuple[Path, ...]:
    """The module's file, and those of the package that it imports, directly or not: the module first, the rest sorted."""
    seen = {path}
    queue = [path]
    while queue:
        for found in _imports(queue.pop()):
            if found not in seen:
                seen.add(found)
                queue.append(found)
    return (path, *sorted(seen - {path}))


@lru_cache(maxsize=256)
def _parse(path: Path, text: str) -> frozenset[str]:
    package = ["hadronbake", *path.relative_to(PACKAGE).with_suffix("").parts]
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(package[: len(package) - node.level]) if node.level else ""
            module = ".".join(filter(None, (start, node.module)))
            names.add(module)
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return frozenset(name for name in names if name.startswith("hadronbake.")) - _WITHOUT_INFLUENCE


def _imports(path: Path) -> list[Path]:
    found = []
    for name in _parse(path, path.read_text()):
        base = PACKAGE.joinpath(*name.split(".")[1:])
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                found.append(candidate)
    return found
