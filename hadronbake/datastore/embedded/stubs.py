"""The thin rest of ``bb``: names that metadata imports or subclasses although the engine does that work in its own way."""

# ruff: noqa: PTH123
from __future__ import annotations

import contextlib
import importlib
import logging
import os
import traceback
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from hadronbake.datastore.filters import apply_filters, filter_proc

from . import fetchcommands, files, logs, siggen

PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy", "GIT_PROXY_COMMAND", "SSL_CERT_FILE")


def context(name: str) -> Any:
    """A function of the datastore's emitter, loaded when metadata first asks for it."""
    return getattr(importlib.import_module("hadronbake.datastore.emit"), name)


def lazy_analysis(name: str) -> Any:
    """A name of ``bb.codeparser`` or of the analysing half of ``bb.data``, loaded when it is first asked for."""
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(importlib.import_module("hadronbake.datastore.embedded.analysis"), name)


def expand_keys(d: Any, readdata: Any = None) -> None:
    importlib.import_module("hadronbake.datastore.keys").expand_keys(d)


def lazy_store(name: str) -> Any:
    if name == "DataSmart":
        return importlib.import_module("hadronbake.datastore.store").DataStore
    raise AttributeError(f"module 'bb.data_smart' has no attribute {name!r}")


def _python_context() -> dict[str, Any]:
    found: dict[str, Any] = importlib.import_module("hadronbake.datastore.context").python_context
    return found


def better_compile(text: str, file: str, realfile: str, mode: str = "exec", lineno: int = 0, **_: Any) -> Any:
    """Compile Python text so that line numbers are those of the file it stands in."""
    return compile("\n" * lineno + text, realfile or file, mode)


def better_exec(code: Any, env: dict[str, Any], text: str | None = None, realfile: str = "<code>", **_: Any) -> None:
    """Run code in the shared Python context with ``env`` as its local names."""
    if isinstance(code, str):
        code = compile(code, realfile, "exec")
    exec(code, _python_context(), env)


def better_eval(source: str, local: dict[str, Any], extra: dict[str, Any] | None = None) -> Any:
    return eval(source, {**_python_context(), **(extra or {})}, local)


def export_proxies(d: Any) -> bool:
    """Put the proxy settings of ``d`` into the environment; whether there are any."""
    found = False
    for name in PROXIES:
        for spelling in (name, name.upper()):
            value = d.getVar(spelling)
            if value:
                os.environ[spelling] = value
                found = True
    return found


def is_local_uid(uid: int | str = "") -> bool:
    """Whether a user is in /etc/passwd (not in a directory service)."""
    wanted = str(uid or os.getuid())
    with open("/etc/passwd") as lines:
        return any(line.split(":")[2:3] == [wanted] for line in lines)


