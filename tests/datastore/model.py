"""The rules of the language's variables (language.md §3-§8), carried out in the plainest way.

Nothing is shared, kept or worked out before it is asked for: a slot of plain lists for each name, a deep copy for a copy. Written
from the rules, without a look at the store that it judges.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

KEYWORDS = ("append", "prepend", "remove")


class Refused(Exception):
    """What the rules call an ExpansionError or a fatal error."""


@dataclass
class Slot:
    value: Any = None
    weak: Any = None
    append: list[tuple[str, str]] = field(default_factory=list)
    prepend: list[tuple[str, str]] = field(default_factory=list)
    remove: list[tuple[str, str]] = field(default_factory=list)
    flags: dict[str, Any] = field(default_factory=dict)
    weak_flags: dict[str, Any] = field(default_factory=dict)
    variants: list[str] = field(default_factory=list)

    def is_empty(self) -> bool:
        # What is a variable's own; its variants are somebody else's.
        own = (self.append, self.prepend, self.remove, self.flags, self.weak_flags)
        return self.value is None and self.weak is None and not any(own)


def split(name: str) -> tuple[str, str, str]:
    """Variable, keyword and condition; no keyword if the name is an ordinary one."""
    parts = name.split(":")
    for index, part in enumerate(parts):
        if index and part in KEYWORDS:
            condition = ":".join(parts[index + 1 :])
            if any("A" <= char <= "Z" for char in condition):
                break
            return ":".join(parts[:index]), part, condition
    return name, "", ""


def variant_of(name: str) -> list[str]:
    """The variables that the name is a variant of."""
    parts = name.split(":")
    found = []
    while len(parts) > 1 and re.match("[a-z0-9]", parts.pop()):
        found.append(":".join(parts))
    return found


class Contains:
    """``bb`` with ``bb.utils.contains`` and no more."""

    @property
    def utils(self) -> Contains:
        return self

    def contains(self, name: str, words: str, yes: Any, no: Any, d: Model) -> Any:
        value = d.getVar(name)
        return yes if value and set(words.split()) <= set(value.split()) else no


class Names(dict[str, Any]):
    def __init__(self, d: Model) -> None:
        super().__init__(d=d, bb=Contains())

    def __missing__(self, name: str) -> Any:
        value = None if name.startswith("__") else self["d"].getVar(name)
        if value is None:
            raise KeyError(name)
        return value


class Model:
    def __init__(self) -> None:
        self.slots: dict[str, Slot] = {}
        self.expanding: list[str] = []
        self.forced: list[str] | None = None

    def slot(self, name: str) -> Slot:
        return self.slots.setdefault(name, Slot())

    # -- statements ------------------------------------------------------------------------------------------------

    def statement(self, name: str, flag: str | None, operator: str, value: str, export: bool = False) -> None:
        if export:
            self.export(name)
        if operator == ":=":
            value = self.expand(value, None)
        if flag is not None:
            slot = self.slot(name)
            if operator == "??=":
                slot.weak_flags[flag] = value
            else:
                slot.flags[flag] = combined(slot.flags.get(flag), operator, value)
        elif operator == "??=":
            self.slot(name).weak = value
            self.connect(name)
        else:
            current = None if split(name)[1] else self.slot(name).value
            self.put(name, combined(current, operator, value))

    def export(self, name: str) -> None:
        self.slot(name).flags["export"] = 1

    def unset(self, name: str, flag: str | None) -> None:
        if flag is None:
            self.delVar(name)
        else:
            self.delVarFlag(name, flag)

    def put(self, name: str, value: Any) -> None:
        base, keyword, condition = split(name)
        if keyword:
            getattr(self.slot(base), keyword).append((value, condition))
        else:
            self.slot(name).value = value
        self.connect(base)

    def connect(self, name: str) -> None:
        for above in variant_of(name):
            if name not in self.slot(above).variants:
                self.slot(above).variants.append(name)

    def expand_keys(self) -> None:
        names = {name: self.expand(name, None) for name in self.keys() if "${" in name}
        for name in sorted(names):
            if names[name] != name:
                self.renameVar(name, names[name])

    # -- from Python -----------------------------------------------------------------------------------------------

    def setVar(self, name: str, value: Any) -> None:
        if not split(name)[1]:
            slot = self.slot(name)
            slot.append, slot.prepend, slot.remove = [], [], []
            for variant in [v for v in slot.variants if self.is_active(v[len(name) + 1 :])]:
                self.delVar(variant)
            slot.variants = []
        self.put(name, value)

    def appendVar(self, name: str, value: str) -> None:
        self.put(f"{name}:append", value)

    def prependVar(self, name: str, value: str) -> None:
        self.put(f"{name}:prepend", value)

    def delVar(self, name: str) -> None:
        self.slots.pop(name, None)
        for above in variant_of(name):
            if name in self.slot(above).variants:
                self.slot(above).variants.remove(name)

    def renameVar(self, old: str, new: str) -> None:
        slot = self.slot(old)
        value = slot.value if slot.value is not None else slot.weak
        if value is None and not (slot.append or slot.prepend or slot.remove or slot.variants):
            return
        if value is not None:
            self.put(new, value)
        for keyword in KEYWORDS:
            getattr(self.slot(new), keyword).extend(getattr(slot, keyword))
        for variant in list(slot.variants):
            self.renameVar(variant, new + variant[len(old) :])
        self.connect(split(new)[0])
        self.delVar(old)

    def setVarFlag(self, name: str, flag: str, value: Any) -> None:
        self.slot(name).flags[flag] = value

    def delVarFlag(self, name: str, flag: str) -> None:
        self.slot(name).flags.pop(flag, None)
        self.slot(name).weak_flags.pop(flag, None)

    def appendVarFlag(self, name: str, flag: str, value: str) -> None:
        self.setVarFlag(name, flag, (self.raw_flag(name, flag) or "") + value)

    def prependVarFlag(self, name: str, flag: str, value: str) -> None:
        self.setVarFlag(name, flag, value + (self.raw_flag(name, flag) or ""))

    def delVarFlags(self, name: str) -> None:
        slot = self.slot(name)
        self.slots[name] = Slot(value=slot.value, variants=slot.variants)

    def createCopy(self) -> Model:
        new = Model()
        new.slots = copy.deepcopy(self.slots)
        return new

    # -- reading ---------------------------------------------------------------------------------------------------

    def getVar(self, name: str, expand: bool = True) -> Any:
        if not expand:
            return self.raw(name, wanted=False)[0]
        value, removes = self.raw(name)
        if not isinstance(value, str):
            return value
        if name in self.expanding:
            raise Refused(f"{name} refers to itself")
        self.expanding.append(name)
        try:
            text = self.expand(value, name)
            gone = {word for entry in removes for word in self.expand(entry, None).split()} if text else set()
        finally:
            self.expanding.pop()
        return "".join(piece for piece in re.split(r"(\s)", text) if piece not in gone or not piece)

    def raw(self, name: str, wanted: bool = True) -> tuple[Any, list[str]]:
        """The value before expansion, and the removes that apply to it, if they are wanted."""
        slot = self.slot(name)
        value, removes = None, list[str]()
        chosen = self.chosen(slot, name)
        if chosen is not None:
            value, inner = self.raw(chosen, wanted)
            if inner and value and wanted:
                text = self.expand(value, chosen)
                removes = [r for r in inner if set(self.expand(r, None).split()) & set(text.split())]
        if value is None:
            value = slot.value if slot.value is not None else slot.weak
        for text, condition in slot.append:
            if self.is_active(condition):
                value = (value or "") + text
        for text, condition in slot.prepend:
            if self.is_active(condition):
                value = text + (value or "")
        return value, removes + [text for text, condition in slot.remove if self.is_active(condition)]

    def chosen(self, slot: Slot, name: str) -> str | None:
        suffixes = [variant[len(name) + 1 :] for variant in slot.variants]
        candidates = {suffix: f"{name}:{suffix}" for suffix in suffixes if self.is_active(suffix)}
        found, changed = None, True
        while changed and candidates:
            changed = False
            for entry in self.overrides():
                for suffix in list(candidates):
                    if suffix == entry:
                        found = candidates.pop(suffix)
                    elif entry and suffix.endswith(":" + entry):
                        candidates[suffix.removesuffix(":" + entry)] = candidates.pop(suffix)
                        changed = True
        return found

    def is_active(self, condition: str) -> bool:
        return not condition or set(condition.split(":")) <= set(self.overrides())

    def overrides(self) -> list[str]:
        if self.forced is not None:
            return self.forced
        outside, self.expanding = self.expanding, []
        try:
            self.forced = []
            for _ in range(6):
                new = (self.getVar("OVERRIDES") or "").split(":")
                if new == self.forced:
                    return new
                self.forced = new
        finally:
            self.forced, self.expanding = None, outside
        raise Refused("OVERRIDES is not stable")

    def getVarFlag(self, name: str, flag: str) -> Any:
        value = self.raw_flag(name, flag)
        if not isinstance(value, str):
            return value
        whole = f"{name}[{flag}]"
        if whole in self.expanding:
            raise Refused(f"{whole} refers to itself")
        self.expanding.append(whole)
        try:
            return self.expand(value, whole)
        finally:
            self.expanding.pop()

    def raw_flag(self, name: str, flag: str) -> Any:
        slot = self.slot(name)
        return slot.flags[flag] if flag in slot.flags else slot.weak_flags.get(flag)

    def getVarFlags(self, name: str) -> dict[str, Any] | None:
        slot = self.slot(name)
        return {**slot.weak_flags, **slot.flags} or None

    def keys(self) -> set[str]:
        return {
            name
            for name, slot in list(self.slots.items())
            if not slot.is_empty() or any(self.is_active(v[len(name) + 1 :]) for v in slot.variants)
        }

    # -- expansion -------------------------------------------------------------------------------------------------

    def expand(self, text: str, name: str | None) -> str:
        def value_of(match: re.Match[str]) -> str:
            if match[1] == name:
                raise Refused(f"{name} refers to itself")
            value = self.getVar(match[1])
            return match[0] if value is None else value

        def result_of(match: re.Match[str]) -> str:
            if re.search(r"\$\{[A-Za-z0-9_.+/~:-]+\}", match[1]):
                return match[0]
            try:
                names = Names(self)
                return str(eval(match[1].strip(), names, names))
            except Exception as error:
                raise Refused(str(error)) from error

        for _ in range(50):
            before = text
            text = re.sub(r"\$\{([A-Za-z0-9_.+/~:-]+)\}", value_of, text)
            text = re.sub(r"\$\{@((?:\{.*?\}|.)+?)\}", result_of, text)
            if text == before:
                return text
        raise Refused("no end of expansion")


def combined(current: Any, operator: str, value: str) -> Any:
    """What an assignment makes of the current value."""
    old = "" if current is None else current
    return {
        "=": value,
        ":=": value,
        "?=": value if current is None else current,
        "+=": f"{old} {value}",
        "=+": f"{value} {old}",
        ".=": f"{old}{value}",
        "=.": f"{value}{old}",
    }[operator]


# -- what is tried ---------------------------------------------------------------------------------------------------

NAMES = ("A", "B", "C", "A:x", "A:y", "B:x", "A:x:y", "B:x:y", "A:y:x", "B:z", "C:z:x", "A:Foo", "A:x:Foo", "C:z")
UNEXPANDED = ("A:${P}", "C:${P}", "C_${P}", "A:x:${P}")
KEYED = (*UNEXPANDED, "B:append:${P}", "A:prepend:${P}", "B:remove:${P}")
EVERY = (*NAMES, *KEYED, "A:p", "C:p", "C_p", "A:x:p", "P", "OVERRIDES", "A:append", "A:q", "C_q")
OPERATIONS = (
    ":append",
    ":prepend",
    ":remove",
    ":append:x",
    ":append:y",
    ":prepend:x:y",
    ":remove:y",
    ":remove:x",
    ":append:p",
)
OPERATORS = ("=", "=", "?=", "??=", ":=", "+=", "=+", ".=", "=.")
FLAGS = ("f", "g")
VALUES = (
    "1",
    "2 3",
    " ${B} ",
    "${C}",
    "x y",
    "3  3\t1",
    "",
    "${U}",
    "1 ${P}",
    "${A}",
    "${${V}}x",
    "${@d.getVar('C')}",
    "${@bb.utils.contains('B', '2', 'yes', 'no', d)}",
    "${@'$' + '{P}'}",
    "${@'${U}'}",
    "${@P + P}",
    "${@d.getVarFlag('A', 'f')}",
)
OVERRIDES = ("x:y", "y:x", "x", "z:x:y", "", "x:${P}", "z:y:x:w", "x:${C_p}")

Step = tuple[Any, ...]
Choice = Callable[[Sequence[Any]], Any]


def one_step(choice: Choice) -> Step:
    """A step: the name of a method of the store (or of a function of the same name) with its arguments."""
    kind = choice(_KINDS)
    name, value = choice((*NAMES, *NAMES, *KEYED)), choice(VALUES)
    match kind:
        case "assign":
            return "statement", name, None, choice(OPERATORS), value, choice((False,) * 9 + (True,))
        case "operation":
            # A weak default has no place in a list of appends.
            operator = choice([item for item in OPERATORS if item != "??="])
            return "statement", choice((*NAMES, *UNEXPANDED)) + choice(OPERATIONS), None, operator, value, False
        case "assign flag":
            return "statement", name, choice(FLAGS), choice(OPERATORS), value, False
        case "unset":
            return kind, name, choice((None, *FLAGS))
        case "export" | "delVar" | "delVarFlags":
            return kind, name
        case "setVar":
            return kind, choice((name, choice(NAMES) + choice(OPERATIONS))), value
        case "appendVar" | "prependVar":
            return kind, choice(NAMES), value
        case "renameVar":
            return kind, *choice(_RENAMES)
        case "setVarFlag" | "appendVarFlag" | "prependVarFlag":
            return kind, name, choice(FLAGS), value
        case "delVarFlag":
            return kind, name, choice(FLAGS)
        case "overrides":
            return "setVar", "OVERRIDES", choice(OVERRIDES)
        case "P":
            return "statement", choice(("P", "P", "P:x")), None, "=", choice(("p", "x", "y", "q")), False
        case "read":
            return kind, choice(EVERY)
    return (kind,)


_KINDS = (
    *("assign",) * 8, *("operation",) * 6, *("assign flag",) * 3, "unset", "unset", "export", "delVar", "delVarFlags", *("setVar",) * 4,
    "appendVar", "prependVar", "renameVar", "renameVar", "setVarFlag", "appendVarFlag", "prependVarFlag", "delVarFlag",
    *("overrides",) * 3, "P", "P", *("read",) * 4, "copy", "copy", "other", "expand_keys",
)  # fmt: skip
_RENAMES = [
    (old, new)
    for old in (*NAMES, *UNEXPANDED)
    for new in (*NAMES, "D", "D:x", "D_${P}")
    if not new.startswith(old) and not old.startswith(new)
]


def reads(d: Any, names: Iterable[str]) -> dict[Any, Callable[[], Any]]:
    """Everything that can be read of these names in a store, by what it is."""
    found: dict[Any, Callable[[], Any]] = {}
    for name in names:
        found[name] = partial(d.getVar, name)
        found[name, "raw"] = partial(d.getVar, name, False)
        found[name, "flags"] = partial(d.getVarFlags, name)
        found[name, "f"] = partial(d.getVarFlag, name, "f")
    found["keys"] = lambda: sorted(set(d.keys()) - {"__exportlist"})
    return found


def run(
    steps: Sequence[Step],
    stores: list[list[Any]],
    say: Callable[..., None],
    refusals: Mapping[int, type | tuple[type, ...]],
) -> None:
    """Carry out the steps on each of the stores; ``stores`` is a list for each kind, with the copies. ``say(what, results)`` is
    told the results of every step and read, one for each kind; what a kind raises of ``refusals`` counts as the result "refused"."""

    def tried(what: Any, calls: Sequence[Callable[[], Any]]) -> None:
        results = []
        for index, call in enumerate(calls):
            try:
                results.append(call())
            except refusals[index]:
                results.append("refused")
        say(what, results)

    current = 0
    for number, step in enumerate(steps):
        method, *arguments = step
        if method == "copy":
            if len(stores[0]) < 4:
                for copies in stores:
                    copies.append(copies[current].createCopy())
                current = len(stores[0]) - 1
        elif method == "other":
            current = (current + 1) % len(stores[0])
        elif method == "read":
            tried((number, step), [partial(copies[current].getVar, *arguments) for copies in stores])
        else:
            tried((number, step), [partial(getattr(copies[current], method), *arguments) for copies in stores])
    for number in range(len(stores[0])):
        # What has no key reads as nothing, and is tried in the steps.
        try:
            names = sorted({"A", "B", "C", *stores[0][number].keys()})
        except refusals[0]:
            names = list(NAMES)
        tables = [reads(copies[number], names) for copies in stores]
        for what in tables[0]:
            tried((f"copy {number}", what), [table[what] for table in tables])
