"""``d`` in a running Python task: the expanded values that the task's hash covers, and nothing else.

Imports next to nothing, because every Python task pays for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hadronbake.datastore.expressions import python_expressions
from hadronbake.diagnostics import Diagnostic, HadronbakeError, closest

if TYPE_CHECKING:
    from hadronbake.metadata.recipe import FunctionScript, TaskPayload

_REFERENCE = re.compile(r"\$\{([a-zA-Z0-9\-_+./~:]+)\}")


def request(payload: TaskPayload, function: FunctionScript) -> str:
    """The JSON text that the task runner reads for one Python function of a task.

    A variable or flag whose value is null is known to be unset.
    """
    return json.dumps(
        {
            "recipe": payload.recipe,
            "pn": payload.pn,
            "task": payload.task,
            "function": function.name,
            "text": function.text,
            "directories": list(function.directories),
            "clean_directories": list(function.clean_directories),
            "variables": dict(payload.variables),
            "flags": {name: dict(flags) for name, flags in payload.flags.items()},
            "umask": payload.umask,
        }
    )


class TaskData:
    """The datastore's reading and writing methods over given values. What is set stays in this process.

    Reading a name that isn't among the given ones raises HBE301: the task would depend on what its hash doesn't cover.
    """

    def __init__(
        self, task: str, variables: Mapping[str, str | None], flags: Mapping[str, Mapping[str, str | None]]
    ) -> None:
        self._task = task
        self._variables: dict[str, Any] = dict(variables)
        self._flags: dict[str, dict[str, Any]] = {name: dict(own) for name, own in flags.items()}
        # What Python code set here isn't expanded yet; the given values are, and "${" left in them means nothing.
        self._raw: set[str] = set()
        self._written: set[str] = set()
        self._expanding: list[str] = []
        self.names: dict[str, Any] = {}

    def getVar(self, name: str, expand: bool = True, noweakdefault: bool = False, parsing: bool = False) -> Any:
        if name not in self._variables:
            if name in self._written:
                return None
            raise self._untracked(name)
        value = self._variables[name]
        if not expand or name not in self._raw or not isinstance(value, str):
            return value
        if name in self._expanding:
            raise HadronbakeError.of("HBE302", f"{name} refers to itself: {' → '.join([*self._expanding, name])}")
        self._expanding.append(name)
        try:
            return self.expand(value)
        finally:
            self._expanding.pop()

    def getVarFlag(self, name: str, flag: str, expand: bool = True, noweakdefault: bool = False) -> Any:
        if flag in ("_content", "_defaultval"):
            return self.getVar(name, expand) if flag == "_content" else None
        own = self._flags.get(name)
        if own is not None and flag in own:
            value = own[flag]
            return self.expand(value) if expand and f"{name}[{flag}]" in self._raw and isinstance(value, str) else value
        if f"{name}[{flag}]" in self._written:
            return None
        # Signatures cover flags by "V[flag]", or all of a variable's flags at once.
        raise self._untracked(f"{name}[{flag}]")

    def getVarFlags(self, name: str, expand: Any = None, internalflags: bool = False) -> dict[str, Any] | None:
        if name not in self._flags:
            if name in self._variables:
                return None
            raise self._untracked(name)
        return {flag: value for flag, value in self._flags[name].items() if value is not None} or None

    def expand(self, text: str, varname: str | None = None) -> str:
        """Expands ``${NAME}``, then ``${@…}``; a name that is known to be unset stays as it is written."""
        text = _REFERENCE.sub(self._reference, text)
        pieces: list[str] = []
        after = 0
        for start, end in python_expressions(text):
            pieces += (text[after : start - 3], self._evaluate(text[start:end]))
            after = end + 1
        return "".join([*pieces, text[after:]])

    def setVar(self, name: str, value: Any, **_: Any) -> None:
        self._variables[name] = value
        self._raw.add(name)
        self._written.add(name)

    def appendVar(self, name: str, value: str, **_: Any) -> None:
        self.setVar(name, (self._known(name) or "") + value)

    def prependVar(self, name: str, value: str, **_: Any) -> None:
        self.setVar(name, value + (self._known(name) or ""))

    def delVar(self, name: str, **_: Any) -> None:
        self._variables.pop(name, None)
        self._flags.pop(name, None)
        self._raw.discard(name)
        self._written.add(name)

    def renameVar(self, name: str, new: str, **_: Any) -> None:
        value = self.getVar(name, False)
        self.delVar(name)
        if value is not None:
            self.setVar(new, value)

    def setVarFlag(self, name: str, flag: str, value: Any, **_: Any) -> None:
        self._flags.setdefault(name, {})[flag] = value
        self._raw.add(f"{name}[{flag}]")
        self._written.add(f"{name}[{flag}]")

    def appendVarFlag(self, name: str, flag: str, value: str, **_: Any) -> None:
        self.setVarFlag(name, flag, (self.getVarFlag(name, flag, False) or "") + value)

    def prependVarFlag(self, name: str, flag: str, value: str, **_: Any) -> None:
        self.setVarFlag(name, flag, value + (self.getVarFlag(name, flag, False) or ""))

    def delVarFlag(self, name: str, flag: str, **_: Any) -> None:
        self._flags.get(name, {}).pop(flag, None)
        self._written.add(f"{name}[{flag}]")

    def setVarFlags(self, name: str, flags: Mapping[str, Any], **_: Any) -> None:
        for flag, value in flags.items():
            self.setVarFlag(name, flag, value)

    def keys(self) -> list[str]:
        return [name for name, value in self._variables.items() if value is not None]

    def createCopy(self) -> TaskData:
        copy = TaskData(self._task, self._variables, self._flags)
        copy._raw, copy._written, copy.names = set(self._raw), set(self._written), self.names
        return copy

    def __contains__(self, name: str) -> bool:
        return self._variables.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __getitem__(self, name: str) -> Any:
        value = self.getVar(name, False)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        self.setVar(name, value)

    def __delitem__(self, name: str) -> None:
        self.delVar(name)

    def _known(self, name: str) -> str | None:
        value = self.getVar(name, False)
        return value if value is None or isinstance(value, str) else str(value)

    def _reference(self, match: re.Match[str]) -> str:
        value = self.getVar(match[1])
        return match[0] if value is None else str(value)

    def _evaluate(self, code: str) -> str:
        # With a name in it that is unset the code would mean something else.
        if _REFERENCE.search(code):
            return "${@" + code + "}"
        return self.expand(str(eval(code.strip(), {**self.names, "d": self})))

    def _untracked(self, name: str) -> HadronbakeError:
        hint = f"say '{self._task}[vardeps] += \"{name}\"', so that a change of it runs the task again"
        near = closest(name, self._variables)
        if near is not None:
            hint += f"; or did you mean '{near}'?"
        return HadronbakeError(
            Diagnostic("HBE301", f"{name} is read by {self._task} but is not among its tracked inputs", hint=hint)
        )
