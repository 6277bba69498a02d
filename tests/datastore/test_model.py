"""The store against a small model of §3-§7 that knows nothing of caches, sharing or copies: it keeps the list of what was done
to plain lists and works out each read from scratch."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from hadronbake.datastore.operations import assign
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import Location
from hadronbake.language.statements import Operator

NAMES = ("A", "B")
SUFFIXES = ("", ":x", ":y", ":x:y", ":y:x")
WORDS = ("1", "2", "1 2", "${B}", "${C} 2", "")


@dataclass
class Slot:
    value: str | None = None
    weak: str | None = None
    append: list[tuple[str, str]] = field(default_factory=list)
    prepend: list[tuple[str, str]] = field(default_factory=list)
    remove: list[tuple[str, str]] = field(default_factory=list)
    variants: list[str] = field(default_factory=list)


class Model:
    def __init__(self) -> None:
        self.slots: dict[str, Slot] = {}
        self.overrides: list[str] = []

    def slot(self, name: str) -> Slot:
        return self.slots.setdefault(name, Slot())

    def connect(self, name: str) -> None:
        parts = name.split(":")
        for count in range(1, len(parts)):
            above = self.slot(":".join(parts[:count])).variants
            if name not in above:
                above.append(name)

    def disconnect(self, name: str) -> None:
        for slot in self.slots.values():
            if name in slot.variants:
                slot.variants.remove(name)

    def active(self, condition: str) -> bool:
        return all(part in self.overrides for part in condition.split(":")) if condition else True

    def assign(self, name: str, operator: str, value: str) -> None:
        base, keyword, condition = name, "", ""
        for word in ("append", "prepend", "remove"):
            if f":{word}" in name:
                base, rest = name.split(f":{word}", 1)
                keyword, condition = word, rest.lstrip(":")
        slot = self.slot(base)
        if keyword:
            getattr(slot, keyword).append((value, condition))
        elif operator == "??=":
            slot.weak = value
        elif operator == "=":
            slot.value = value
        elif operator == "?=":
            slot.value = value if slot.value is None else slot.value
        else:
            old = slot.value or ""
            slot.value = {
                "+=": old + " " + value,
                "=+": value + " " + old,
                ".=": old + value,
                "=.": value + old,
            }[operator]
        self.connect(base)

    def set(self, name: str, value: str) -> None:
        slot = self.slot(name)
        slot.append, slot.prepend, slot.remove = [], [], []
        for variant in list(slot.variants):
            if self.active(variant[len(name) + 1 :]):
                self.delete(variant)
        slot.variants = []
        slot.value = value
        self.connect(name)

    def delete(self, name: str) -> None:
        self.slots.pop(name, None)
        self.disconnect(name)

    def choose(self, name: str) -> str | None:
        candidates = {v[len(name) + 1 :]: v for v in self.slot(name).variants if self.active(v[len(name) + 1 :])}
        chosen, changed = None, True
        while changed:
            changed = False
            for entry in self.overrides:
                for suffix in list(candidates):
                    if suffix == entry:
                        chosen = candidates.pop(suffix)
                    elif suffix.endswith(":" + entry):
                        candidates[suffix.removesuffix(":" + entry)] = candidates.pop(suffix)
                        changed = True
        return chosen

    def raw(self, name: str) -> tuple[str | None, list[str]]:
        """The value before expansion, and the removes that apply to it."""
        slot = self.slot(name)
        value, removes = None, []
        chosen = self.choose(name)
        if chosen is not None:
            value, inner = self.raw(chosen)
            if value is not None:
                text = self.expand(value)
                removes = [r for r in inner if set(self.expand(r).split()) & set(text.split())]
        if value is None:
            value = slot.value if slot.value is not None else slot.weak
        for text, condition in slot.append:
            if self.active(condition):
                value = (value or "") + text
        for text, condition in slot.prepend:
            if self.active(condition):
                value = text + (value or "")
        return value, removes + [text for text, condition in slot.remove if self.active(condition)]

    def expand(self, text: str) -> str:
        for name in ("B", "C"):
            if "${" + name + "}" in text:
                value = self.read(name)
                if value is not None:
                    text = text.replace("${" + name + "}", value)
        return text

    def read(self, name: str) -> str | None:
        value, removes = self.raw(name)
        if value is None:
            return None
        text = self.expand(value)
        gone = {word for entry in removes for word in self.expand(entry).split()}
        pieces, word = [], ""
        for char in text + "\0":
            if char in " \0":
                pieces += [] if word in gone else [word]
                pieces += [] if char == "\0" else [char]
                word = ""
            else:
                word += char
        return "".join(pieces)


names = st.builds(str.__add__, st.sampled_from(NAMES), st.sampled_from(SUFFIXES))
conditions = st.sampled_from(("", ":x", ":y", ":x:y"))
keywords = st.sampled_from((":append", ":prepend", ":remove"))
operations = st.builds("{}{}{}".format, names, keywords, conditions)
operators = st.sampled_from(("=", "?=", "??=", "+=", "=+", ".=", "=."))


def words_for(name: str) -> st.SearchStrategy[str]:
    # B must not refer to itself.
    return st.sampled_from([w for w in WORDS if name.startswith("A") or "${B}" not in w])


@st.composite
def steps(draw: st.DrawFn) -> tuple[str, str, str, str]:
    kind = draw(
        st.sampled_from(("assign", "assign", "assign", "operation", "operation", "set", "delete", "overrides", "read"))
    )
    if kind == "operation":
        name = draw(operations)
        return "assign", name, "=", draw(words_for(name))
    name = draw(names)
    if kind == "overrides":
        return kind, draw(st.sampled_from(("", "x", "y", "x:y", "y:x", "z:x"))), "", ""
    return kind, name, draw(operators), draw(words_for(name))


@settings(max_examples=150, deadline=None)
@given(st.lists(steps(), max_size=14))
def test_the_store_agrees_with_the_model(todo: list[tuple[str, Operator, str, str]]) -> None:
    model, d = Model(), DataStore()
    model.assign("C", "=", "c")
    d.setVar("C", "c")
    snapshots = []
    for kind, name, operator, value in todo:
        if kind == "assign":
            model.assign(name, operator, value)
            assign(d, name, None, operator, value, Location("a.bb", 1))  # type: ignore[arg-type]
        elif kind == "set":
            model.set(name, value)
            d.setVar(name, value)
        elif kind == "delete":
            model.delete(name)
            d.delVar(name)
        elif kind == "overrides":
            model.overrides = name.split(":")
            d.setVar("OVERRIDES", name)
        else:
            assert d.getVar(name) == model.read(name)
            # A copy goes on; what stays behind must not change.
            snapshots.append((d, {n: d.getVar(n) for n in (*NAMES, "A:x", "B:y")}))
            d = d.createCopy()
    for base in NAMES:
        for suffix in SUFFIXES:
            assert d.getVar(base + suffix) == model.read(base + suffix), base + suffix
    for left, values in snapshots:
        assert {n: left.getVar(n) for n in values} == values
