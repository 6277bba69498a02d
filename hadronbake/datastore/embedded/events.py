"""``bb.event``: handlers that metadata registers by ``addhandler`` (language.md §12), and the firing of events to them.

This module itself is ``sys.modules["bb.event"]``: what it keeps is found and may be replaced there.
"""

from __future__ import annotations

import logging
import pickle
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any
from weakref import WeakKeyDictionary

from .eventclasses import *  # noqa: F403
from .eventclasses import Event as Event

Registered, AlreadyRegistered = 10, 14
Handler = Callable[[Any, Any], object]

logger = logging.getLogger("BitBake.Event")

worker_pid = 0
# A process that works for another sets this to send its events there.
worker_fire: Handler | None = None

_handlers: dict[str, Handler] = {}
# handler → the event classes it wants; one that isn't here wants all.
_masks: WeakKeyDictionary[Handler, frozenset[str]] = WeakKeyDictionary()
_filter: Callable[[str, Handler, Any, Any], object] | None = None
_listeners: list[Callable[[Any], None]] = []


def getName(event: Any) -> str:
    """The class name of an event (of a class or an instance)."""
    return str(event.__name__ if isinstance(event, type) else event.__class__.__name__)


# Handlers of metadata


def register(
    name: str,
    handler: str | Handler | None,
    mask: Iterable[str] | None = None,
    filename: str | None = None,
    lineno: int | None = None,
    data: Any = None,
) -> int:
    """Register a handler: a function of (event, d), or the body of one. A name is registered once.

    A body that is no Python is logged as an error; nothing is called then.
    """
    if name in _handlers:
        return AlreadyRegistered
    if isinstance(handler, str):
        handler = _compiled(name, handler, filename, lineno)
    if handler is not None:
        _handlers[name] = handler
        _masks.pop(handler, None)
        wanted = frozenset(mask or ())
        if wanted and "*" not in wanted:
            _masks[handler] = wanted
    return Registered


def _compiled(name: str, body: str, filename: str | None, lineno: int | None) -> Handler:
    from hadronbake.datastore.context import python_context

    try:
        code = _code_of(name, body, filename, lineno)
    except SyntaxError:
        logger.error("Unable to register event handler '%s':\n%s", name, traceback.format_exc(limit=0))
        return lambda event, d: None
    namespace: dict[str, Any] = {}
    exec(code, python_context, namespace)
    found: Handler = namespace[name]
    return found


@lru_cache(maxsize=256)
def _code_of(name: str, body: str, filename: str | None, lineno: int | None) -> CodeType:
    # The header takes the line of the function's own header, above the body's first.
    text = "\n" * max((lineno or 1) - 1, 0) + f"def {name}(e, d):\n{body}"
    return compile(text, filename or name, "exec")


def remove(name: str, handler: object = None, data: Any = None) -> None:
    """Raises KeyError if there is no handler of that name."""
    del _handlers[name]


def get_handlers() -> dict[str, Handler]:
    return dict(_handlers)


def set_handlers(handlers: Mapping[str, Handler]) -> None:
    _handlers.clear()
    _handlers.update(handlers)


get_class_handlers, set_class_handlers = get_handlers, set_handlers


def clean_class_handlers() -> dict[str, Handler]:
    return {}


def set_eventfilter(function: Callable[[str, Handler, Any, Any], object]) -> None:
    """``function(name, handler, event, d)`` says of each handler whether it gets the event."""
    global _filter
    _filter = function


def listen(listener: Callable[[Any], None]) -> None:
    """Call ``listener`` with every event fired, after the handlers (for the engine and for tests)."""
    _listeners.append(listener)


def execute_handler(name: str, handler: Handler, event: Any, d: Any) -> None:
    """Call one handler; the event has the datastore as ``data`` meanwhile. What the handler raises goes to the caller."""
    event.data = d
    try:
        handler(event, d)
    finally:
        event.data = None


def fire_class_handlers(event: Any, d: Any) -> None:
    """Call the handlers that want this event, in order of registration."""
    if isinstance(event, logging.LogRecord):
        return
    name = getName(event)
    names = {name, f"{event.__class__.__module__}.{name}"}
    for key, handler in list(_handlers.items()):
        wanted = _masks.get(handler)
        if (wanted is None or names & wanted) and (_filter is None or _filter(key, handler, event, d)):
            execute_handler(key, handler, event, d)
    for listener in _listeners:
        listener(event)


