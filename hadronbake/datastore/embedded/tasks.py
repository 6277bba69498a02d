"""``bb.build``: the task list of a recipe (language.md §11), running of functions, and the task events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .events import Event


class FuncFailed(Exception):
    """A function of the metadata failed; its output has been logged."""


class TaskBase(Event):
    """Base of the events about a task."""

    def __init__(self, t: str = "", fn: str = "", logfile: str = "", d: Any = None) -> None:
        super().__init__()
        self._task, self._fn, self.logfile, self.taskname, self.taskfile = t, fn, logfile, t, fn
        self._package = d.getVar("PF") if d is not None else ""
        self._message = ""

    def getTask(self) -> str:
        return self._task


class TaskStarted(TaskBase):
    pass


class TaskSucceeded(TaskBase):
    pass


class TaskFailed(TaskBase):
    pass


class TaskFailedSilent(TaskBase):
    pass


class TaskInvalid(TaskBase):
    pass


def _prefixed(name: str) -> str:
    return name if name.startswith("do_") else f"do_{name}"


def _names(names: str | Iterable[str] | None) -> list[str]:
    words = names.split() if isinstance(names, str) else list(names or ())
    return [_prefixed(word) for word in words]


def addtask(task: str, before: str | Iterable[str] | None, after: str | Iterable[str] | None, d: Any) -> None:
    """Put a task on the list and add its relations; repeated calls accumulate."""
    task = _prefixed(task)
    tasks = list(d.getVar("__BBTASKS", False) or [])
    if task not in tasks:
        tasks.append(task)
        d.setVar("__BBTASKS", tasks)
    d.setVarFlag(task, "task", 1)
    deps = list(d.getVarFlag(task, "deps", False) or [])
    deps.extend(name for name in dict.fromkeys(_names(after)) if name not in deps)
    d.setVarFlag(task, "deps", deps)
    for name in _names(before):
        theirs = list(d.getVarFlag(name, "deps", False) or [])
        if task not in theirs:
            d.setVarFlag(name, "deps", [task, *theirs])


def deltask(task: str, d: Any) -> None:
    """Take a task off the list and out of the relations of the others; an unknown name is ignored."""
    task = _prefixed(task)
    tasks = list(d.getVar("__BBTASKS", False) or [])
    if task in tasks:
        tasks.remove(task)
        d.setVar("__BBTASKS", tasks)
    for flag in ("task", "deps", "_place"):
        d.delVarFlag(task, flag)
    for name in tasks:
        variable = d.variables.get(name)
        if variable is not None and task in (variable.flags.get("deps") or ()):
            deps = d.getVarFlag(name, "deps", False)
            d.setVarFlag(name, "deps", [item for item in deps if item != task])


def listtasks(d: Any) -> tuple[str, ...]:
    """The tasks in order of addition."""
    return tuple(d.getVar("__BBTASKS", False) or ())


def preceedtask(task: str, with_recrdeptasks: bool, d: Any) -> set[str]:
    """The direct parents of a task; optionally with its ``recrdeptask`` names."""
    found = {d.expand(name) for name in d.getVarFlag(task, "deps", False) or ()}
    if with_recrdeptasks:
        found |= set((d.getVarFlag(task, "recrdeptask") or "").split())
    return found


def tasksbetween(task_start: str, task_end: str, d: Any) -> list[str]:
    """The tasks on a way from one task to another, both included, the first one first."""
    between: list[str] = []

    def walk(task: str, way: list[str]) -> None:
        # ``way`` leads from the task to the end.
        if task == task_start:
            between.extend(name for name in (task, *way) if name not in between)
            return
        for dep in d.getVarFlag(task, "deps", False) or ():
            name = d.expand(dep)
            if name not in way and name != task:
                walk(name, [task, *way])

    walk(task_end, [])
    return between


_functions: dict[str, Callable[[Any], Any]] = {}
_shell_functions: dict[str, str] = {}


def add_function(name: str, function: Callable[[Any], Any]) -> None:
    """Let ``exec_func`` run a Python function of this name without looking for its text (for the script of a task)."""
    _functions[name] = function


def add_shell_function(name: str, script: str) -> None:
    """Let ``exec_func`` run a shell function: ``script`` is a whole script that calls it."""
    _shell_functions[name] = script


def exec_func(func: str, d: Any, dirs: Any = None) -> None:
    """Run a function of the metadata. While parsing only Python functions can be run."""
    if func in _functions:
        _functions[func](d)
        return
    if func in _shell_functions:
        _run_shell(func, _shell_functions[func], dirs)
        return
    from hadronbake.datastore.context import run_body

    from . import logs

    body = d.getVar(func, False)
    if body is None:
        logs.warn(f"Function {func} doesn't exist")
        return
    if not d.getVarFlag(func, "python", False):
        logs.fatal(f"Function {func} is a shell function and cannot be run while parsing")
    place = d.getVarFlag(func, "filename", False) or func
    run_body(func, body, place, int(d.getVarFlag(func, "lineno", False) or 0) + 1, d)


def _run_shell(name: str, script: str, dirs: Any) -> None:
    import subprocess
    import sys
    from pathlib import Path

    for directory in dirs or ():
        Path(directory).mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    done = subprocess.run(["/bin/sh", "-c", script], cwd=dirs[-1] if dirs else None, check=False)
    if done.returncode:
        from .logs import fatal

        fatal(f"{name} ended with status {done.returncode}")


def write_taint(task: str, d: Any, file_name: str | None = None) -> None:
    """Nothing: forced tasks are asked for on the command line (``-f``)."""


def clean_stamp(task: str, d: Any, file_name: str | None = None) -> list[str]:
    """Nothing: there are no stamps of that kind."""
    return []


def shell_trap_code() -> str:
    """The first lines of a shell script: stop at the first failing command."""
    return "#!/bin/sh\nset -e\n"
