"""The exceptions of the metadata language. The ``bb`` module exports them under BitBake's names."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location

logger = logging.getLogger("BitBake")


class ExpansionError(HadronbakeError):
    """A value could not be expanded.

    ``variablename`` is None for a text that belongs to no variable; ``expression`` is the text at the moment of failure;
    ``varlist`` is the chain of variables from the failing one outwards.
    """

    def __init__(
        self, varname: str | None, expression: str | None, exception: BaseException, location: Location | None = None
    ) -> None:
        self.variablename = varname
        self.expression = expression
        self.exception = exception
        self.location = location
        self.hint: str | None = None
        self.varlist: list[str] = [varname or expression or ""]
        what = f"variable {varname}" if varname else "an expression"
        self.msg = f"cannot expand {what}: {type(exception).__name__}: {exception}"
        super().__init__()
        self.args = (varname, expression, exception)

    def addVar(self, varname: str | None) -> None:
        """Note that ``varname`` needed the value that could not be had."""
        if varname:
            self.varlist.append(varname)

    @property
    def chain(self) -> str:
        return " -> ".join(self.varlist)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        notes: list[tuple[Location | None, str]] = []
        if self.expression and self.variablename:
            notes.append((None, f"the expression was: {_shorten(self.expression)}"))
        if len(self.varlist) > 1:
            names = self.varlist
            if len(names) > 12:
                names = [*names[:6], f"… ({len(names) - 11} more) …", *names[-5:]]
            notes.append((None, f"needed by: {' -> '.join(names)}"))
        return (Diagnostic("HBD001", self.msg, self.location, notes=tuple(notes), hint=self.hint),)

    @diagnostics.setter
    def diagnostics(self, value: tuple[Diagnostic, ...]) -> None:
        """The base class assigns an empty tuple; the diagnostic is made when it is asked for, as the chain grows."""

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"varlist": self.varlist, "hint": self.hint, "location": self.location}
        return (ExpansionError, self.args, state)


class ParseError(HadronbakeError):
    """``msg``, ``filename``, ``lineno`` as BitBake has them; ``str()`` is ``ParseError at FILE:LINE: MSG``."""

    def __init__(self, msg: str, filename: str, lineno: int = 0, *, diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        self.msg = msg
        self.filename = filename
        self.lineno = lineno
        super().__init__(*(diagnostics or (Diagnostic("HBD002", msg, Location(filename, lineno)),)))
        self.args = (msg, filename, lineno)

    def __str__(self) -> str:
        where = f"{self.filename}:{self.lineno}" if self.lineno else self.filename
        return f"ParseError at {where}: {self.msg}"


class BBHandledException(HadronbakeError):
    """The error has been reported already. Takes anything as arguments, as metadata raises it in many ways."""

    def __init__(self, *args: object) -> None:
        found = tuple(item for item in args if isinstance(item, Diagnostic))
        super().__init__(*found)
        self.args = args

    def __str__(self) -> str:
        if self.diagnostics:
            return super().__str__()
        return " ".join(str(item) for item in self.args)


class SkipRecipe(Exception):
    """This recipe (or variant) is not for this configuration; the text says why."""


class SkipPackage(SkipRecipe):
    """The older name of the same."""


class UnstableOverridesError(BBHandledException):
    """OVERRIDES depends on itself through overridden variables."""


def fatal(code: str, message: str, location: Location | None = None, *, hint: str | None = None) -> NoReturn:
    """Report at critical level and raise :class:`BBHandledException` with the same diagnostic."""
    diagnostic = Diagnostic(code, message, location, hint=hint)
    logger.critical(str(diagnostic))
    raise BBHandledException(diagnostic)


def _shorten(text: str) -> str:
    line = text if len(text) <= 200 else text[:200] + "…"
    return line.replace("\n", "\\n")
