"""``bb.note`` and its family: messages of the metadata, to the logger ``BitBake``, and the end that ``bb.fatal`` makes."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

PLAIN = logging.INFO + 1
NOTE = logging.INFO
VERBNOTE = logging.INFO - 1
ERRORONCE = logging.ERROR - 1
WARNONCE = logging.WARNING - 1

for _level, _name in ((PLAIN, ""), (VERBNOTE, "NOTE"), (WARNONCE, "WARNING"), (ERRORONCE, "ERROR")):
    logging.addLevelName(_level, _name)


class BBLogger(logging.Logger):
    """A logger with the levels and the ``debug(level, text)`` form that metadata uses."""

    def bbdebug(self, level: int, message: str, *args: Any, **options: Any) -> None:
        self.log(logging.DEBUG - level + 1, message, *args, **options)

    def plain(self, message: str, *args: Any, **options: Any) -> None:
        self.log(PLAIN, message, *args, **options)

    def verbnote(self, message: str, *args: Any, **options: Any) -> None:
        self.log(VERBNOTE, message, *args, **options)

    def _once(self, level: int, message: str) -> None:
        seen: set[tuple[int, str]] = self.__dict__.setdefault("seen", set())
        if (level, message) not in seen:
            seen.add((level, message))
            self.log(level, message)

    def warnonce(self, message: str) -> None:
        self._once(WARNONCE, message)

    def erroronce(self, message: str) -> None:
        self._once(ERRORONCE, message)


def _main_logger() -> BBLogger:
    found = logging.getLogger("BitBake")
    # Whoever asked for the logger first got it with the plain class.
    found.__class__ = BBLogger
    assert isinstance(found, BBLogger)
    return found


mainlogger = _main_logger()
mainlogger.setLevel(min(mainlogger.level or logging.DEBUG, logging.DEBUG))


def _text(args: tuple[Any, ...]) -> str:
    return "".join(str(item) for item in args)


def plain(*args: Any) -> None:
    mainlogger.plain("%s", _text(args))


def note(*args: Any) -> None:
    mainlogger.info("%s", _text(args))


def verbnote(*args: Any) -> None:
    mainlogger.verbnote("%s", _text(args))


def debug(level: Any, *args: Any) -> None:
    """``debug(1, "text")``; a call without a level is taken as level 1."""
    if isinstance(level, str):
        level, args = 1, (level, *args)
    mainlogger.bbdebug(level, "%s", _text(args))


def warn(*args: Any) -> None:
    mainlogger.warning("%s", _text(args))


def warnonce(*args: Any) -> None:
    mainlogger.warnonce(_text(args).replace("%", "%%"))


def error(*args: Any, **options: Any) -> None:
    mainlogger.error("%s", _text(args), extra=options or None)


def erroronce(*args: Any) -> None:
    mainlogger.erroronce(_text(args).replace("%", "%%"))


def fatal(*args: Any, **options: Any) -> NoReturn:
    """Log at critical level, and raise BBHandledException: whoever catches it need not say it again."""
    from hadronbake.datastore.errors import BBHandledException

    text = _text(args)
    mainlogger.critical("%s", text, extra=options or None)
    raise BBHandledException(text)
