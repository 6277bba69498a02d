"""One JSON object a line for each event, for programs."""

from __future__ import annotations

import dataclasses
import json
from typing import TextIO

from hadronbake.reporting import events


class JsonLines:
    """Writes to ``stream``: ``{"event": NAME, …}`` with the fields of :mod:`hadronbake.reporting.events`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def handle(self, event: events.Event) -> None:
        content = {"event": type(event).__name__, **dataclasses.asdict(event)}
        self._stream.write(json.dumps(content, ensure_ascii=False) + "\n")
        self._stream.flush()

    def close(self) -> None:
        self._stream.flush()
