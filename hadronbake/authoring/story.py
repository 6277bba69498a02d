"""How a variable came by its value: every operation from nothing to what a read gives, with file and line.

First come the operations in the order of the files, each with the value that it left; then what a read does with them: the
override in force, appends, prepends, expansion, removes, filters. The history of the store says what was done where; the values
in between are worked out here, by the rules of language.md §3 to §5, and the last one is always the store's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from hadronbake.authoring.findings import Place
from hadronbake.datastore.expansion import remove_words
from hadronbake.datastore.names import classify
from hadronbake.datastore.overrides import Overrides, choose
from hadronbake.datastore.store import DataStore
from hadronbake.datastore.variable import MISSING, Operations, Variable
from hadronbake.language.known import variable_meaning

_ENGINE = str(Path(__file__).resolve().parent.parent)
_WRITTEN = {
    "set": "=",
    "set?": "?=",
    "immediate": ":=",
    "append": "+=",
    "prepend": "=+",
    "postdot": ".=",
    "predot": "=.",
}
_JOINS = {"+=": "{0} {1}", "=+": "{1} {0}", ".=": "{0}{1}", "=.": "{1}{0}"}
_HIDDEN = ("_", ":")


class Step(BaseModel):
    """One operation. ``variable``: the name as it was written, so that of an override variant too. ``operation``: an operator as
    it is written, ``:append``, ``:prepend``, ``:remove``, ``unset``, ``rename``, ``environment``, ``setVar`` (from Python; ``by`` is the
    function), or one of a read: ``override``, ``default``, ``expand``, ``filter``; ``engine`` where only the engine knows.

    ``result``: the value after it, None if there is none or it isn't known. ``effect``: whether it has a part in the value;
    ``note`` says why not.
    """

    model_config = ConfigDict(frozen=True)

    variable: str
    operation: str
    text: str | None
    condition: str | None = None
    place: Place | None = None
    by: str | None = None
    effect: bool = True
    note: str | None = None
    result: str | None = None


class FlagStory(BaseModel):
    """``places``: where it was set, in order."""

    model_config = ConfigDict(frozen=True)

    name: str
    value: str | None
    raw: str | None
    places: tuple[Place, ...] = ()


class VariableStory(BaseModel):
    """``kind``: "variable", "shell" or "python" (functions). ``value`` is expanded, ``raw`` is not; None: there is none.

    ``error``: why it can't be expanded; ``value`` is None then. ``meaning``: what is documented of the name.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    value: str | None
    raw: str | None
    error: str | None = None
    meaning: str | None = None
    flags: tuple[FlagStory, ...] = ()
    steps: tuple[Step, ...] = ()


def story(d: DataStore, name: str) -> VariableStory:
    """The story of a variable in a store that has tracked its history."""
    kind = "variable"
    if d.getVarFlag(name, "func", False):
        kind = "python" if d.getVarFlag(name, "python", False) else "shell"
    teller = _Teller(d)
    raw = teller.read(name)
    value, error = raw, None
    if kind != "python":
        value, error = teller.expand(name, raw)
    steps = tuple(teller.steps)
    return VariableStory(
        name=name,
        kind=kind,
        value=value,
        raw=raw,
        error=error,
        meaning=variable_meaning(name),
        flags=tuple(_flags(d, name)),
        steps=steps,
    )


def _text(value: Any) -> str | None:
    return None if value is None or value is MISSING else str(value)


