"""Downloads over HTTP(S): resumed, tried again, broken off when they stall.

Resuming follows RFC 9110 §13.1.5, §14: ``Range`` with ``If-Range`` and the validator of the first answer.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import urllib3

from hadronbake.fetching.model import FetchEvent, FetchSettings, Report, Unavailable

_CHUNK = 1 << 16
_PROGRESS_SECONDS = 0.2
_LONGEST_WAIT = 60.0
# Answers after which the same question may be answered better a little later.
_PASSING = (408, 425, 429, 500, 502, 503, 504)


class _Broken(Exception):
    """The transfer ended early; it may go on. ``wait``: seconds the server asked us to wait."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


def download(url: str, partial: Path, uri: str, settings: FetchSettings, report: Report) -> None:
    """Writes the content of ``url`` to ``partial``; goes on with what is there of an earlier try. Raises Unavailable."""
    failures = 0
    best = 0
    while True:
        try:
            with requests.Session() as session:
                _transfer(session, url, partial, uri, settings, report)
            return
        except _Broken as error:
            size = partial.stat().st_size if partial.exists() else 0
            # What brings us forward is no failure, so a long file may take many tries.
            failures = 1 if size >= best + _CHUNK else failures + 1
            best = max(best, size)
            if failures >= settings.attempts:
                raise Unavailable(f"{error}, {settings.attempts} times") from None
            wait = max(error.wait, settings.backoff_seconds * 2 ** (failures - 1))
            report(FetchEvent(kind="retry", uri=uri, url=url, done=size, message=f"{error}; again in {wait:g} s"))
            time.sleep(min(wait, _LONGEST_WAIT))


def _state(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")


def discard(partial: Path) -> None:
    """Removes a partial download."""
    partial.unlink(missing_ok=True)
    _state(partial).unlink(missing_ok=True)


def _resumable(url: str, partial: Path) -> tuple[int, str]:
    """How much is there of this URL's content, and the validator to ask with."""
    try:
        state = json.loads(_state(partial).read_text())
        if state["url"] == url and state["validator"]:
            return partial.stat().st_size, str(state["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, ""


def _validator(headers: Any) -> str:
    etag = str(headers.get("ETag", ""))
    if etag and not etag.startswith("W/"):
        return etag
    return str(headers.get("Last-Modified", ""))


def _transfer(
    session: requests.Session, url: str, partial: Path, uri: str, settings: FetchSettings, report: Report
) -> None:
    start, validator = _resumable(url, partial)
    headers = {"Accept-Encoding": "identity", "User-Agent": "hadronbake"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    try:
        response = session.get(
            url, headers=headers, stream=True, timeout=(settings.connect_seconds, settings.stall_seconds)
        )
    except requests.exceptions.SSLError as error:
        raise Unavailable(f"its certificate is not trusted: {_reason(error)}") from None
    except (requests.exceptions.InvalidURL, requests.exceptions.TooManyRedirects) as error:
        raise Unavailable(_reason(error)) from None
    except requests.exceptions.Timeout:
        raise _Broken(f"no answer for {settings.stall_seconds:g} s") from None
    except requests.RequestException as error:
        # That there is no such name is an answer; that no name server answered may pass.
        if _errno(error) in (socket.EAI_NONAME, socket.EAI_NODATA):
            raise Unavailable("there is no host of that name") from None
        raise _Broken(_reason(error)) from None
    with response:
        if response.status_code == 416 and start:
            discard(partial)
            raise _Broken("the server can't go on where the download ended")
        if response.status_code in _PASSING:
            after = response.headers.get("Retry-After", "")
            raise _Broken(f"HTTP status {response.status_code}", float(after) if after.isdigit() else 0.0)
        if response.status_code not in (200, 206):
            raise Unavailable(f"HTTP status {response.status_code} {response.reason or ''}".rstrip())
        if response.status_code == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            discard(partial)
            raise _Broken("the server sent another range than it was asked for")
        if response.status_code == 200:
            start = 0
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else None
        _state(partial).write_text(json.dumps({"url": url, "validator": _validator(response.headers)}))
        done = start
        shown = 0.0
        with partial.open("ab" if start else "wb") as file:
            for chunk in _chunks(response, settings.stall_seconds):
                file.write(chunk)
                done += len(chunk)
                now = time.monotonic()
                if now - shown >= _PROGRESS_SECONDS:
                    shown = now
                    report(FetchEvent(kind="progress", uri=uri, url=url, done=done, total=total))
        if total is not None and done < total:
            raise _Broken(f"the connection ended after {done} of {total} bytes")
        report(FetchEvent(kind="progress", uri=uri, url=url, done=done, total=done))


def _chunks(response: requests.Response, stall_seconds: float) -> Iterator[bytes]:
    """The content as it was sent (a ``Content-Encoding`` of a .tar.gz is not undone), as soon as it comes.

    A server that sends a few bytes now and then is as good as stalled: a kilobyte must come in each stall time.
    """
    raw = response.raw
    since = time.monotonic()
    received = 0
    while True:
        try:
            chunk = (
                raw.read1(_CHUNK, decode_content=False)
                if hasattr(raw, "read1")
                else raw.read(_CHUNK, decode_content=False)
            )
        except urllib3.exceptions.ReadTimeoutError:
            raise _Broken(f"stalled: nothing came for {stall_seconds:g} s") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _Broken(f"the connection broke: {_reason(error)}") from None
        if not chunk:
            return
        received += len(chunk)
        now = time.monotonic()
        if now - since > stall_seconds:
            if received < 1024:
                raise _Broken(f"stalled: {received} bytes in {stall_seconds:g} s")
            since, received = now, 0
        yield chunk


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it wraps, from the outside in: requests and urllib3 put one into another."""
    causes = [error]
    while len(causes) < 10:
        cause = causes[-1]
        inner = [getattr(cause, "reason", None), *cause.args[:1], cause.__cause__]
        found = next((item for item in inner if isinstance(item, BaseException)), None)
        if found is None:
            break
        causes.append(found)
    return causes


def _errno(error: BaseException) -> int | None:
    return next((cause.errno for cause in _causes(error) if isinstance(cause, OSError) and cause.errno), None)


def _reason(error: BaseException) -> str:
    """The innermost cause in few words: its wrappers say little more."""
    cause = _causes(error)[-1]
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause).rpartition(": ")[2].strip("()'\"") or type(cause).__name__
