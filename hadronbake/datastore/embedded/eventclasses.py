"""The event classes of ``bb.event``, as handlers of metadata find them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


class Event:
    """Base of all events. ``pid``: the process that made it, as ``bb.event.worker_pid`` says; ``data``: a handler's datastore."""

    def __init__(self) -> None:
        self.pid = getattr(sys.modules.get("bb.event"), "worker_pid", 0)
        self.data: Any = None


def _event(name: str, base: type = Event, **fields: Any) -> type:
    """A class whose constructor takes ``fields`` in this order, with these defaults, and keeps them as attributes."""

    def initialise(self: Any, *args: Any, **options: Any) -> None:
        Event.__init__(self)
        given = dict(zip(fields, args, strict=False))
        for field, default in fields.items():
            setattr(self, field, options.pop(field, given.get(field, default)))
        self.__dict__.update(options)

    return type(name, (base,), {"__init__": initialise, "__doc__": f"Event {name}.", "__module__": "bb.event"})


# Operations


class OperationStarted(Event):
    def __init__(self, msg: str = "Operation Started") -> None:
        super().__init__()
        self.msg = msg


class OperationCompleted(Event):
    def __init__(self, total: int, msg: str = "Operation Completed") -> None:
        super().__init__()
        self.total = total
        self.msg = msg


class OperationProgress(Event):
    def __init__(self, current: int, total: int, msg: str = "Operation in Progress") -> None:
        super().__init__()
        self.current = current
        self.total = total
        self.msg = f"{msg}: {current}/{total}"


def _operation(name: str, what: str, *fields: str) -> tuple[type, type, type]:
    """The three events of one kind of operation; ``fields`` are those of its end, ``total`` among them."""

    def started(self: Any, total: int | None = None) -> None:
        OperationStarted.__init__(self, f"{what} Started")
        if total is not None:
            self.total = total

    def progress(self: Any, current: int, total: int) -> None:
        OperationProgress.__init__(self, current, total, what)

    def completed(self: Any, *args: Any) -> None:
        values = dict(zip(fields, args, strict=True))
        OperationCompleted.__init__(self, values["total"], f"{what} Completed")
        self.__dict__.update(values)
        if "cached" in values:
            self.sofar = values["cached"] + values["parsed"]

    def made(kind: str, base: type, initialise: Any) -> type:
        return type(f"{name}{kind}", (base,), {"__init__": initialise, "__module__": "bb.event"})

    return (
        made("Started", OperationStarted, started),
        made("Progress", OperationProgress, progress),
        made("Completed", OperationCompleted, completed),
    )


ParseStarted, ParseProgress, ParseCompleted = _operation(
    "Parse", "Recipe parsing", "cached", "parsed", "skipped", "masked", "virtuals", "errors", "total"
)
CacheLoadStarted, CacheLoadProgress, CacheLoadCompleted = _operation(
    "CacheLoad", "Loading cache", "total", "num_entries"
)
TreeDataPreparationStarted, TreeDataPreparationProgress, TreeDataPreparationCompleted = _operation(
    "TreeDataPreparation", "Preparing tree data", "total"
)


# Configuration and recipes

ConfigParsed = _event("ConfigParsed")
MultiConfigParsed = _event("MultiConfigParsed", mcdata=None)
RecipeEvent = _event("RecipeEvent", fn=None)
RecipePreDeferredInherits = _event("RecipePreDeferredInherits", RecipeEvent, fn=None, inherits=())
RecipePreFinalise = _event("RecipePreFinalise", RecipeEvent, fn=None)
RecipePostKeyExpansion = _event("RecipePostKeyExpansion", RecipeEvent, fn=None)
RecipeTaskPreProcess = _event("RecipeTaskPreProcess", RecipeEvent, fn=None, tasklist=())
RecipeParsed = _event("RecipeParsed", RecipeEvent, fn=None)
ParseError = _event("ParseError", recipe=None)


# Builds


class BuildBase(Event):
    def __init__(self, n: str | None, p: Sequence[str], failures: int = 0) -> None:
        Event.__init__(self)
        self.name = n
        self.pkgs = p
        self.failures = failures

    def getFailures(self) -> int:
        """How many recipes failed."""
        return self.failures


class BuildInit(BuildBase):
    def __init__(self) -> None:
        super().__init__(None, [])


class BuildStarted(BuildBase, OperationStarted):
    def __init__(self, n: str | None, p: Sequence[str], failures: int = 0) -> None:
        BuildBase.__init__(self, n, p, failures)
        self.msg = "Building Started"


class BuildCompleted(BuildBase, OperationCompleted):
    def __init__(self, total: int, n: str | None, p: Sequence[str], failures: int = 0, interrupted: int = 0) -> None:
        BuildBase.__init__(self, n, p, failures)
        self.total = total
        self.interrupted = interrupted
        self.msg = "Building Failed" if failures else "Building Succeeded"