class LogCatcher(logging.Handler):
    """Collects what is logged: ``messages`` are (text, level) pairs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())

    def contains(self, message: str) -> bool:
        return message in self.messages


@contextlib.contextmanager
def lock_timeout(lock: Any) -> Iterator[bool]:
    with lock:
        yield True


def utilities() -> dict[str, Any]:
    """The names of ``bb.utils`` that live here."""
    return {
        "get_context": _python_context,
        "set_context": lambda value: None,
        "clean_context": dict,
        "better_compile": better_compile,
        "better_exec": better_exec,
        "better_eval": better_eval,
        "simple_exec": better_exec,
        "export_proxies": export_proxies,
        "disable_network": lambda uid=None, gid=None: None,
        "enable_loopback_networking": lambda: None,
        "is_local_uid": is_local_uid,
        "LogCatcher": LogCatcher,
        "_check_unsafe_delete_path": files.check_unsafe_delete_path,
        "lock_timeout": lock_timeout,
        "lock_timeout_nocheck": lock_timeout,
        "set_process_name": lambda name: None,
        "ioprio_set": lambda who, cls, value: None,
        "format_exc": traceback.format_exc,
    }


def split_mc(name: str) -> tuple[str, str]:
    """``mc:NAME:REST`` → (NAME, REST)."""
    if name.startswith("mc:") and name.count(":") >= 2:
        _, mc, rest = name.split(":", 2)
        return mc, rest
    return "", name


def split_tid_mcfn(tid: str) -> tuple[str, str, str, str]:
    """``[mc:MC:][virtual:…:]FILE:task`` → (mc, recipe, task, recipe with mc)."""
    mc, rest = split_mc(tid)
    recipe, _, task = rest.rpartition(":")
    return mc, recipe, task, f"mc:{mc}:{recipe}" if mc else recipe


def split_tid(tid: str) -> tuple[str, str, str]:
    return split_tid_mcfn(tid)[:3]


def inherit_classes(names: str, filename: str, lineno: int, d: Any) -> None:
    importlib.import_module("hadronbake.datastore.evaluator").inherit(names, filename, lineno, d)


def handler_module() -> ModuleType:
    module = ModuleType("bb.parse.BBHandler")
    module.inherit = inherit_classes  # type: ignore[attr-defined]
    return module


class _Reporter:
    """A progress reporter that reports nothing."""

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def start(self) -> None:
        pass

    def update(self, *args: Any) -> None:
        pass

    def next_stage(self, *args: Any) -> None:
        pass

    def finish(self) -> None:
        pass


def _zstd_open(name: str, mode: str = "rb", **options: Any) -> Any:
    import zstandard

    return zstandard.open(name, mode)


class _LogFormatter(logging.Formatter):
    NOTE, PLAIN, VERBNOTE = logs.NOTE, logs.PLAIN, logs.VERBNOTE
    ERROR, WARNING, DEBUG, CRITICAL = logging.ERROR, logging.WARNING, logging.DEBUG, logging.CRITICAL


def register_rest(module: Callable[..., ModuleType]) -> None:
    """Make the modules of which a name or two is wanted."""
    module(
        "bb.msg", "Messages.", fatal=lambda domain, text: logs.fatal(text), warn=logs.warn, BBLogFormatter=_LogFormatter
    )
    module(
        "bb.siggen",
        "Base classes of signature generators.",
        **{name: value for name, value in vars(siggen).items() if not name.startswith("_")},
        find_siginfo=None,
        find_siginfo_version=2,
    )
    module(
        "bb.runqueue",
        "Task ids.",
        split_mc=split_mc,
        split_tid=split_tid,
        split_tid_mcfn=split_tid_mcfn,
        fn_from_tid=lambda tid: split_tid_mcfn(tid)[3],
        taskname_from_tid=lambda tid: tid.rsplit(":", 1)[1],
        mc_from_tid=lambda tid: split_mc(tid)[0],
        **{
            name: type(name, (), {})
            for name in ("sceneQueueTaskStarted", "runQueueTaskStarted", "runQueueTaskSkipped", "runQueueTaskCompleted")
        },
    )
    module("bb.progress", "Progress.", MultiStageProgressReporter=_Reporter, OutOfProgressHandler=_Reporter)
    module("bb.filter", "Filters of values.", filter_proc=filter_proc, apply_filters=apply_filters)
    module("bb.providers", "Errors of the choice of providers.", NoProvider=type("NoProvider", (Exception,), {}))
    module("bb.compress", "Compression.", __path__=[])
    module("bb.compress.zstd", "zstd.", open=_zstd_open)
    codeparser = module("bb.codeparser", "Analysis of code (the engine's own).")
    codeparser.__getattr__ = lazy_analysis  # type: ignore[method-assign]
    module("bb.methodpool", "Shared Python context.")
    module("bb.cookerdata", "Configuration files.", findConfigFile=fetchcommands.findConfigFile)
    lazy = module("bb.multiprocessing", "multiprocessing, loaded when it is used.")
    lazy.__getattr__ = lambda name: getattr(importlib.import_module("multiprocessing"), name)  # type: ignore[method-assign]
