"""A remote behind HTTP: ``/ac/HASH`` and ``/cas/HASH`` below its address, by GET, HEAD and PUT.

That is what bazel-remote serves, nginx with WebDAV, and object stores. Blobs come compressed where the server offers it
(``Accept-Encoding: zstd``), and go compressed where the setting says that the server understands ``Content-Encoding: zstd``.
"""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import requests
import urllib3
from requests.adapters import HTTPAdapter

from hadronbake import __version__
from hadronbake.artifacts.record import Digest
from hadronbake.remotes.compression import SMALLEST, compress, decompress
from hadronbake.remotes.remote import CHUNK, Blob, Entry, Lie, Pace, RemoteError, Take, Traffic, each
from hadronbake.remotes.results import EMPTY
from hadronbake.remotes.settings import RemoteSetting

T = TypeVar("T")

CONNECTIONS = 16
_TRIES = 3
_PAUSE = 0.2
# A result holds one signed statement and some digests.
_RESULT_BYTES = 4 << 20
_FATAL = {
    401: "it wants other credentials",
    403: "it gives no permission",
    405: "it doesn't allow that",
    407: "the proxy wants credentials",
}


_OBJECT = re.compile(r"^(<.*>|HTTPS?Connection\(.*?\)): ")
_NUMBER = re.compile(r"^\[Errno -?\d+\] ")


class HttpRemote:
    """Requests of one call go side by side over a pool of connections that stay open."""

    complete = False
    # One request either way, and these go in a few packets. What is there already is what it will be.
    unasked = 16 << 10

    def __init__(self, setting: RemoteSetting) -> None:
        self.traffic = Traffic()
        self._setting = setting
        self._known = False
        self._session = requests.Session()
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=CONNECTIONS, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._session.headers["User-Agent"] = f"hadronbake/{__version__}"
        if setting.token:
            self._session.auth = _Bearer(setting.token)
        elif setting.user:
            self._session.auth = (setting.user, setting.password)
        if setting.certificate is not None:
            certificate = str(setting.certificate)
            key = setting.private_key
            self._session.cert = (certificate, str(key)) if key is not None else certificate
        # Said with each request: what the environment says (REQUESTS_CA_BUNDLE) would go before what the session says.
        self._authority = str(setting.authority) if setting.authority is not None else None
        self._pool = ThreadPoolExecutor(CONNECTIONS, "http")

    def results(self, keys: Sequence[Digest]) -> dict[str, bytes]:
        def one(key: Digest) -> bytes | None:
            def receive(response: requests.Response) -> bytes:
                return b"".join(self._pieces(response, _RESULT_BYTES))

            return self._get(f"ac/{key.hash}", {"Accept-Encoding": "identity"}, receive)

        answers = zip(keys, each(self._pool, one, keys), strict=True)
        found = {key.hash: data for key, data in answers if data is not None}
        if not self._known:
            self._known = True
            if not found and not self._setting.writable and self.missing([EMPTY]):
                # Else an address with a slip of the pen would look like a cache that never has what is asked for.
                raise RemoteError("nothing was ever sent there (it has no empty blob): its address may be wrong")
        return found

    def put_results(self, entries: Sequence[Entry]) -> None:
        def one(entry: Entry) -> None:
            self._put(f"ac/{entry.key.hash}", lambda: iter((entry.result,)), len(entry.result), {})

        each(self._pool, one, entries)

    def missing(self, digests: Collection[Digest]) -> set[Digest]:
        def absent(digest: Digest) -> bool:
            with self._asking("HEAD", f"cas/{digest.hash}") as response:
                return response.status_code == 404

        wanted = list(digests)
        found = zip(wanted, each(self._pool, self._again(absent), wanted), strict=True)
        return {digest for digest, is_absent in found if is_absent}

    def read(self, wanted: Sequence[Digest], take: Take) -> None:
        def one(digest: Digest) -> None:
            def receive(response: requests.Response) -> bool:
                encoding = response.headers.get("Content-Encoding", "identity")
                # What doesn't get smaller may get a little longer.
                pieces = self._pieces(response, digest.size + (digest.size >> 6) + 1024)
                if encoding == "zstd":
                    pieces = decompress(pieces, digest.size)
                elif encoding not in ("identity", ""):
                    raise Lie(f"it sent a blob with the encoding '{encoding}', which wasn't asked for")
                take(digest, pieces)
                return True

            self._get(f"cas/{digest.hash}", {"Accept-Encoding": "zstd, identity"}, receive, digest.size)

        each(self._pool, one, wanted)

    def write(self, blobs: Sequence[Blob]) -> None:
        def one(blob: Blob) -> None:
            path, size = f"cas/{blob.digest.hash}", blob.digest.size
            if not self._setting.compress or size < SMALLEST:
                self._put(path, blob.chunks, size, {})
                return
            packed = b"".join(compress(blob.chunks())) if size <= 16 * CHUNK else None
            # bazel-remote wants to know the size before it takes what is compressed.
            headers = {"Content-Encoding": "zstd", "X-Digest-SizeBytes": str(size)}
            if packed is not None:
                self._put(path, lambda: iter((packed,)), len(packed), headers)
            else:
                self._put(path, lambda: compress(blob.chunks()), None, headers)

        each(self._pool, one, blobs)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    # --- requests ---------------------------------------------------------------------------------------------------

    def _get(
        self, path: str, headers: Mapping[str, str], receive: Callable[[requests.Response], T], size: int = 0
    ) -> T | None:
        """What ``receive`` makes of the answer; None where there is nothing. Raises RemoteError."""

        def once(_: None) -> T | None:
            with self._asking("GET", path, headers=headers) as response:
                return None if response.status_code == 404 else receive(response)

        answer: T | None = self._again(once)(None)
        return answer

    def _put(
        self,
        path: str,
        content: Callable[[], Iterator[bytes]],
        length: int | None,
        headers: Mapping[str, str],
    ) -> None:
        def once(_: None) -> None:
            # An empty body has no pieces to wait for.
            body = _Body(content(), length, self.traffic, Pace(self._setting.timeout)) if length != 0 else b""
            with self._asking("PUT", path, headers=headers, data=body) as response:
                if response.status_code == 404:
                    raise RemoteError("it knows no such address (404 on PUT)", fatal=True)

        self._again(once)(None)

    def _again(self, once: Callable[[T], Any]) -> Callable[[T], Any]:
        """Tries again what may pass: a server that is busy, a connection that broke."""

        def tried(argument: T) -> Any:
            for number in range(_TRIES):
                try:
                    return once(argument)
                except _Passing as error:
                    if number == _TRIES - 1:
                        raise RemoteError(error.reason) from error
                    time.sleep(_PAUSE * 4**number)
            return None

        return tried

    @contextmanager
    def _asking(self, method: str, path: str, **options: Any) -> Iterator[requests.Response]:
        began = time.monotonic()
        timeout = self._setting.timeout
        try:
            with self._session.request(
                method,
                f"{self._setting.url}/{path}",
                timeout=(timeout, timeout),
                stream=True,
                verify=self._authority,
                allow_redirects=method != "PUT",
                **options,
            ) as response:
                status = response.status_code
                if status in _FATAL:
                    raise RemoteError(f"{_FATAL[status]} ({status})", fatal=True)
                if status in (429, 500, 502, 503, 504):
                    raise _Passing(f"it answered {status} {response.reason}")
                if not response.ok and status != 404:
                    raise RemoteError(f"it answered {method} with {status} {response.reason}")
                yield response
                if method != "GET":
                    # The connection can be used again once the answer is read.
                    for _ in self._pieces(response, 1 << 16):
                        pass
        except requests.exceptions.SSLError as error:
            raise RemoteError(f"TLS failed: {_reason(error)}", fatal=True) from error
        except requests.exceptions.ConnectTimeout as error:
            raise RemoteError(f"no connection within {timeout:.0f} s", fatal=True) from error
        except (requests.exceptions.Timeout, urllib3.exceptions.ReadTimeoutError) as error:
            raise RemoteError(f"no answer for {timeout:.0f} s") from error
        except requests.exceptions.ConnectionError as error:
            reason = _reason(error)
            if isinstance(_cause(error), urllib3.exceptions.NewConnectionError):
                raise RemoteError(f"it can't be reached: {reason}", fatal=True) from error
            if "timed out" in reason:
                raise RemoteError(f"no answer for {timeout:.0f} s") from error
            raise _Passing(reason) from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _Passing(_reason(error)) from error
        finally:
            self.traffic.add(requests=1, seconds=time.monotonic() - began)

    def _pieces(self, response: requests.Response, limit: int) -> Iterator[bytes]:
        """The content as it comes, without decoding; at most ``limit`` bytes, and not slower than it may be."""
        pace = Pace(self._setting.timeout)
        total = 0
        while True:
            began = time.monotonic()
            # read1: what is there, so that a server that sends a byte a second is seen.
            piece = response.raw.read1(CHUNK, decode_content=False)
            if not piece:
                break
            total += len(piece)
            self.traffic.add(received=len(piece))
            if total > limit:
                raise Lie("it sent more than was asked for")
            pace.came(len(piece), time.monotonic() - began)
            yield piece


