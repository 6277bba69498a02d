"""Changing assignments and functions in a file through a callback, every other line kept byte for byte (language.md §18)."""

# ruff: noqa: PTH111
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Callback = Callable[[str, str, str, list[str]], tuple[Any, Any, int, bool]]


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
    updated = False
    lines = iter(meta_lines)
    for line in lines:
        if names and (match := assignment.match(line)):
            block = _statement(line, lines)
            body = "".join(block)[match.end() :].rstrip()
            value = body[: -1 if body.endswith(match["quote"]) else None].replace("\\\n", "")
            changed, text = _assignment(match["name"], value, match["op"].strip(), varfunc, result)
            if changed:
                updated = True
                result.extend(text)
            else:
                result.extend(block)
        elif names and (match := function.match(line)):
            block = [line]
            for line in lines:
                block.append(line)
                if line.rstrip() == "}":
                    break
            value = "".join(block[1:-1])
            new, _operator, _indent, _minbreak = varfunc(f"{match['name']}()", value, "", result)
            if new == value:
                result.extend(block)
                continue
            updated = True
            if new is not None:
                body = new if isinstance(new, str) else "".join(f"{item}\n" for item in new)
                result += [
                    block[0],
                    *(body if body.endswith("\n") or not body else body + "\n").splitlines(True),
                    block[-1],
                ]
        else:
            result.append(line)
    return updated, result


def _statement(first: str, lines: Iterator[str]) -> list[str]:
    block = [first]
    while block[-1].rstrip().endswith("\\"):
        following = next(lines, None)
        if following is None:
            break
        block.append(following)
    return block


def _assignment(name: str, value: str, operator: str, varfunc: Callback, before: list[str]) -> tuple[bool, list[str]]:
    new, new_operator, indent, minbreak = varfunc(name, value, operator, before)
    if new == value and new_operator in (None, operator):
        return False, []
    if new is None:
        return True, []
    operator = new_operator or operator
    if isinstance(new, str):
        return True, [f'{name} {operator} "{new}"\n']
    items = list(new)
    if minbreak and len(items) < 2:
        return True, [f'{name} {operator} "{" ".join(items)}"\n']
    pad = " " * (indent if indent >= 0 else len(f'{name} {operator} "'))
    if minbreak:
        return True, [f'{name} {operator} "{items[0]} \\\n', *(f"{pad}{item} \\\n" for item in items[1:]), f'{pad}"\n']
    return True, [f'{name} {operator} " \\\n', *(f"{pad}{item} \\\n" for item in items), f'{pad}"\n']


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
    import fnmatch
    import os

    def listed(value: str | list[str] | None) -> list[str]:
        return [os.path.normpath(item) for item in ([value] if isinstance(value, str) else value or []) if item]

    to_add, to_remove, present = listed(add), listed(remove), set[str]()
    unremoved = set(to_remove)

    def edit(name: str, value: str, operator: str, before: list[str]) -> tuple[Any, Any, int, bool]:
        old = value.split()
        layers = []
        for layer in old:
            plain = os.path.normpath(os.path.expanduser(layer))
            hit = [item for item in to_remove if fnmatch.fnmatch(plain, os.path.expanduser(item))]
            unremoved.difference_update(hit)
            if not hit:
                layers.append(edit_cb(layer, {}) if edit_cb else layer)
        present.update(os.path.normpath(item) for item in layers)
        layers += [item for item in to_add if item not in present] if operator in ("=", "?=", "??=", ":=") else []
        return (value, None, 2, False) if layers == old else (layers, None, 2, False)

    path = Path(bblayers_conf)
    text = path.read_text()
    updated, lines = edit_metadata(text.splitlines(keepends=True), ["BBLAYERS"], edit)
    if updated:
        path.write_text("".join(lines))
    return [item for item in to_add if item in present], [item for item in to_remove if item in unremoved]
