"""How two recorded trees differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.tree import Directory, DirectoryNode, FileNode, SymlinkNode

Aspect = Literal["only in first", "only in second", "type", "content", "mode", "target"]


@dataclass(frozen=True, slots=True)
class Difference:
    """``path`` begins at the tree's root. ``first``, ``second``: what it is in either, for people to read; empty where it isn't."""

    path: str
    aspect: Aspect
    first: str = ""
    second: str = ""


def compare(first: Digest, second: Digest, read: Callable[[Digest], Directory]) -> Iterator[Difference]:
    """All differences, by path; equal directories aren't read. Raises what ``read`` raises."""
    pending = [("", first, second)]
    while pending:
        prefix, one, two = pending.pop()
        if one == two:
            continue
        a, b = read(one), read(two)
        if a.mode != b.mode:
            yield Difference(prefix or ".", "mode", f"{a.mode:04o}", f"{b.mode:04o}")
        left, right = _by_name(a), _by_name(b)
        below = []
        for name in sorted(left.keys() | right.keys()):
            path = f"{prefix}/{name}" if prefix else name
            x, y = left.get(name), right.get(name)
            if x is None or y is None:
                yield Difference(path, "only in second" if x is None else "only in first", *_sides(x, y))
            elif isinstance(x, DirectoryNode) and isinstance(y, DirectoryNode):
                below.append((path, x.digest, y.digest))
            else:
                yield from _nodes(path, x, y)
        pending.extend(reversed(below))


Node = FileNode | DirectoryNode | SymlinkNode


def _nodes(path: str, x: Node, y: Node) -> Iterator[Difference]:
    if isinstance(x, FileNode) and isinstance(y, FileNode):
        if x.digest != y.digest:
            yield Difference(path, "content", *_sides(x, y))
        if x.mode != y.mode:
            yield Difference(path, "mode", f"{x.mode:04o}", f"{y.mode:04o}")
    elif isinstance(x, SymlinkNode) and isinstance(y, SymlinkNode):
        if x.target != y.target:
            yield Difference(path, "target", *_sides(x, y))
    else:
        yield Difference(path, "type", *_sides(x, y))


def _sides(x: Node | None, y: Node | None) -> tuple[str, str]:
    return _words(x), _words(y)


def _words(node: Node | None) -> str:
    if node is None:
        return ""
    if isinstance(node, FileNode):
        return f"file of {node.digest.size} bytes, {node.digest.hash[:12]}"
    if isinstance(node, SymlinkNode):
        return f"link to {node.target}"
    return "directory"


def _by_name(directory: Directory) -> dict[str, Node]:
    nodes: list[Node] = [*directory.files, *directory.directories, *directory.symlinks]
    return {node.name: node for node in nodes}
