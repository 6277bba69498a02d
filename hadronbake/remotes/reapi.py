"""A remote that speaks the Remote Execution API, version 2, over gRPC: capabilities, content-addressed storage (batches and
byte streams, compressed with zstd where the server offers it), action cache, instance names.

The stubs come with BuildStream, which speaks the same protocol with the same servers. Protocol: github.com/bazelbuild/remote-apis.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
from buildstream._protos.build.bazel.remote.execution.v2 import remote_execution_pb2 as re
from buildstream._protos.build.bazel.remote.execution.v2 import remote_execution_pb2_grpc as re_grpc
from buildstream._protos.google.bytestream import bytestream_pb2, bytestream_pb2_grpc

from hadronbake.artifacts.record import Digest
from hadronbake.remotes.compression import SMALLEST, compress, decompress
from hadronbake.remotes.remote import SLOWEST, Blob, Entry, Lie, Pace, RemoteError, Take, Traffic, each
from hadronbake.remotes.settings import RemoteSetting

T = TypeVar("T")

_STREAMS = 8
_TRIES = 3
_PAUSE = 0.2
# Below the 4 MiB that gRPC takes as one message by default, with room for what is around the content.
_BATCH_BYTES = (4 << 20) - (64 << 10)
_ASKED_AT_ONCE = 10_000
_PIECE = 1 << 20
_OPTIONS = [
    ("grpc.max_receive_message_length", 16 << 20),
    ("grpc.keepalive_time_ms", 60_000),
    # A connection that was refused is tried again soon enough for the tries of one request.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]
_PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED)
_FATAL = (
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED,
)


@dataclass(frozen=True, slots=True)
class _Capabilities:
    batch_bytes: int
    zstd: bool
    zstd_batches: bool


class ReapiRemote:
    """``setting.instance`` is the instance name; without one the path of the address. Nothing is asked before it is needed."""

    complete = True
    unasked = -1

    def __init__(self, setting: RemoteSetting) -> None:
        self.traffic = Traffic()
        self._setting = setting
        scheme, _, rest = setting.url.partition("://")
        target, _, path = rest.partition("/")
        self._instance = setting.instance or path
        self._metadata = [("authorization", f"Bearer {setting.token}")] if setting.token else []
        if scheme == "grpcs":
            credentials = grpc.ssl_channel_credentials(
                _content(setting.authority),
                _content(setting.private_key or setting.certificate),
                _content(setting.certificate),
            )
            self._channel = grpc.secure_channel(target, credentials, options=_OPTIONS)
        else:
            self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        self._cas = re_grpc.ContentAddressableStorageStub(self._channel)  # type: ignore[no-untyped-call]
        self._actions = re_grpc.ActionCacheStub(self._channel)  # type: ignore[no-untyped-call]
        self._bytes = bytestream_pb2_grpc.ByteStreamStub(self._channel)  # type: ignore[no-untyped-call]
        self._pool = ThreadPoolExecutor(_STREAMS, "reapi")
        self._lock = threading.Lock()
        self._known: _Capabilities | None = None

    def results(self, keys: Sequence[Digest]) -> dict[str, bytes]:
        """One call for each, all of them on their way at once: the protocol has no other batch."""
        self._capabilities()
        found: dict[str, bytes] = {}
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            calls = self._actions.GetActionResult
            answers = [(key, calls.future(self._request(key), **self._options())) for key in part]
            began = time.monotonic()
            for key, future in answers:
                try:
                    answer = future.result()
                except grpc.RpcError as error:
                    if error.code() == grpc.StatusCode.NOT_FOUND:
                        continue
                    raise _failure(error) from error
                data = answer.SerializeToString()
                self.traffic.add(received=len(data))
                found[key.hash] = data
            self.traffic.add(requests=len(part), seconds=time.monotonic() - began)
        return found

    def put_results(self, entries: Sequence[Entry]) -> None:
        self._capabilities()

        def one(entry: Entry) -> None:
            request = re.UpdateActionResultRequest(
                instance_name=self._instance,
                action_digest=_message(entry.key),
                action_result=re.ActionResult.FromString(entry.result),
            )
            self.traffic.add(sent=len(entry.result))
            self._call(lambda: self._actions.UpdateActionResult(request, **self._options()))

        each(self._pool, one, entries)

    def missing(self, digests: Collection[Digest]) -> set[Digest]:
        self._capabilities()
        wanted = list(digests)
        found: set[tuple[str, int]] = set()
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            request = re.FindMissingBlobsRequest(
                instance_name=self._instance,
                blob_digests=[_message(digest) for digest in wanted[start : start + _ASKED_AT_ONCE]],
            )
            answer = self._call(lambda request=request: self._cas.FindMissingBlobs(request, **self._options()))  # type: ignore[misc]
            found.update((item.hash, item.size_bytes) for item in answer.missing_blob_digests)
        return {digest for digest in wanted if (digest.hash, digest.size) in found}

    def read(self, wanted: Sequence[Digest], take: Take) -> None:
        limit = self._capabilities().batch_bytes
        batches = _batches([digest for digest in wanted if digest.size <= limit], lambda digest: digest.size, limit)
        jobs: list[Callable[[], None]] = [lambda batch=batch: self._read_batch(batch, take) for batch in batches]  # type: ignore[misc]
        jobs += [lambda digest=digest: self._read_stream(digest, take) for digest in wanted if digest.size > limit]  # type: ignore[misc]
        each(self._pool, lambda job: job(), jobs)

    def write(self, blobs: Sequence[Blob]) -> None:
        limit = self._capabilities().batch_bytes
        small = [blob for blob in blobs if blob.digest.size <= limit]
        batches = _batches(small, lambda blob: blob.digest.size, limit)
        jobs: list[Callable[[], None]] = [lambda batch=batch: self._write_batch(batch) for batch in batches]  # type: ignore[misc]
        jobs += [lambda blob=blob: self._write_stream(blob) for blob in blobs if blob.digest.size > limit]  # type: ignore[misc]
        each(self._pool, lambda job: job(), jobs)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._channel.close()

    # --- calls ------------------------------------------------------------------------------------------------------

    def _capabilities(self) -> _Capabilities:
        with self._lock:
            if self._known is None:
                stub = re_grpc.CapabilitiesStub(self._channel)  # type: ignore[no-untyped-call]
                request = re.GetCapabilitiesRequest(instance_name=self._instance)
                try:
                    answer = self._call(lambda: stub.GetCapabilities(request, **self._options()))
                except RemoteError as error:
                    # Who doesn't even say what he can won't do it.
                    raise RemoteError(error.reason, fatal=True) from error
                cache = answer.cache_capabilities
                if cache.digest_functions and re.DigestFunction.SHA256 not in cache.digest_functions:
                    raise RemoteError("it doesn't know SHA-256", fatal=True)
                most = cache.max_batch_total_size_bytes
                self._known = _Capabilities(
                    batch_bytes=min(most, _BATCH_BYTES) if most > 0 else _BATCH_BYTES,
                    zstd=re.Compressor.ZSTD in cache.supported_compressors,
                    zstd_batches=re.Compressor.ZSTD in cache.supported_batch_update_compressors,
                )
            return self._known

    def _request(self, key: Digest) -> Any:
        return re.GetActionResultRequest(instance_name=self._instance, action_digest=_message(key), inline_stdout=True)

    def _options(self, size: int = 0) -> dict[str, Any]:
        return {"timeout": self._setting.timeout + size / SLOWEST, "metadata": self._metadata}

    def _call(self, function: Callable[[], T]) -> T:
        """Tries again what may pass. Raises RemoteError."""
        for number in range(_TRIES):
            began = time.monotonic()
            try:
                return function()
            except grpc.RpcError as error:
                failure = _failure(error)
                if error.code() not in _PASSING or number == _TRIES - 1:
                    raise failure from error
                time.sleep(_PAUSE * 4**number)
            finally:
                self.traffic.add(requests=1, seconds=time.monotonic() - began)
        raise AssertionError

    def _read_batch(self, batch: Sequence[Digest], take: Take) -> None:
        request = re.BatchReadBlobsRequest(
            instance_name=self._instance,
            digests=[_message(digest) for digest in batch],
            acceptable_compressors=[re.Compressor.ZSTD] if self._capabilities().zstd else [],
        )
        size = sum(digest.size for digest in batch)
        answer = self._call(lambda: self._cas.BatchReadBlobs(request, **self._options(size)))
        wanted = {digest.hash: digest for digest in batch}
        lie: Lie | None = None
        for item in answer.responses:
            digest = wanted.pop(item.digest.hash, None)
            if digest is None or item.status.code == grpc.StatusCode.NOT_FOUND.value[0]:
                continue
            if item.status.code:
                raise RemoteError(f"it answered for a blob: {item.status.message or item.status.code}")
            self.traffic.add(received=len(item.data))
            pieces: Iterator[bytes] = iter((item.data,))
            if item.compressor == re.Compressor.ZSTD:
                pieces = decompress(pieces, digest.size)
            try:
                take(digest, pieces)
            except Lie as error:
                lie = error
        if lie is not None:
            raise lie

    def _read_stream(self, digest: Digest, take: Take) -> None:
        packed = self._capabilities().zstd
        kind = "compressed-blobs/zstd" if packed else "blobs"
        request = bytestream_pb2.ReadRequest(resource_name=self._resource(f"{kind}/{digest.hash}/{digest.size}"))

        def once() -> None:
            stream = self._bytes.Read(request, **self._options(digest.size))
            pieces = self._received(stream)
            try:
                take(digest, decompress(pieces, digest.size) if packed else pieces)
            finally:
                stream.cancel()

        try:
            self._call(once)
        except RemoteError as error:
            if not isinstance(error.__cause__, grpc.RpcError) or error.__cause__.code() != grpc.StatusCode.NOT_FOUND:
                raise

    def _received(self, stream: Any) -> Iterator[bytes]:
        pace = Pace(self._setting.timeout)
        while True:
            began = time.monotonic()
            patience = threading.Timer(pace.left, stream.cancel)
            patience.start()
            try:
                answer = next(stream, None)
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.CANCELLED and time.monotonic() - began >= pace.left:
                    raise pace.error() from error
                raise
            finally:
                patience.cancel()
            if answer is None:
                return
            self.traffic.add(received=len(answer.data))
            pace.came(len(answer.data), time.monotonic() - began)
            yield answer.data

    def _write_batch(self, batch: Sequence[Blob]) -> None:
        requests = []
        packing = self._capabilities().zstd_batches
        for blob in batch:
            data = b"".join(blob.chunks())
            compressor = re.Compressor.IDENTITY
            if packing and len(data) >= SMALLEST:
                packed = b"".join(compress((data,)))
                if len(packed) < len(data):
                    data, compressor = packed, re.Compressor.ZSTD
            self.traffic.add(sent=len(data))
            requests.append(
                re.BatchUpdateBlobsRequest.Request(digest=_message(blob.digest), data=data, compressor=compressor)
            )
        request = re.BatchUpdateBlobsRequest(instance_name=self._instance, requests=requests)
        size = sum(blob.digest.size for blob in batch)
        answer = self._call(lambda: self._cas.BatchUpdateBlobs(request, **self._options(size)))
        for item in answer.responses:
            if item.status.code:
                raise RemoteError(f"it didn't take a blob: {item.status.message or item.status.code}")

    def _write_stream(self, blob: Blob) -> None:
        digest = blob.digest
        packing = self._capabilities().zstd
        kind = "compressed-blobs/zstd" if packing else "blobs"

        def once() -> None:
            name = self._resource(f"uploads/{uuid.uuid4()}/{kind}/{digest.hash}/{digest.size}")
            sent = 0

            def requests() -> Iterator[Any]:
                nonlocal sent
                last = b""
                for piece in _sized(compress(blob.chunks()) if packing else blob.chunks()):
                    if last:
                        yield bytestream_pb2.WriteRequest(resource_name=name, write_offset=sent, data=last)
                        sent += len(last)
                        self.traffic.add(sent=len(last))
                    last = piece
                yield bytestream_pb2.WriteRequest(resource_name=name, write_offset=sent, data=last, finish_write=True)
                sent += len(last)
                self.traffic.add(sent=len(last))

            answer = self._bytes.Write(requests(), **self._options(digest.size))
            # A server that has the blob already may say so before it has read all: with the full size, or -1.
            if answer.committed_size not in (sent, digest.size, -1):
                raise RemoteError(f"it took {answer.committed_size} of {sent} bytes of a blob")

        self._call(once)

    def _resource(self, name: str) -> str:
        return f"{self._instance}/{name}" if self._instance else name


def _content(path: Path | None) -> bytes | None:
    return path.read_bytes() if path is not None else None


def _message(digest: Digest) -> Any:
    return re.Digest(hash=digest.hash, size_bytes=digest.size)


def _batches(items: Iterable[T], size_of: Callable[[T], int], limit: int) -> Iterator[list[T]]:
    batch: list[T] = []
    size = 0
    for item in items:
        # Beside the content each has a digest and its status.
        needed = size_of(item) + 128
        if batch and size + needed > limit:
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += needed
    if batch:
        yield batch


def _sized(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces of at most 1 MiB, so that each is one message."""
    for piece in pieces:
        for start in range(0, len(piece), _PIECE):
            yield piece[start : start + _PIECE]


def _failure(error: grpc.RpcError) -> RemoteError:
    code = error.code()
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return RemoteError("no answer within its time")
    details = (error.details() or "").strip()
    if code == grpc.StatusCode.UNAVAILABLE and "ailed to connect" in details:
        # gRPC says first what it was about to do, and at last what the system said.
        return RemoteError(f"it can't be reached: {details.rpartition(': ')[2]}")
    return RemoteError(f"{code.name.lower().replace('_', ' ')}: {details}", fatal=code in _FATAL)