@dataclass
class _Teller:
    d: DataStore
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.overrides = Overrides.of(":".join(self.d.overrides))

    # -- what was written ----------------------------------------------------------------------------------------------

    def read(self, name: str, unused: str | None = None) -> str | None:
        """Tells all up to the unexpanded value, and gives that. ``unused``: why none of it has an effect."""
        variable = self.d.variables.get(name)
        if variable is None:
            self.operations(name, None, unused)
            return None
        own = self.operations(name, variable, unused)
        value = own
        if own is None and variable.default is not MISSING:
            value = _text(variable.default)
            self.add(name, "default", value, value, unused)
        chosen = choose(variable.variants, self.overrides) if variable.variants else None
        for variant in variable.variants:
            if variant != chosen:
                self.variant(variant, variable, chosen)
        if chosen is not None:
            suffix = variable.variants[chosen]
            found = self.read(chosen, unused)
            if found is not None:
                value = found
                self.add(name, "override", found, found, unused, condition=suffix)
        value = self.pending(name, ":append", variable.appends, value, unused)
        value = self.pending(name, ":prepend", variable.prepends, value, unused)
        if unused is None:
            actual = _text(self.d.getVar(name, False))
            if actual != value:
                self.add(name, "engine", None, actual, None)
            return actual
        return value

    def variant(self, variant: str, variable: Variable, chosen: str | None) -> None:
        suffix = variable.variants[variant]
        if self.overrides.is_active(suffix):
            why = f"the override {variable.variants[chosen]} wins" if chosen is not None else "it has no value"
        else:
            missing = [part for part in suffix.split(":") if part not in self.overrides.active]
            why = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in OVERRIDES"
        self.read(variant, why)

    def operations(self, name: str, variable: Variable | None, unused: str | None) -> str | None:
        """The operations on exactly this name in order; gives its own value."""
        current: str | None = None
        # What ":=" made of its text isn't recorded: it shows only in what is left at the end.
        known = True
        actual = _text(variable.value) if variable is not None else None
        events = [event for event in self.d.varhistory.variable(name) if _is_value(event)]
        pending = [event for event in events if _operation(event).startswith(":") and _operation(event) != ":="]
        weak = max((index for index, event in enumerate(events) if event.get("flag") == "_defaultval"), default=-1)
        final = max(
            (
                index
                for index, event in enumerate(events)
                if event not in pending and event.get("flag") != "_defaultval"
            ),
            default=-1,
        )
        for index, event in enumerate(events):
            operation, detail = _operation(event), _text(event.get("detail"))
            note, shown = unused, detail
            if event in pending:
                continue
            if event.get("flag") == "_defaultval":
                operation = "??="
                if note is None and variable is not None and (variable.value is not MISSING or index != weak):
                    note = "there is a value" if variable.value is not MISSING else "a later one takes its place"
            elif operation == "?=":
                if current is None:
                    current = detail
                else:
                    note = note or "there is a value"
            elif operation in _JOINS:
                current = _JOINS[operation].format(current or "", detail)
            elif operation == "unset":
                current, shown, known = None, None, True
            else:
                current, known = detail, operation != ":="
            if index == final and not known:
                current, known = actual, True
            self.add(name, operation, shown, current if known else None, note, event)
        if actual != current and (variable is not None or events):
            self.add(name, "engine", None, actual, unused)
        return actual

    def pending(
        self, name: str, operation: str, entries: Operations, value: str | None, unused: str | None
    ) -> str | None:
        places = self.places(name, operation)
        for text, condition in entries:
            note = unused
            if note is None and not self.overrides.meets(condition):
                missing = [part for part in condition if part not in self.overrides.active]
                note = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in OVERRIDES"
            if unused is not None or note is None:
                value = f"{value or ''}{text}" if operation == ":append" else f"{text}{value or ''}"
            event = _take(places, str(text), ":".join(condition))
            self.add(name, operation, str(text), value, note, event, ":".join(condition) or None)
        return value

    def places(self, name: str, operation: str) -> list[Mapping[str, Any]]:
        word = operation[1:]
        return [
            event
            for event in self.d.varhistory.variable(name)
            if str(event["op"]).split("[")[0] == operation or (event["op"] == word and "func" in event)
        ]

    # -- what a read does ----------------------------------------------------------------------------------------------

    def expand(self, name: str, raw: str | None) -> tuple[str | None, str | None]:
        """Tells expansion, removes and filters; gives the value, and why it has none."""
        try:
            final = _text(self.d.getVar(name))
            value = _text(self.d.expand(raw, name)) if raw is not None else None
        except Exception as error:
            return None, str(error)
        if value != raw:
            self.add(name, "expand", None, value, None)
        variable = self.d.variables.get(name)
        chosen = choose(variable.variants, self.overrides) if variable is not None and variable.variants else None
        for owner in filter(None, (chosen, name)):
            source = self.d.variables.get(owner)
            for text, condition in source.removes if source is not None else ():
                value = self.remove(owner, text, condition, value)
        if value != final:
            self.add(name, "filter", None, final, None)
        return final, None

    def remove(self, name: str, text: str, condition: tuple[str, ...], value: str | None) -> str | None:
        note = None
        result = value
        if not self.overrides.meets(condition):
            missing = [part for part in condition if part not in self.overrides.active]
            note = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in OVERRIDES"
        elif value:
            result, matched = remove_words(value, {text: str(self.d.expand(text)).split()})
            note = None if matched else "no such word is in the value"
        event = _take(self.places(name, ":remove"), text, ":".join(condition))
        self.add(name, ":remove", text, result, note, event, ":".join(condition) or None)
        return result

    def add(
        self,
        name: str,
        operation: str,
        text: str | None,
        result: str | None,
        note: str | None,
        event: Mapping[str, Any] | None = None,
        condition: str | None = None,
    ) -> None:
        place, by = _origin(event) if event is not None else (None, None)
        self.steps.append(
            Step(
                variable=name,
                operation=operation,
                text=text,
                condition=condition,
                place=place,
                by=by,
                effect=note is None,
                note=note,
                result=result,
            )
        )


