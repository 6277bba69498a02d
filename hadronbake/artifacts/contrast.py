"""In which files two trees differ. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hadronbake.artifacts import checkout
from hadronbake.artifacts.cas import Cas
from hadronbake.artifacts.record import Digest


@dataclass(frozen=True, slots=True)
class Change:
    """``path`` is relative to the tree's root. "changed" is also what became another kind of thing, or got another mode."""

    path: str
    kind: Literal["added", "removed", "changed"]


def contrast(first: tuple[Cas, Digest], second: tuple[Cas, Digest]) -> list[Change]:
    """What is to be done to the first tree to have the second, by path; each is read from a store of its own. Raises MissingBlob,
    HBA007, HBA010."""
    if first[1] == second[1]:
        return []
    before, after = _contents(*first), _contents(*second)
    found = [Change(path, "removed") for path in before.keys() - after.keys()]
    found += [Change(path, "added") for path in after.keys() - before.keys()]
    found += [Change(path, "changed") for path in before.keys() & after.keys() if before[path] != after[path]]
    return sorted(found, key=lambda change: change.path)


def _contents(cas: Cas, tree: Digest) -> dict[str, object]:
    layout = checkout.layout(cas, tree)
    files = {path: (node.digest, node.mode) for path, node in layout.placed()}
    return {**layout.directories, **layout.symlinks, **files}
