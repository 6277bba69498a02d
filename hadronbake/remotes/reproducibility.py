"""Which tasks have made different outputs from the same inputs, here and elsewhere, and how the outputs differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hadronbake.artifacts.checkout import read
from hadronbake.artifacts.comparison import Difference, Read, compare
from hadronbake.artifacts.inventory import record_names
from hadronbake.artifacts.record import Digest, Record
from hadronbake.diagnostics import HadronbakeError
from hadronbake.remotes.store import SharedStore


@dataclass(frozen=True, slots=True)
class Unlike:
    """A second output of the inputs of ``first``, the one that counts. ``differences`` is None where the trees aren't at hand.
    ``keys``: who signed the two."""

    first: Record
    second: Record
    differences: tuple[Difference, ...] | None
    keys: tuple[str | None, str | None]


def unlike(store: SharedStore) -> Iterator[Unlike]:
    """All that the store and its remotes know of. Remotes are asked for the records that are here."""
    store.far_divergences(record_names(store.root))
    for divergence in store.divergences():
        for other in divergence.others:
            keys = divergence.keys.get(divergence.first.outhash), divergence.keys.get(other.outhash)
            yield Unlike(divergence.first, other, _differences(store, divergence.first, other), keys)


def _differences(store: SharedStore, first: Record, second: Record) -> tuple[Difference, ...] | None:
    def side(record: Record) -> tuple[Digest, Read]:
        return record.tree, lambda digest: read(store.cas, digest)

    try:
        return tuple(compare(side(first), side(second)))
    except HadronbakeError:
        return None
