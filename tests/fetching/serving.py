"""A web site in this process whose answers a test decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler


@dataclass
class Site:
    """``files``: path → content. ``trouble``: path → what happens to its next requests, one word each: a status,
    "cut" (half of the content comes), "stall" (half comes, then nothing), "ignore-range" (all comes)."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    trouble: dict[str, list[str]] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    validators: bool = True

    def url(self, path: str) -> str:
        return f"http://{self.address}{path}"


def handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            site.requests.append((self.path, asked))
            todo = site.trouble.get(self.path) or [""]
            word = todo.pop(0)
            content = site.files.get(self.path)
            if word.isdigit() or content is None:
                self.send_response(int(word or 404))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            tag = f'"{hash(content)}"'
            start = 0
            if asked and word != "ignore-range" and self.headers.get("If-Range") == tag:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            if site.validators:
                self.send_header("ETag", tag)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if word in ("cut", "stall"):
                self.wfile.write(content[start : start + (len(content) - start) // 2])
                self.wfile.flush()
                if word == "stall":
                    site.released.wait(10)
                self.close_connection = True
                return
            self.wfile.write(content[start:])

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
