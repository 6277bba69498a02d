"""``bb.event``: what handlers get, and which."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from hadronbake.datastore.embedded import events, register

bb = register()


@pytest.fixture(autouse=True)
def no_handlers() -> Iterator[None]:
    before = events.get_handlers()
    events.set_handlers({})
    yield
    events.set_handlers(before)


def test_masks_name_classes_with_or_without_the_module() -> None:
    got: list[tuple[str, str]] = []
    for name, mask in (
        ("a", ["bb.event.BuildStarted"]),
        ("b", ["BuildStarted"]),
        ("c", None),
        ("d", ["*"]),
        ("e", ["X"]),
    ):
        events.register(name, lambda event, d, name=name: got.append((name, events.getName(event))), mask)  # type: ignore[misc]
    events.fire(events.BuildStarted("n", []), None)
    events.fire(events.ConfigParsed(), None)
    assert got == [
        *((name, "BuildStarted") for name in "abcd"),
        *((name, "ConfigParsed") for name in "cd"),
    ]


def test_a_body_becomes_a_function_that_sees_the_event_and_its_store() -> None:
    events.register("h", "    e.seen = (e.data, d)\n", None, "/layer/a.bbclass", 7)
    event = events.ConfigParsed()
    events.fire(event, "store")
    assert event.seen == ("store", "store") and event.data is None
    assert events.register("h", "    pass\n") == events.AlreadyRegistered


def test_a_body_that_is_no_python_is_an_error_with_its_line(caplog: pytest.LogCaptureFixture) -> None:
    events.register("h", "    this is no code\n", None, "/layer/a.bbclass", 7)
    assert "line 8" in caplog.text and caplog.records[0].levelno == logging.ERROR
    events.fire(events.ConfigParsed(), None)


def test_what_a_handler_raises_goes_to_the_caller() -> None:
    events.register("h", "    raise KeyError('x')\n")
    with pytest.raises(KeyError):
        events.fire(events.ConfigParsed(), None)


def test_a_handler_that_is_gone() -> None:
    events.register("h", "    pass\n")
    events.remove("h")
    with pytest.raises(KeyError):
        events.remove("h")


@pytest.mark.parametrize(
    "event, text",
    [
        (events.NoProvider("a"), "Nothing PROVIDES 'a'"),
        (
            events.NoProvider("a", True, ["b", "c"], None, ["x"]),
            "Nothing RPROVIDES 'a' (but b, c RDEPENDS on or otherwise requires it). Close matches:\n  x",
        ),
        (
            events.MultipleProviders("a", ["b", "c"], True),
            "Multiple providers are available for runtime a (b, c)\n"
            "Consider defining a PREFERRED_RPROVIDER entry to match a",
        ),
    ],
)
def test_texts(event: Any, text: str) -> None:
    assert str(event) == text
    assert str(pickle.loads(pickle.dumps(event))) == text


def test_builds_and_operations() -> None:
    done = events.BuildCompleted(9, "n", ["p"], 2)
    assert (done.getFailures(), done.total, done.msg) == (2, 9, "Building Failed")
    assert isinstance(done, events.OperationCompleted) and isinstance(done, events.BuildBase)
    parsed = events.ParseCompleted(1, 2, 3, 4, 5, 6, 7)
    assert (parsed.sofar, parsed.masked, parsed.msg) == (3, 4, "Recipe parsing Completed")
    assert events.CacheLoadProgress(1, 2).msg == "Loading cache: 1/2"
    assert events.MetadataEvent("kind", {"a": 1})._localdata == {"a": 1}
    assert type(done).__module__ == "bb.event"


class Interface:
    def __init__(self) -> None:
        self.event = self
        self.got: list[Any] = []

    def send(self, event: Any) -> None:
        self.got.append(event)


def test_user_interfaces_get_what_they_want() -> None:
    ui, failing = Interface(), Interface()
    failing.send = lambda event: 1 / 0  # type: ignore[method-assign,assignment]
    number, other = events.register_UIHhandler(ui), events.register_UIHhandler(failing)
    try:
        assert events.set_UIHmask(number, logging.ERROR, {"BitBake.x": logging.INFO}, ["bb.event.ConfigParsed"])
        for event in (events.ConfigParsed(), events.BuildInit(), *map(record, ("BitBake.x", "BitBake.y"))):
            events.fire(event, None)
        assert [getattr(item, "name", "event") for item in ui.got] == ["event", "BitBake.x"]
        assert not events.set_UIHmask(other, 0, {}, [])
    finally:
        events.unregister_UIHhandler(number)


def record(name: str) -> logging.LogRecord:
    return logging.LogRecord(name, logging.INFO, "f", 1, "text", (), None)
