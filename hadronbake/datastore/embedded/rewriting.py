"""Changing assignments and functions in a file through a callback, every other line kept byte for byte (language.md §18)."""

# ruff: noqa: PTH111
from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Callback = Callable[[str, str, str, list[str]], tuple[Any, Any, Any, bool]]


def edit_metadata(
    meta_lines: Iterable[str],
    variables: Iterable[str],
    varfunc: Callback,
    match_overrides: bool = False,
) -> tuple[bool, list[str]]:
    """Call ``varfunc(name, value, operator, lines so far)`` for each assignment of one of ``variables``.

    It gives (new value, new operator or None, indent, minbreak): a new value of None deletes the assignment; a list
    is written one item a line. A function is written ``name()``; its value is its body and its operator None.
    Gives (whether anything changed, the new lines).
    """
    names = "|".join(
        re.escape(name.removesuffix("()")).replace(r"\*", ".*") + (r"(?::[^\s=+.?(]*)?" if match_overrides else "")
        for name in variables
    )
    assignment = re.compile(rf"^(?P<name>{names})(?P<op>\s*(?:\?\?=|\?=|:=|\+=|=\+|\.=|=\.|=))\s*(?P<quote>[\"'])")
    function = re.compile(rf"^(?:(?:python|fakeroot)\s+)*(?P<name>{names})\s*\(\s*\)\s*\{{")
    result: list[str] = []
    updated = dropped = False
    lines = iter(meta_lines)
    for line in lines:
        match = assignment.match(line) if names else None
        header = function.match(line) if names and match is None else None
        new: list[str] | None
        if match:
            block = _statement(line, lines)
            new = _assignment(match, "".join(block)[match.end() :].rstrip(), varfunc, result)
        elif header:
            block = [line]
            for line in lines:
                block.append(line)
                if line.rstrip() == "}":
                    break
            new = _function(header["name"], block, varfunc, result)
        else:
            # Of the blank lines around what was taken out one set is enough.
            if not (dropped and not line.strip() and result and not result[-1].strip()):
                result.append(line)
            dropped = False
            continue
        updated = updated or new is not None
        dropped = new == []
        result.extend(block if new is None else new)
    return updated, result


def _statement(first: str, lines: Iterator[str]) -> list[str]:
    block = [first]
    while block[-1].rstrip().endswith("\\"):
        following = next(lines, None)
        if following is None:
            break
        block.append(following)
    return block


def _function(name: str, block: list[str], varfunc: Callback, before: list[str]) -> list[str] | None:
    """The new lines of a function, none if it is to go; None if it stays as it is."""
    value = "".join(block[1:-1])
    new, _operator, indent, _minbreak = varfunc(f"{name}()", value, "", before)
    if new == value:
        return None
    if new is None:
        return []
    pad = " " * indent if isinstance(indent, int) else indent
    body = new if isinstance(new, str) else "".join(f"{pad}{item}\n" for item in new)
    return [block[0], *(body if body.endswith("\n") or not body else body + "\n").splitlines(True), block[-1]]


def _assignment(match: re.Match[str], body: str, varfunc: Callback, before: list[str]) -> list[str] | None:
    """As _function, of an assignment; ``body`` is what follows the opening quote."""
    name, operator = match["name"], match["op"].strip()
    value = body[: -1 if body.endswith(match["quote"]) else None].replace("\\\n", "")
    new, new_operator, indent, minbreak = varfunc(name, value, operator, before)
    if new == value and new_operator in (None, operator):
        return None
    if new is None:
        return []
    operator = new_operator or operator
    if isinstance(new, str):
        return [f'{name} {operator} "{new}"\n']
    items = list(new)
    if minbreak and len(items) < 2:
        return [f'{name} {operator} "{" ".join(items)}"\n']
    if isinstance(indent, int):
        indent = " " * (indent if indent >= 0 else len(f'{name} {operator} "'))
    if minbreak:
        rest = [f"{indent}{item} \\\n" for item in items[1:]]
        return [f'{name} {operator} "{items[0]} \\\n', *rest, f'{indent}"\n']
    return [f'{name} {operator} " \\\n', *(f"{indent}{item} \\\n" for item in items), f'{indent}"\n']


def edit_metadata_file(meta_file: str, variables: Iterable[str], varfunc: Callback) -> bool:
    """edit_metadata for a file, rewritten only if something changed."""
    path = Path(meta_file)
    updated, lines = edit_metadata(path.read_text().splitlines(keepends=True), variables, varfunc)
    if updated:
        path.write_text("".join(lines))
    return updated


def edit_bblayers_conf(
    bblayers_conf: str,
    add: str | list[str] | None,
    remove: str | list[str] | None,
    edit_cb: Callable[[str, dict[str, str]], str] | None = None,
) -> tuple[list[str], list[str]]:
    """Add and remove directories in BBLAYERS; gives (those not added, those not removed). ``remove`` may have ``*``."""

    def listed(value: str | list[str] | None) -> list[str]:
        return [os.path.normpath(item) for item in ([value] if isinstance(value, str) else value or []) if item]

    def plain(layer: str) -> str:
        return os.path.normpath(os.path.expanduser(layer))

    to_add, to_remove = listed(add), listed(remove)
    unremoved, present, statements = set(to_remove), set[str](), list[str]()
    path = Path(bblayers_conf)
    original = path.read_text().splitlines(keepends=True)

    def look(name: str, value: str, operator: str, before: list[str]) -> tuple[Any, Any, int, bool]:
        statements.append(value)
        present.update(plain(layer) for layer in value.split())
        return value, None, 2, False

    edit_metadata(original, ["BBLAYERS"], look)
    new_layers = [layer for layer in to_add if plain(layer) not in present]
    number = 0

    def edit(name: str, value: str, operator: str, before: list[str]) -> tuple[Any, Any, int, bool]:
        nonlocal number
        number += 1
        old = value.split()
        layers = []
        for layer in old:
            hit = [item for item in to_remove if fnmatch.fnmatch(plain(layer), os.path.expanduser(item))]
            unremoved.difference_update(hit)
            if not hit:
                layers.append(edit_cb(layer, {}) if edit_cb else layer)
        # New ones go into the last list; a last statement with a single layer stays one.
        if number == len(statements) and (operator != "+=" or len(old) != 1):
            layers += new_layers
        if layers == old:
            return value, None, 2, False
        return (layers, None, 2, False) if layers or operator != "+=" else (None, None, 2, False)

    updated, lines = edit_metadata(original, ["BBLAYERS"], edit)
    missing = [layer for layer in new_layers if not any(layer in line for line in lines)]
    if missing:
        last = max(index for index, line in enumerate(lines) if line.startswith("BBLAYERS"))
        lines[last + 1 : last + 1] = [f'BBLAYERS += "{layer}"\n' for layer in missing]
    if updated or missing:
        path.write_text("".join(lines))
    not_added = [layer for layer in to_add if layer not in new_layers]
    return not_added, [item for item in to_remove if item in unremoved]