def _is_value(event: Mapping[str, Any]) -> bool:
    return "flag" not in event or event["flag"] in ("_defaultval", "_content")


def _operation(event: Mapping[str, Any]) -> str:
    operation = str(event["op"])
    if operation.startswith(":"):
        return operation.split("[")[0]
    if operation == "del":
        return "unset"
    if operation.startswith("rename"):
        return "rename"
    if operation == "from env":
        return "environment"
    if "func" in event:
        return {"append": ":append", "prepend": ":prepend"}.get(operation, "setVar")
    return _WRITTEN.get(operation, operation)


def _take(places: list[Mapping[str, Any]], text: str, condition: str) -> Mapping[str, Any] | None:
    """The first event of this text and condition, which is taken out of the list."""
    for event in places:
        written = str(event["op"])
        if str(event.get("detail")) == text and (written.partition("[")[2].rstrip("]") == condition):
            places.remove(event)
            return event
    return None


def _origin(event: Mapping[str, Any]) -> tuple[Place | None, str | None]:
    file = str(event.get("file") or "")
    by = str(event["func"]) if "func" in event else None
    # The names that the engine gives to code which has none.
    by = "Python code" if by in ("_body", "<module>") else by
    if by is not None and file.startswith(_ENGINE):
        return None, "the engine"
    return Place(file=file, line=int(event.get("line") or 0)) if file else None, by


def _flags(d: DataStore, name: str) -> Iterator[FlagStory]:
    events = d.varhistory.variable(name)
    for flag, raw in sorted((d.getVarFlags(name) or {}).items()):
        if flag.startswith(_HIDDEN):
            continue
        try:
            value = _text(d.getVarFlag(name, flag))
        except Exception:
            value = None
        places = []
        for event in events:
            if event.get("flag") in (flag, f"_defaultval_flag_{flag}"):
                place, _ = _origin(event)
                places += [place] if place is not None else []
        yield FlagStory(name=flag, value=value, raw=_text(raw), places=tuple(places))


def change(told: VariableStory, old: str) -> Place | None:
    """Where the operation stands that makes the value of now differ from ``old``, an unexpanded value of before: the last one in
    effect whose text is new. None where no such operation is known, as when one was taken away."""
    for step in reversed(told.steps):
        text = (step.text or "").strip()
        if step.effect and step.place is not None and text and text not in old:
            return step.place
    return None


def shown_names(d: DataStore) -> list[str]:
    """The variables that are shown where none is named: without the engine's own, and without names of operations, which exist
    only because a flag was set by that name."""
    return sorted(name for name in d if not name.startswith("__") and not classify(name).operation)
