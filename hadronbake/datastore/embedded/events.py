"""``bb.event``: event classes, and the handlers that metadata registers by ``addhandler`` (language.md §12)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

Registered, AlreadyRegistered = 10, 14
Handler = Callable[[Any, Any], object]

logger = logging.getLogger("BitBake.Event")

# name → (function, event class names it wants; empty means all)
_handlers: dict[str, tuple[Handler, frozenset[str]]] = {}
_listeners: list[Callable[[Any], None]] = []


class Event:
    """Base of all events. ``pid`` is kept for handlers that look at it."""

    def __init__(self) -> None:
        self.pid = 0
        self.data: Any = None


def _event(name: str, base: type = Event, fields: str = "", doc: str = "") -> type:
    """An event class whose constructor takes ``fields`` (all may be left out) and keeps them as attributes."""
    names = fields.split()

    def initialise(self: Any, *args: Any, **options: Any) -> None:
        Event.__init__(self)
        for field in names:
            setattr(self, field, None)
        for field, value in zip(names, args, strict=False):
            setattr(self, field, value)
        for field, value in options.items():
            setattr(self, field, value)

    return type(name, (base,), {"__init__": initialise, "__doc__": doc or f"Event {name}.", "__module__": "bb.event"})


ConfigParsed = _event("ConfigParsed")
MultiConfigParsed = _event("MultiConfigParsed", fields="mcdata")
RecipeEvent = _event("RecipeEvent", fields="fn")
RecipePreDeferredInherits = _event("RecipePreDeferredInherits", RecipeEvent, "fn inherits")
RecipePreFinalise = _event("RecipePreFinalise", RecipeEvent, "fn")
RecipePostKeyExpansion = _event("RecipePostKeyExpansion", RecipeEvent, "fn")
RecipeTaskPreProcess = _event("RecipeTaskPreProcess", RecipeEvent, "fn tasklist")
RecipeParsed = _event("RecipeParsed", RecipeEvent, "fn")
BuildBase = _event("BuildBase", fields="name pkgs failures")
BuildInit = _event("BuildInit", BuildBase, "name pkgs failures")
BuildStarted = _event("BuildStarted", BuildBase, "name pkgs failures")
BuildCompleted = _event("BuildCompleted", BuildBase, "total name pkgs failures interrupted")
DepTree = _event("DepTree")
NoProvider = _event("NoProvider", fields="item runtime dependees reasons close_matches")
MultipleProviders = _event("MultipleProviders", fields="item candidates runtime")
ParseStarted = _event("ParseStarted", fields="total")
ParseCompleted = _event("ParseCompleted", fields="cached parsed skipped masked virtuals errors total")
ParseError = _event("ParseError", fields="recipe")
CookerExit = _event("CookerExit")
StampUpdate = _event("StampUpdate", fields="targets stampFns")
TreeDataPreparationStarted = _event("TreeDataPreparationStarted")
TreeDataPreparationCompleted = _event("TreeDataPreparationCompleted", fields="total")
OperationStarted = _event("OperationStarted", fields="msg")
OperationCompleted = _event("OperationCompleted", fields="total msg")
OperationProgress = _event("OperationProgress", fields="current total msg")
ProcessStarted = _event("ProcessStarted", fields="processname total")
ProcessProgress = _event("ProcessProgress", fields="processname progress")
ProcessFinished = _event("ProcessFinished", fields="processname")
SanityCheck = _event("SanityCheck", fields="generateevents")
SanityCheckPassed = _event("SanityCheckPassed")
SanityCheckFailed = _event("SanityCheckFailed", fields="_msg _network_error")
NetworkTest = _event("NetworkTest", fields="generateevents")
NetworkTestPassed = _event("NetworkTestPassed")
NetworkTestFailed = _event("NetworkTestFailed")
MetadataEvent = _event("MetadataEvent", fields="type _localdata")
HeartbeatEvent = _event("HeartbeatEvent", fields="time")
MonitorDiskEvent = _event("MonitorDiskEvent", fields="disk_usage")
DiskFull = _event("DiskFull", fields="_dev _type _free _mountpoint")
LogExecTTY = _event("LogExecTTY", fields="msg prog sleep_delay retries")
ReachableStamps = _event("ReachableStamps", fields="stamps")
StaleSetSceneTasks = _event("StaleSetSceneTasks", fields="tasks")
FilesMatchingFound = _event("FilesMatchingFound", fields="_pattern _matches")


def getName(event: Any) -> str:
    """The class name of an event (of a class or an instance)."""
    return str(event.__name__ if isinstance(event, type) else event.__class__.__name__)


def register(
    name: str,
    handler: str | Handler | None,
    mask: Iterable[str] | None = None,
    filename: str | None = None,
    lineno: int | None = None,
    data: Any = None,
) -> int:
    """Register a handler: a function of (event, d), or the body of one. A name is registered once."""
    if name in _handlers:
        return AlreadyRegistered
    wanted = frozenset(mask or ())
    wanted = frozenset() if "*" in wanted else wanted
    if isinstance(handler, str):
        text = "\n" * max((lineno or 1) - 1, 0) + f"def {name}(e, d):\n{handler}"
        from hadronbake.datastore.context import python_context

        namespace: dict[str, Any] = {}
        exec(compile(text, filename or name, "exec"), python_context, namespace)
        _handlers[name] = (namespace[name], wanted)
    elif handler is not None:
        _handlers[name] = (handler, wanted)
    return Registered


def remove(name: str, handler: object = None) -> None:
    _handlers.pop(name, None)


def get_handlers() -> dict[str, tuple[Handler, frozenset[str]]]:
    return dict(_handlers)


def set_handlers(handlers: dict[str, tuple[Handler, frozenset[str]]]) -> None:
    _handlers.clear()
    _handlers.update(handlers)


get_class_handlers, set_class_handlers = get_handlers, set_handlers


def clean_class_handlers() -> dict[str, tuple[Handler, frozenset[str]]]:
    return {}


def listen(listener: Callable[[Any], None]) -> None:
    """Call ``listener`` with every event fired, after the handlers (for the engine and for tests)."""
    _listeners.append(listener)


def fire(event: Any, d: Any) -> None:
    """Call the handlers that want this event, in order of registration; what one raises goes to the caller."""
    name = getName(event)
    event.data = d
    try:
        for handler, wanted in list(_handlers.values()):
            if not wanted or name in wanted or f"bb.event.{name}" in wanted or f"bb.build.{name}" in wanted:
                handler(event, d)
    finally:
        event.data = None
    for listener in _listeners:
        listener(event)


fire_class_handlers = fire


def check_for_interrupts(d: Any = None) -> None:
    """Nothing to do: an interrupt arrives as KeyboardInterrupt."""


def enable_threadlock() -> None:
    pass


def disable_threadlock() -> None:
    pass
