"""Settings that wait for nothing, and a web site to fetch from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from serving import Site, handler

from hadronbake.fetching.model import FetchEvent, FetchSettings


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(site))
    server.daemon_threads = True
    site.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield site
    site.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def settings(tmp_path: Path) -> FetchSettings:
    return FetchSettings(
        downloads=tmp_path / "downloads", stall_seconds=0.5, connect_seconds=2, backoff_seconds=0.01, attempts=3
    )


@pytest.fixture
def events() -> list[FetchEvent]:
    return []


@pytest.fixture
def report(events: list[FetchEvent]) -> Callable[[FetchEvent], None]:
    return events.append
