"""The inputs that tasks had, as records tell them: those of this machine, of its remotes, and of further stores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from hadronbake.artifacts import inventory
from hadronbake.artifacts.digest import is_hash
from hadronbake.artifacts.record import Record, RecordedInput
from hadronbake.artifacts.signing import Damaged, signer
from hadronbake.artifacts.store import MissingBlob, Store, stated_record
from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution.history import History
from hadronbake.metadata.recipe import split_configuration
from hadronbake.planning.why import Point

HASH = re.compile(r"[0-9a-f]{8,64}")
_FULL = 64
_SHOWN = 5
_INPUTS = TypeAdapter(tuple[RecordedInput, ...])


@dataclass(frozen=True, slots=True)
class Told:
    """A record, the store that has it, and the key that is said to have signed it."""

    record: Record
    store: Store
    key: str | None


@dataclass
class Recorded:
    """Looks records up in ``stores``, in order; nothing of what they say is acted upon, so it doesn't matter who signed them."""

    stores: Sequence[Store]
    history: History | None = None
    _records: dict[str, Told | None] = field(default_factory=dict)
    _inputs: dict[Point, tuple[RecordedInput, ...]] = field(default_factory=dict)
    _newest: dict[str, Told] | None = None

    def find(self, taskhash: str) -> Told | None:
        """The record of a taskhash; that of a remote too, if its key is trusted."""
        if taskhash not in self._records:
            self._records[taskhash] = self._find(taskhash)
        return self._records[taskhash]

    def _find(self, taskhash: str) -> Told | None:
        if not is_hash(taskhash):
            return None
        for store in self.stores:
            with suppress(OSError, Damaged):
                statement = store.record_path(taskhash).read_bytes()
                return Told(stated_record(statement), store, signer(statement))
        for store in self.stores:
            record = store.records([taskhash]).get(taskhash)
            if record is not None:
                return Told(record, store, signer(store.said(taskhash) or b""))
        return None

    def begins(self, prefix: str) -> Told:
        """The one record whose taskhash begins so. Raises HBE042 where there is none, HBE043 where there are several."""
        names = [prefix] if len(prefix) == _FULL else []
        for store in self.stores:
            names += [name for name in inventory.record_names(store.root) if name.startswith(prefix)]
        told = [found for name in dict.fromkeys(names) if (found := self.find(name)) is not None]
        if not told:
            hint = "`hbake cache ls` lists records; only those of this machine are found by a part of their hash"
            raise HadronbakeError.of("HBE042", f"no record has a taskhash that begins with {prefix}", hint=hint)
        if len(told) > 1:
            shown = ", ".join(f"{item.record.taskhash[:16]} ({item.record.task})" for item in told[:_SHOWN])
            raise HadronbakeError.of(
                "HBE043", f"{len(told)} records have a taskhash that begins with {prefix}", hint=f"which? {shown}"
            )
        return told[0]

    def newest(self, label: str) -> Told | None:
        """The record of a task that was made last, of those that are on this machine."""
        if self._newest is None:
            self._newest = {}
            for store in self.stores:
                for kept in inventory.records(store):
                    known = self._newest.get(kept.record.task)
                    if known is None or known.record.finished < kept.record.finished:
                        self._newest[kept.record.task] = Told(kept.record, store, None)
        return self._newest.get(label)

    def inputs(
        self, label: str, value: str, tasks: Mapping[str, tuple[str, str]] | None = None
    ) -> Sequence[RecordedInput] | None:
        """Those of a task that its dependents know by the hash ``value``. ``tasks``: label → taskhash and unihash of a build; what
        that build had counts before what first had the same output. A task without a record is known of the record after it,
        once that was asked for. Shared state doesn't tell configurations apart, so neither do names here."""
        taskhash, unihash = (tasks or {}).get(label, ("", ""))
        shared = _shared(label)
        of_build = value in (unihash, taskhash)
        names = [taskhash, value] if of_build else [value]
        for name in filter(None, names):
            if (shared, name) in self._inputs:
                return self._inputs[shared, name]
            told = self.find(name)
            if told is not None and told.record.task == shared and self.learn(told):
                return self._inputs[shared, name]
        if self.history is None or not value:
            return None
        return self.history.had(label, taskhash) if of_build else self.history.had(label, value, value)

    def learn(self, told: Told) -> bool:
        """Takes in what a record tells; whether that could be read."""
        try:
            items = _INPUTS.validate_json(told.store.get_blob(told.record.inputs))
        except (MissingBlob, ValidationError):
            return False
        own: dict[str, list[RecordedInput]] = {told.record.task: []}
        hashes = {told.record.task: {told.record.taskhash}}
        for item in items:
            own.setdefault(_shared(item.task) or told.record.task, []).append(item.model_copy(update={"task": ""}))
            if item.kind == "task":
                hashes.setdefault(_shared(item.name), set()).add(item.value)
        for label, found in own.items():
            for value in hashes.get(label, ()):
                self._inputs.setdefault((label, value), tuple(found))
        return True


def _shared(label: str) -> str:
    return split_configuration(label)[1]
