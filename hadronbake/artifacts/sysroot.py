"""Merging trees into one sysroot. Pure: from directory messages to a layout; ``checkout.write`` makes it on the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hadronbake.artifacts.checkout import Layout
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


Content = FileNode | str | None
"""A file, a symbolic link's target, or None for a directory."""


def merge(parts: Sequence[SysrootPart], read: Callable[[Digest], Directory]) -> Layout:
    """Equal files and equal symbolic links may coincide (a file is executable if it is so in any part); whatever else
    meets at one path is a conflict. Directories get 0755. Raises HBA006 with one diagnostic for each conflict."""
    tops: list[tuple[str, Directory]] = []
    for part in parts:
        top = {node.name: node.digest for node in read(part.tree).directories}
        if part.subdirectory in top:
            tops.append((part.label, read(top[part.subdirectory])))
    result = Layout({}, {}, {})
    conflicts: list[Diagnostic] = []
    if tops:
        _merge(tops, "", read, result, conflicts)
    if conflicts:
        raise HadronbakeError(*conflicts[:_SHOWN])
    return result


def _merge(
    own: Sequence[tuple[str, Directory]],
    prefix: str,
    read: Callable[[Digest], Directory],
    result: Layout,
    conflicts: list[Diagnostic],
) -> None:
    """The directories of one path, of several recipes."""
    if len(own) == 1:
        _take(own[0][1], prefix, read, result)
        return
    seen: dict[str, tuple[str, Content]] = {}
    below: dict[str, list[tuple[str, Digest]]] = {}
    for label, directory in own:
        for node in directory.files:
            other = seen.setdefault(node.name, (label, node))
            known = other[1]
            if known is node:
                continue
            if not isinstance(known, FileNode) or known.digest != node.digest:
                conflicts.append(_conflict(prefix + node.name, *other, label, node))
            elif node.executable:
                seen[node.name] = (other[0], node)
        for link in directory.symlinks:
            other = seen.setdefault(link.name, (label, link.target))
            if other[1] != link.target:
                conflicts.append(_conflict(prefix + link.name, *other, label, link.target))
        for child in directory.directories:
            other = seen.setdefault(child.name, (label, None))
            if other[1] is None:
                below.setdefault(child.name, []).append((label, child.digest))
            else:
                conflicts.append(_conflict(prefix + child.name, *other, label, None))
    result.files[prefix] = [content for _, content in seen.values() if isinstance(content, FileNode)]
    result.symlinks.update((prefix + name, content) for name, (_, content) in seen.items() if isinstance(content, str))
    for name in sorted(below):
        result.directories[prefix + name] = 0o755
        several = below[name]
        if all(digest == several[0][1] for _, digest in several):
            several = several[:1]
        _merge([(label, read(digest)) for label, digest in several], f"{prefix}{name}/", read, result, conflicts)


def _take(directory: Directory, prefix: str, read: Callable[[Digest], Directory], result: Layout) -> None:
    """A directory that one recipe alone has: nothing can conflict."""
    result.files[prefix] = directory.files
    for link in directory.symlinks:
        result.symlinks[prefix + link.name] = link.target
    for child in directory.directories:
        result.directories[prefix + child.name] = 0o755
        _take(read(child.digest), f"{prefix}{child.name}/", read, result)


def _conflict(path: str, earlier: str, known: Content, label: str, content: Content) -> Diagnostic:
    first, second = _describe(known), _describe(content)
    if isinstance(known, FileNode) and isinstance(content, FileNode):
        message = f"{earlier} and {label} both install /{path} into the sysroot, with different content"
    else:
        message = f"/{path} in the sysroot is {first} of {earlier} and {second} of {label}"
    return Diagnostic("HBA006", message, hint="one of the two must not install it, or install it under another name")


def _describe(content: Content) -> str:
    if content is None:
        return "a directory"
    return "a file" if isinstance(content, FileNode) else f"a symbolic link to {content}"