class _Passing(Exception):
    """What may go better the next time."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class _Bearer(requests.auth.AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Body:
    """The content of a PUT, piece by piece; with a length it isn't sent in chunks, which nginx and object stores don't take."""

    def __init__(self, pieces: Iterator[bytes], length: int | None, traffic: Traffic, pace: Pace) -> None:
        self._pieces = pieces
        self._traffic = traffic
        self._pace = pace
        if length is not None:
            self.len = length

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._traffic.add(sent=len(piece))
            began = time.monotonic()
            yield piece
            self._pace.came(len(piece), time.monotonic() - began)


def _cause(error: BaseException) -> BaseException:
    """The error of urllib3 that requests has wrapped."""
    inner = error.args[0] if error.args else error
    return getattr(inner, "reason", None) or inner if isinstance(inner, BaseException) else error


def _reason(error: BaseException) -> str:
    inner: BaseException = _cause(error)
    while inner.args and isinstance(inner.args[-1], BaseException):
        inner = inner.args[-1]
    if isinstance(inner, (urllib3.exceptions.IncompleteRead, http.client.IncompleteRead)):
        return "it broke an answer off"
    # urllib3 puts its connection object before what happened, and for a connection the words that it failed.
    text = _OBJECT.sub("", str(inner)).removeprefix("Failed to establish a new connection: ")
    return _NUMBER.sub("", text) or type(inner).__name__