class NoProvider(Event):
    def __init__(
        self,
        item: str,
        runtime: bool = False,
        dependees: Sequence[str] | None = None,
        reasons: Sequence[str] | None = None,
        close_matches: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self._item = item
        self._runtime = runtime
        self._dependees = dependees
        self._reasons = reasons
        self._close_matches = close_matches

    def getItem(self) -> str:
        return self._item

    def isRuntime(self) -> bool:
        return self._runtime

    def __str__(self) -> str:
        kind = "R" if self._runtime else ""
        text = f"Nothing {kind}PROVIDES '{self._item}'"
        if self._dependees:
            text += f" (but {', '.join(self._dependees)} {kind}DEPENDS on or otherwise requires it)"
        if self._reasons:
            return "\n".join([text, *self._reasons])
        if self._close_matches:
            text += ". Close matches:" + "".join(f"\n  {name}" for name in self._close_matches)
        return text


class MultipleProviders(Event):
    def __init__(self, item: str, candidates: Sequence[str], runtime: bool = False) -> None:
        super().__init__()
        self._item = item
        self._candidates = candidates
        self._is_runtime = runtime

    def getItem(self) -> str:
        return self._item

    def getCandidates(self) -> Sequence[str]:
        return self._candidates

    def isRuntime(self) -> bool:
        return self._is_runtime

    def __str__(self) -> str:
        when, kind = ("runtime ", "R") if self._is_runtime else ("", "")
        names = ", ".join(self._candidates)
        return (
            f"Multiple providers are available for {when}{self._item} ({names})\n"
            f"Consider defining a PREFERRED_{kind}PROVIDER entry to match {self._item}"
        )


class DiskUsageSample:
    def __init__(self, available_bytes: int, free_bytes: int, total_bytes: int) -> None:
        self.available_bytes = available_bytes
        self.free_bytes = free_bytes
        self.total_bytes = total_bytes


HeartbeatEvent = _event("HeartbeatEvent", time=None)
DiskFull = _event("DiskFull", _dev=None, _type=None, _free=None, _mountpoint=None)
MonitorDiskEvent = _event("MonitorDiskEvent", disk_usage=None)
DepTree = _event("DepTree")
DepTreeGenerated = _event("DepTreeGenerated", _depgraph=None)
TargetsTreeGenerated = _event("TargetsTreeGenerated", _model=None)
ReachableStamps = _event("ReachableStamps", stamps=None)
StaleSetSceneTasks = _event("StaleSetSceneTasks", tasks=None)
StampUpdate = _event("StampUpdate", targets=None, stampFns=None)
FilesMatchingFound = _event("FilesMatchingFound", _pattern=None, _matches=None)
ConfigFilesFound = _event("ConfigFilesFound", _variable=None, _values=None)
ConfigFilePathFound = _event("ConfigFilePathFound", _path=None)
FindSigInfoResult = _event("FindSigInfoResult", result=None)
GetTaskSignatureResult = _event("GetTaskSignatureResult", sig=None)
CookerExit = _event("CookerExit")
LogExecTTY = _event("LogExecTTY", msg=None, prog=None, sleep_delay=None, retries=None)

# What metadata says or asks

MetadataEvent = _event("MetadataEvent", type=None, _localdata=None)
ProcessStarted = _event("ProcessStarted", processname=None, total=None)
ProcessProgress = _event("ProcessProgress", processname=None, progress=None)
ProcessFinished = _event("ProcessFinished", processname=None)
SanityCheck = _event("SanityCheck", generateevents=True)
SanityCheckPassed = _event("SanityCheckPassed")
SanityCheckFailed = _event("SanityCheckFailed", _msg=None, _network_error=False)
NetworkTest = _event("NetworkTest", generateevents=True)
NetworkTestPassed = _event("NetworkTestPassed")
NetworkTestFailed = _event("NetworkTestFailed")
MsgBase = _event("MsgBase", _message=None)
MsgDebug = _event("MsgDebug", MsgBase, _message=None)
MsgNote = _event("MsgNote", MsgBase, _message=None)
MsgWarn = _event("MsgWarn", MsgBase, _message=None)
MsgError = _event("MsgError", MsgBase, _message=None)
MsgFatal = _event("MsgFatal", MsgBase, _message=None)
MsgPlain = _event("MsgPlain", MsgBase, _message=None)

for _class in [
    Event,
    DiskUsageSample,
    *(item for item in vars().values() if isinstance(item, type) and issubclass(item, Event)),
]:
    # Where handlers, masks and pickles look for them.
    _class.__module__ = "bb.event"
