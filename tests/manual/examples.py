"""The examples in docs/language: read out of the Markdown, and run.

An example is one or more ``bitbake`` blocks and what follows of them:

* ``values``: ``NAME = "value"``, ``NAME[flag] = "value"``, ``NAME is not set``; values as JSON strings
* ``tasks``: ``do_x: do_y do_z``, the tasks right before do_x
* ``skipped``: the reason why the recipe is left out
* ``chosen``: ``name recipe_version``, which recipe a build takes for a name
* ``error``: ``CODE file:line message``, all of them
* ``hashes``: ``do_x changes`` or ``do_x stays``, when the text of a block ``bitbake changed`` takes the place of the first one

A block's first word after ``bitbake`` is the file, ``recipes/example_1.0.bb`` if there is none; the word after ``values``, ``tasks`` and
``skipped`` is the recipe that is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from metadata_site import Site

from hadronbake.diagnostics import HadronbakeError
from hadronbake.metadata.recipe import Recipe
from hadronbake.metadata.workspace import Workspace

RECIPE = "recipes/example_1.0.bb"
_FENCE = re.compile(r"^```(\w+)?[ ]*(.*)$")
_KNOWN = {"bitbake", "values", "tasks", "skipped", "error", "hashes", "chosen", "text", "sh", "python"}
_VALUE = re.compile(r'(?P<name>[^\s\[]+)(?:\[(?P<flag>\S+)\])? (?:= (?P<value>".*")|(?P<unset>is not set))$')


@dataclass
class Block:
    kind: str
    words: list[str]
    text: str
    line: int


@dataclass
class Example:
    """``name`` is where it begins."""

    name: str
    inputs: list[Block] = field(default_factory=list)
    results: list[Block] = field(default_factory=list)


def blocks(path: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    block: Block | None = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fence = _FENCE.match(line)
        if block is None:
            if fence:
                assert fence[1] in _KNOWN, f"{path}:{number}: a fence of unknown kind"
                block = Block(fence[1], fence[2].split(), "", number)
        elif line == "```":
            yield block
            block = None
        else:
            block.text += line + "\n"
    assert block is None, f"{path}: unclosed fence"


def examples(path: Path) -> list[Example]:
    """The examples of a page. Every recipe text on it belongs to one that expects something."""
    found: list[Example] = []
    for block in blocks(path):
        if block.kind in ("text", "sh", "python"):
            continue
        if block.kind == "bitbake":
            if not found or found[-1].results:
                found.append(Example(f"{path.stem}:{block.line}"))
            found[-1].inputs.append(block)
        else:
            assert found, f"{path}:{block.line}: a result before any input"
            found[-1].results.append(block)
    assert all(item.results for item in found), f"{path}: {found[-1].name} expects nothing"
    return found


def run(example: Example, top: Path) -> None:
    """Raises AssertionError if anything comes out otherwise than the page says."""
    plain = [item for item in example.inputs if item.words[-1:] != ["changed"]]
    kinds = {item.kind for item in example.results}
    site = _site(plain, top / "first")
    if kinds == {"error"}:
        _check_errors(site, example.results)
        return
    workspace = site.open()
    try:
        if kinds == {"hashes"}:
            changed = [item for item in example.inputs if item.words[-1:] == ["changed"]]
            replaced = {_file(item) for item in changed}
            other = _site([*(item for item in plain if _file(item) not in replaced), *changed], top / "second").open()
            for block in example.results:
                _check_hashes(block, workspace, other)
            other.close()
            return
        for block in example.results:
            if block.kind == "chosen":
                for line in block.text.splitlines():
                    name, _, expected = line.partition(" ")
                    found = workspace.recipes[workspace.providers.resolve(name)]
                    assert f"{found.pn}_{found.pv}" == expected, line
                continue
            recipe = _recipe(workspace, block.words[0] if block.words else "example")
            if block.kind == "values":
                _check_values(block, workspace, recipe)
            elif block.kind == "tasks":
                for line in block.text.splitlines():
                    task, _, before = line.partition(":")
                    assert sorted(recipe.tasks[task].parents) == sorted(before.split()), line
            else:
                assert block.kind == "skipped"
                assert recipe.skipped == block.text.strip()
    finally:
        workspace.close()


def _file(block: Block) -> str:
    return block.words[0] if block.words and block.words[0] != "changed" else RECIPE


def _site(inputs: list[Block], top: Path) -> Site:
    site = Site(top)
    for block in inputs:
        name = _file(block)
        if name.startswith("other/") and "other" not in site.layers:
            site.layer("other", 7)
        if name == "conf/local.conf":
            site.write(f"build/{name}", block.text)
        else:
            site.write(name if name.startswith("other/") else f"core/{name}", block.text)
    if not list(top.glob("*/recipes/*.bb")):
        site.recipe("example_1.0.bb")
    return site


def _recipe(workspace: Workspace, name: str) -> Recipe:
    found = [item for item in workspace.recipes.values() if name in (item.pn, f"{item.pn}_{item.pv}")]
    assert found, f"there is no recipe {name}"
    if len(found) > 1:
        return workspace.recipes[workspace.providers.resolve(name)]
    return found[0]


def _check_values(block: Block, workspace: Workspace, recipe: Recipe) -> None:
    d = workspace.datastore(recipe.id)
    for line in block.text.splitlines():
        match = _VALUE.match(line)
        assert match, f'not of the form NAME = "value": {line}'
        name, flag = match["name"], match["flag"]
        got = d.getVar(name) if flag is None else d.getVarFlag(name, flag)
        expected = None if match["unset"] else json.loads(match["value"])
        if isinstance(got, int):
            # Flags that statements like "export" set are numbers.
            got = str(got)
        assert got == expected, f"{line}\ngot: {json.dumps(got)}"


def _check_errors(site: Site, results: list[Block]) -> None:
    try:
        site.open().close()
    except HadronbakeError as error:
        got = [
            f"{item.code} {Path(item.location.file).name if item.location else ''}:"
            f"{item.location.line if item.location else 0} {item.message}"
            for item in error.diagnostics
        ]
        assert got == "".join(block.text for block in results).splitlines(), "\n".join(got)
    else:
        raise AssertionError("no error was found")


def _check_hashes(block: Block, one: Workspace, other: Workspace) -> None:
    first, second = _recipe(one, "example"), _recipe(other, "example")
    for line in block.text.splitlines():
        task, what = line.split()
        same = first.tasks[task].basehash == second.tasks[task].basehash
        assert what == ("stays" if same else "changes"), line
