"""How two recorded trees differ. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.tree import MOST_ENTRIES, Directory, DirectoryNode, FileNode, SymlinkNode, too_large

Aspect = Literal["only in first", "only in second", "type", "content", "mode", "target"]
Read = Callable[[Digest], Directory]
Node = FileNode | DirectoryNode | SymlinkNode


@dataclass(frozen=True, slots=True)
class Difference:
    """``path`` begins at the tree's root. ``first``, ``second``: what it is in either, for people to read; empty where it isn't."""

    path: str
    aspect: Aspect
    first: str = ""
    second: str = ""


def compare(first: tuple[Digest, Read], second: tuple[Digest, Read]) -> Iterator[Difference]:
    """All differences, by directory and name; each tree is read by a reader of its own, and equal directories aren't read. Below a
    directory that one side lacks all paths are named. Raises what the readers raise, and HBA010."""
    read_first, read_second = first[1], second[1]
    entries = 0
    pending: list[tuple[str, Digest | None, Digest | None]] = [("", first[0], second[0])]
    while pending:
        prefix, one, two = pending.pop()
        if one == two:
            continue
        a = read_first(one) if one is not None else None
        b = read_second(two) if two is not None else None
        if a is not None and b is not None and a.mode != b.mode:
            yield Difference(prefix or ".", "mode", f"{a.mode:04o}", f"{b.mode:04o}")
        left, right = _by_name(a), _by_name(b)
        entries += len(left) + len(right)
        if entries > 2 * MOST_ENTRIES:
            raise too_large(f"has more than {MOST_ENTRIES} entries")
        below: list[tuple[str, Digest | None, Digest | None]] = []
        for name in sorted(left.keys() | right.keys()):
            path = f"{prefix}/{name}" if prefix else name
            x, y = left.get(name), right.get(name)
            yield from _nodes(path, x, y)
            if isinstance(x, DirectoryNode) or isinstance(y, DirectoryNode):
                below.append((path, _digest(x), _digest(y)))
        pending.extend(reversed(below))


def _nodes(path: str, x: Node | None, y: Node | None) -> Iterator[Difference]:
    if x is None or y is None:
        yield Difference(path, "only in second" if x is None else "only in first", _words(x), _words(y))
    elif isinstance(x, FileNode) and isinstance(y, FileNode):
        if x.digest != y.digest:
            yield Difference(path, "content", _words(x), _words(y))
        if x.mode != y.mode:
            yield Difference(path, "mode", f"{x.mode:04o}", f"{y.mode:04o}")
    elif isinstance(x, SymlinkNode) and isinstance(y, SymlinkNode):
        if x.target != y.target:
            yield Difference(path, "target", _words(x), _words(y))
    elif type(x) is not type(y):
        yield Difference(path, "type", _words(x), _words(y))


def _digest(node: Node | None) -> Digest | None:
    return node.digest if isinstance(node, DirectoryNode) else None


def _words(node: Node | None) -> str:
    if node is None:
        return ""
    if isinstance(node, FileNode):
        return f"file of {node.digest.size} bytes, {node.digest.hash[:12]}"
    if isinstance(node, SymlinkNode):
        return f"link to {node.target}"
    return "directory"


def _by_name(directory: Directory | None) -> dict[str, Node]:
    if directory is None:
        return {}
    nodes: list[Node] = [*directory.files, *directory.directories, *directory.symlinks]
    return {node.name: node for node in nodes}
