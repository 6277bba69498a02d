"""The exceptions of the metadata language. The ``bb`` module exports them under BitBake's names."""

from __future__ import annotations

import logging
from collections.abc import Callable
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
        self.excerpt: str | None = None
        self.length = 1
        self.hint: str | None = None
        self.varlist: list[str] = [varname or expression or ""]
        self.callers: tuple[tuple[Location | None, str], ...] = ()
        self.needed: list[tuple[Location | None, str]] = []
        # Fills in the place within the value, and the callers.
        self.locate: Callable[[], None] | None = None
        what = f"variable {varname}" if varname else "an expression"
        # Python adds a place to a syntax error, that of a text which the user has never seen.
        said = exception.msg if isinstance(exception, SyntaxError) else exception
        self.msg = f"cannot expand {what}: {type(exception).__name__}: {said}"
        super().__init__()
        self.args = (varname, expression, exception)

    def addVar(self, varname: str | None, location: Location | None = None) -> None:
        """Note that ``varname`` (set at ``location``) needed the value that could not be had."""
        if varname:
            self.varlist.append(varname)
            self.needed.append((location, f"needed by {varname}"))

    @property
    def chain(self) -> str:
        return " -> ".join(self.varlist)

    def _settle(self) -> None:
        if self.locate is not None:
            locate, self.locate = self.locate, None
            locate()

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        self._settle()
        notes = list(self.callers)
        if self.expression and self.variablename and self.excerpt is None:
            notes.append((None, f"the expression was: {_shorten(self.expression)}"))
        needed = self.needed
        if len(needed) > 12:
            needed = [*needed[:6], (None, f"… ({len(needed) - 11} more) …"), *needed[-5:]]
        notes += needed
        item = Diagnostic(
            "HBD001",
            self.msg,
            self.location,
            excerpt=self.excerpt,
            length=self.length,
            notes=tuple(notes),
            hint=self.hint,
        )
        return (item,)

    @diagnostics.setter
    def diagnostics(self, value: tuple[Diagnostic, ...]) -> None:
        """The base class assigns an empty tuple; the diagnostic is made when it is asked for, as the chain grows."""

    def __reduce__(self) -> tuple[Any, ...]:
        self._settle()
        kept = ("varlist", "hint", "location", "excerpt", "length", "callers", "needed")
        state = {name: getattr(self, name) for name in kept}
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
    fail(Diagnostic(code, message, location, hint=hint))


def fail(diagnostic: Diagnostic) -> NoReturn:
    """The same for a diagnostic that is made already."""
    logger.critical(str(diagnostic))
    raise BBHandledException(diagnostic)


def _shorten(text: str) -> str:
    line = text if len(text) <= 200 else text[:200] + "…"
    return line.replace("\n", "\\n")
