"""Merging trees into one sysroot. Pure: from directory messages to a layout; ``checkout.write`` makes it on the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hadronbake.artifacts.checkout import Layout, Placed
from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.tree import Directory, FileNode
from hadronbake.diagnostics import Diagnostic, HadronbakeError

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class SysrootPart:
    """``subdirectory`` ("sysroot" or "native") is the top directory of ``tree`` that is merged; a tree without it adds
    nothing. ``label`` names the recipe in errors."""

    label: str
    tree: Digest
    subdirectory: str


@dataclass(frozen=True, slots=True)
class _Seen:
    label: str
    content: FileNode | str | None
    """A file, a symbolic link's target, or None for a directory."""


def merge(parts: Sequence[SysrootPart], read: Callable[[Digest], Directory]) -> Layout:
    """Equal files and equal symbolic links may coincide (a file is executable if it is so in any part); whatever else
    meets at one path is a conflict. Directories get 0755. Raises HBA006 with one diagnostic for each conflict."""
    seen: dict[str, _Seen] = {}
    conflicts: list[Diagnostic] = []
    for part in parts:
        top = {node.name: node.digest for node in read(part.tree).directories}
        if part.subdirectory in top:
            _add(part.label, read(top[part.subdirectory]), "", read, seen, conflicts)
    if conflicts:
        raise HadronbakeError(*conflicts[:_SHOWN])
    result = Layout({}, [], {})
    for path in sorted(seen):
        content = seen[path].content
        if content is None:
            result.directories[path] = 0o755
        elif isinstance(content, FileNode):
            result.files.append(Placed(path, content))
        else:
            result.symlinks[path] = content
    return result


def _add(
    label: str,
    directory: Directory,
    prefix: str,
    read: Callable[[Digest], Directory],
    seen: dict[str, _Seen],
    conflicts: list[Diagnostic],
) -> None:
    for node in directory.files:
        path = prefix + node.name
        other = seen.get(path)
        if other is None or (
            isinstance(other.content, FileNode) and other.content.digest == node.digest and node.executable
        ):
            seen[path] = _Seen(label if other is None else other.label, node)
        elif not isinstance(other.content, FileNode) or other.content.digest != node.digest:
            conflicts.append(_conflict(path, other, label, node))
    for link in directory.symlinks:
        path = prefix + link.name
        other = seen.setdefault(path, _Seen(label, link.target))
        if other.content != link.target:
            conflicts.append(_conflict(path, other, label, link.target))
    for child in directory.directories:
        path = prefix + child.name
        other = seen.setdefault(path, _Seen(label, None))
        if other.content is None:
            _add(label, read(child.digest), f"{path}/", read, seen, conflicts)
        else:
            conflicts.append(_conflict(path, other, label, None))


def _conflict(path: str, other: _Seen, label: str, content: FileNode | str | None) -> Diagnostic:
    first, second = _describe(other.content), _describe(content)
    if isinstance(other.content, FileNode) and isinstance(content, FileNode):
        message = f"{other.label} and {label} both install /{path} into the sysroot, with different content"
    else:
        message = f"/{path} in the sysroot is {first} of {other.label} and {second} of {label}"
    return Diagnostic("HBA006", message, hint="one of the two must not install it, or install it under another name")


def _describe(content: FileNode | str | None) -> str:
    if content is None:
        return "a directory"
    return "a file" if isinstance(content, FileNode) else f"a symbolic link to {content}"