def fire(event: Any, d: Any) -> None:
    """Call the handlers of metadata, then tell the user interfaces; what a handler raises goes to the caller."""
    fire_class_handlers(event, d)
    if worker_fire is not None:
        worker_fire(event, d)
    else:
        fire_ui_handlers(event, d)


def fire_from_worker(event: Any, d: Any) -> None:
    """An event that another process has fired."""
    fire_ui_handlers(event, d)


# User interfaces


class UIEventFilter:
    """What a user interface wants: log records from a level on (by logger: ``debug_domains``), and event classes."""

    def __init__(self, level: int, debug_domains: Mapping[str, int]) -> None:
        self.update(None, level, debug_domains)

    def update(self, eventmask: Iterable[str] | None, level: int, debug_domains: Mapping[str, int]) -> None:
        self.eventmask = frozenset(eventmask or ("*",))
        self.level = level
        self.debug_domains = dict(debug_domains)

    def filter(self, event: Any) -> bool:
        if isinstance(event, logging.LogRecord):
            return event.levelno >= self.debug_domains.get(event.name, self.level)
        return "*" in self.eventmask or f"{event.__class__.__module__}.{getName(event)}" in self.eventmask


_interfaces: dict[int, tuple[Any, UIEventFilter]] = {}
_last_interface = 0
_main_interface: int | None = None
# Log records from before there was a user interface.
_waiting: list[logging.LogRecord] = []
_lock = threading.RLock()


def register_UIHhandler(handler: Any, mainui: bool = False) -> int:
    """Send events to ``handler.event`` (by its ``sendpickle``, or ``send``); gives the number to unregister by."""
    global _last_interface, _main_interface
    _last_interface += 1
    _interfaces[_last_interface] = (handler, UIEventFilter(logging.INFO, {}))
    if mainui:
        _main_interface = _last_interface
    return _last_interface


def unregister_UIHhandler(handlerNum: int, mainui: bool = False) -> None:
    global _main_interface
    if mainui:
        _main_interface = None
    _interfaces.pop(handlerNum, None)


def get_uihandler() -> int | None:
    """The number of the main user interface."""
    return _main_interface


def set_UIHmask(handlerNum: int, level: int, debug_domains: Mapping[str, int], mask: Iterable[str]) -> bool:
    """Change what a user interface gets; whether there is one of that number."""
    if handlerNum not in _interfaces:
        return False
    _interfaces[handlerNum][1].update(mask, level, debug_domains)
    return True


def fire_ui_handlers(event: Any, d: Any) -> None:
    """Send an event to every user interface that wants it; one that fails is dropped."""
    with _lock:
        if not _interfaces:
            if isinstance(event, logging.LogRecord):
                _waiting.append(event)
            return
        for number, (handler, wants) in list(_interfaces.items()):
            if not wants.filter(event):
                continue
            try:
                if hasattr(handler.event, "sendpickle"):
                    handler.event.sendpickle(pickle.dumps(event))
                else:
                    handler.event.send(event)
            except Exception:
                logger.debug("user interface %d failed", number, exc_info=True)
                unregister_UIHhandler(number)


def print_ui_queue() -> None:
    """Log the records that no user interface has seen."""
    waiting, _waiting[:] = list(_waiting), []
    for record in waiting:
        logging.getLogger("BitBake").handle(record)


class LogHandler(logging.Handler):
    """Fires what is logged, in a form that can be pickled."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            kind, value, trace = record.exc_info
            record.bb_exc_formatted = traceback.format_exception(kind, value, trace)
            record.exc_info = None
        record.msg, record.args = record.getMessage(), ()
        record.taskpid = worker_pid
        fire(record, None)


def enable_threadlock() -> None:
    """Nothing to do: the lock is always there."""


def disable_threadlock() -> None:
    pass


def enable_heartbeat() -> None:
    pass


def disable_heartbeat() -> None:
    pass


def check_for_interrupts(d: Any = None) -> None:
    """Nothing to do: an interrupt arrives as KeyboardInterrupt."""
