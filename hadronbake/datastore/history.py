"""What was done to each variable, and which file included which. Kept only while a store is tracking."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import PurePath
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from hadronbake.datastore.store import DataStore

Event = dict[str, Any]
_OWN_DIRECTORY = str(PurePath(__file__).parent)


class VariableHistory:
    """Events by variable: dictionaries with ``variable, file, line, op, detail``, ``flag`` for flags, ``func`` when done from Python."""

    def __init__(self, dataroot: DataStore, events: dict[str, tuple[Event, ...]]) -> None:
        """``events``: where they are kept. The store has no reference to this object, so that it goes when it is no longer used."""
        self.dataroot = dataroot
        self._events = events

    def record(self, **event: Any) -> None:
        """Add an event, if the store is tracking. Without ``file`` the place of the Python code that called the store is taken."""
        if not self.dataroot.tracking or event.pop("ignore", False):
            return
        event.setdefault("op", "set")
        event.pop("parsing", None)
        location = event.pop("location", None)
        if location is not None:
            event.setdefault("file", location.file)
            event.setdefault("line", location.line)
        if "file" not in event:
            frame = _caller()
            event["file"] = frame.f_code.co_filename
            event["line"] = frame.f_lineno
            event["func"] = frame.f_code.co_name
        event.setdefault("line", 0)
        event.setdefault("detail", "")
        known = self._events.get(event["variable"], ())
        if event.pop("nodups", False) and event in known:
            return
        self._events[event["variable"]] = (*known, event)

    def variable(self, var: str) -> list[Event]:
        """The events of ``var``, oldest first."""
        return list(self._events.get(var, ()))

    def with_variants(self, var: str) -> list[Event]:
        """As :meth:`variable`, and after these the events of its override variants, as ``override[o]:op``."""
        found = self.variable(var)
        stored = self.dataroot.variables.get(var)
        for name, suffix in stored.variants.items() if stored is not None else ():
            for event in self.variable(name):
                if not str(event.get("flag", "_")).startswith(("_", ":")):
                    continue
                found.append({**event, "variable": var, "op": f"override[{suffix}]:{event['op']}"})
        return found

    def rename_variable_hist(self, oldvar: str, newvar: str) -> None:
        if self.dataroot.tracking and oldvar in self._events:
            self._events[newvar] = self._events.get(newvar, ()) + tuple(dict(e) for e in self._events[oldvar])

    def del_var_history(self, var: str, f: str | None = None, line: int | None = None) -> None:
        """Forget all events of ``var``, or only those made at one place."""
        if var not in self._events:
            return
        if f is None or line is None:
            self._events[var] = ()
        else:
            self._events[var] = tuple(e for e in self._events[var] if (e["file"], e["line"]) != (f, line))

    def get_variable_files(self, var: str) -> list[str]:
        return [event["file"] for event in self.variable(var)]

    def get_variable_lines(self, var: str, f: str) -> list[int]:
        return [event["line"] for event in self.variable(var) if event["file"] == f]

    def get_variable_refs(self, var: str) -> dict[str, list[int]]:
        """Lines by file."""
        found: dict[str, list[int]] = {}
        for event in self.variable(var):
            found.setdefault(event["file"], []).append(event["line"])
        return found

    def get_variable_items_files(self, var: str) -> dict[str, str]:
        """For each word in the value of the list variable ``var`` the file that added it first."""
        final = set((self.dataroot.getVar(var) or "").split())
        found: dict[str, str] = {}
        is_set = False
        for event in self.variable(var):
            if "flag" in event or event["op"].startswith(":remove") or (is_set and event["op"] == "set?"):
                continue
            is_set = True
            for word in self.dataroot.expand(str(event["detail"])).split():
                if word in final:
                    found.setdefault(word, event["file"])
        return found

    def emit(self, var: str, oval: Any, val: Any, o: TextIO, d: DataStore) -> None:
        """Write the history of ``var`` as shell comments, ``oval`` being its unexpanded value."""
        events = self.with_variants(var)
        shown = str(oval).replace("\n", "\n#")
        if not events:
            o.write(f'#\n# ${var}\n#   [no history recorded]\n#\n#   "{shown}"\n')
            return
        count = f" [{len(events)} operations]" if len(events) > 1 else ""
        o.write(f"#\n# ${var}{count}\n")
        for event in events:
            file, by = event["file"], ""
            if "func" in event:
                # The engine's or a library's own code: its full path says nothing to the reader.
                file, by = PurePath(file).name, f" [{event['func']}]"
            flag = f"[{event['flag']}] " if "flag" in event else ""
            detail = str(event["detail"]).replace("\n", "\n#     ")
            o.write(f'#   {event["op"]} {file}:{event["line"]}{by}\n#     {flag}"{detail}"\n')
        if len(events) > 1:
            o.write(f'# pre-expansion value:\n#   "{shown}"\n')

    def __iter__(self) -> Iterator[str]:
        return iter(self._events)


class IncludeHistory:
    """The tree of included files. ``with history.include(name):`` while that file is evaluated."""

    def __init__(self, parent: IncludeHistory | None = None, filename: str = "[TOP LEVEL]") -> None:
        self.parent = parent
        self.filename = filename
        self.children: list[IncludeHistory] = []
        # None: this one itself.
        self._current: IncludeHistory | None = None

    def copy(self) -> IncludeHistory:
        new = IncludeHistory(self.parent, self.filename)
        new.children = list(self.children)
        return new

    def include(self, filename: str) -> IncludeHistory:
        current = self._current or self
        new = IncludeHistory(current, filename)
        current.children.append(new)
        self._current = new
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._current is not None:
            self._current = self._current.parent

    def emit(self, o: TextIO, level: int = 0) -> None:
        """Write the tree as comments."""
        if level:
            o.write(f"# {'  ' * (level - 1)}{self.filename}" + (" includes:" if self.children else ""))
        else:
            o.write("#\n# INCLUDE HISTORY:\n#")
        for child in self.children:
            o.write("\n")
            child.emit(o, level + 1)


def _caller() -> FrameType:
    """The nearest frame outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN_DIRECTORY):
        frame = frame.f_back
    return frame
