"""Runs one Python function of a task: ``python -m hadronbake.execution.taskrunner REQUEST``, inside the sandbox.

REQUEST is a JSON file (see ``taskdata.request``). What the function says goes to standard output, errors too, since both are
the task's log. Exit status 0: done; 1: the function failed, and the log says why.

A comment line ``#line 12 FILE`` in the text says that the next line is line 12 of the recipe or class FILE; errors are shown
at that place.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from hadronbake.datastore.embedded.frames import Step, steps_of, unset_hint
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location, closest, render
from hadronbake.execution.taskdata import TaskData

_MARK = re.compile(r"#line (\d+) (.+)")
_LEVELS = {logging.CRITICAL: "ERROR: ", logging.ERROR: "ERROR: ", logging.WARNING: "WARNING: ", logging.INFO: "NOTE: "}


ROOMS = ("steps", "images")


class Steps:
    """``hb``: the modules of ``hadronbake.steps`` and ``hadronbake.images``, imported when they are named."""

    def __getattr__(self, name: str) -> ModuleType:
        for room in ROOMS:
            try:
                return importlib.import_module(f"hadronbake.{room}.{name}")
            except ModuleNotFoundError as error:
                if error.name != f"hadronbake.{room}.{name}":
                    raise
        package = Path(__file__).parent.parent
        near = closest(name, [path.stem for room in ROOMS for path in (package / room).glob("[a-z]*.py")])
        hint = f"did you mean hb.{near}?" if near else None
        raise HadronbakeError.of("HBE303", f"there is no step module hb.{name}", hint=hint)


class _Lines(logging.Handler):
    """Messages as lines of the log. Those of levels between the named ones have the prefix of the named one below."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "DEBUG: "
        for level, text in _LEVELS.items():
            if record.levelno >= level:
                prefix = text
                break
        # bb.plain is one above a note.
        if record.levelno == logging.INFO + 1:
            prefix = ""
        print(prefix + record.getMessage(), flush=True)


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: taskrunner REQUEST", file=sys.stderr)
        return 2
    return run(json.loads(Path(sys.argv[1]).read_text()))


def run(request: dict[str, Any]) -> int:
    """The exit status; see the module's description."""
    os.dup2(1, 2)
    os.umask(request["umask"])
    _directories(request)
    data = TaskData(request["task"], request["variables"], request["flags"])
    names = {"__name__": "__task__", "d": data, "bb": _bb(), "hb": Steps(), "os": os, "sys": sys, "time": _time()}
    data.names = names
    name, text = request["function"], request["text"]
    source = f"<{request['pn']}:{name}>"
    try:
        exec(compile(text, source, "exec", dont_inherit=True), names)
    except BaseException as error:
        # bb.fatal has said it already.
        if type(error).__name__ != "BBHandledException":
            for diagnostic in explain(error, name, text, source):
                print(render(diagnostic), flush=True)
        if isinstance(error, KeyboardInterrupt):
            raise
        if isinstance(error, SystemExit) and error.code in (None, 0):
            return 0
        return 1
    finally:
        sys.stdout.flush()
    return 0


def explain(error: BaseException, function: str, text: str, source: str) -> list[Diagnostic]:
    """What to show of an exception that left ``text``: the recipe's lines, the last first, not the runner's."""
    if isinstance(error, SyntaxError) and error.filename == source:
        where = place(text, error.lineno or 0)
        message = f"{function} is no valid Python: {error.msg}"
        if where is not None:
            where = replace(where, column=error.offset or 0)
        return [Diagnostic("HBE304", message, where, excerpt=_line(text, error.lineno or 0))]
    # What is above the script is the runner.
    every = steps_of(error)
    first = next((at for at, step in enumerate(every) if step.file == source), 0)
    steps = every[first:]
    own = [step for step in steps if step.file == source]
    item = _at(own[-1], text) if own else Diagnostic("", "")
    notes = [
        (place(text, step.line), f"called from {step.name}") for step in reversed(own[:-1]) if step.name != "<module>"
    ]
    if isinstance(error, HadronbakeError):
        return [
            replace(
                found,
                location=item.location,
                excerpt=item.excerpt if item.location and item.location.line else None,
                length=item.length,
                notes=(*found.notes, *notes),
            )
            if found.location is None
            else found
            for found in error.diagnostics
        ]
    if isinstance(error, SystemExit):
        return [replace(item, code="HBE305", message=f"{function} ended with status {error.code}")]
    if steps and steps[-1].file != source:
        notes.insert(0, (Location(steps[-1].file, steps[-1].line), f"raised in {steps[-1].name}"))
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    hint = unset_hint(error, item.excerpt)
    return [
        replace(item, code="HBE305", message=f"{function} failed: {said}", notes=tuple(notes), hint=hint),
    ]


def _at(step: Step, text: str) -> Diagnostic:
    """A diagnostic yet without a text, at the expression of a step of the script."""
    where, excerpt = place(text, step.line), _line(text, step.line)
    if where is None or excerpt is None:
        return Diagnostic("", "", where, excerpt=excerpt)
    column, length = step.underline(excerpt)
    return Diagnostic("", "", replace(where, column=column), excerpt=excerpt, length=length)


def place(text: str, line: int) -> Location | None:
    """Where line ``line`` of the script comes from, by the nearest ``#line`` comment above it, or None without one."""
    lines = text.splitlines()
    for above in range(min(line - 1, len(lines)), 0, -1):
        mark = _MARK.fullmatch(lines[above - 1].strip())
        if mark is not None:
            return Location(mark[2], int(mark[1]) + line - above - 1)
    return Location("the function's text", line) if 0 < line <= len(lines) else None


def _line(text: str, line: int) -> str | None:
    lines = text.splitlines()
    return lines[line - 1] if 0 < line <= len(lines) else None


def _directories(request: dict[str, Any]) -> None:
    for directory in request["clean_directories"]:
        if Path(directory).is_symlink():
            Path(directory).unlink()
        elif Path(directory).exists():
            shutil.rmtree(directory)
        Path(directory).mkdir(parents=True)
    for directory in request["directories"]:
        Path(directory).mkdir(parents=True, exist_ok=True)
    if request["directories"]:
        os.chdir(request["directories"][-1])


def _bb() -> ModuleType:
    from hadronbake.datastore.embedded import register

    logger = logging.getLogger("BitBake")
    if not logger.handlers:
        logger.addHandler(_Lines())
        logger.propagate = False
    return register()


def _time() -> ModuleType:
    import time

    return time


if __name__ == "__main__":
    sys.exit(main())
