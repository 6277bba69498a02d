"""Servers in the test's own process: an HTTP store and a REAPI server, both with faults that can be switched on."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import zstandard

Certificates = tuple[Path, Path, Path]
"""The server's certificate, its key, and the authority whose clients it takes."""


@dataclass
class Contents:
    """What a server has: path (``cas/HASH``, ``ac/HASH``) → content. ``fault``: see the servers. ``log``: method and path."""

    files: dict[str, bytes] = field(default_factory=dict)
    fault: str = ""
    latency: float = 0.0
    token: str = ""
    zstd: bool = False
    log: list[tuple[str, str]] = field(default_factory=list)

    def faulty(self, path: str, content: bytes) -> bytes:
        """The content as a lying server gives it."""
        if self.fault == "wrong bytes" and path.startswith("cas/"):
            return bytes(byte ^ 1 for byte in content)
        if self.fault == "short" and path.startswith("cas/"):
            return content[:-1]
        if self.fault == "long" and path.startswith("cas/"):
            return content + b"x"
        if self.fault == "wrong results" and path.startswith("ac/"):
            return bytes(byte ^ 1 for byte in content)
        return content


@contextmanager
def http_server(contents: Contents, tls: Certificates | None = None) -> Iterator[str]:
    """Its address. Faults: those of ``Contents``, "500", "hang", "close early", "small" (takes nothing that is
    large), "trickle", "garbage"."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def begin(self) -> bool:
            contents.log.append((self.command, self.path[1:]))
            time.sleep(contents.latency)
            if contents.fault == "hang":
                time.sleep(3)
                self.close_connection = True
                return False
            if contents.fault == "500":
                self.answer(500)
                return False
            if contents.fault == "garbage":
                self.wfile.write(b"\x1b[2J\0 nothing of HTTP " + b"x" * 2000 + b"\r\n\r\n")
                self.close_connection = True
                return False
            if contents.token and self.headers.get("Authorization") != f"Bearer {contents.token}":
                self.answer(401)
                return False
            return True

        def answer(self, status: int, content: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                if contents.fault == "trickle":
                    for number in range(len(content)):
                        try:
                            self.wfile.write(content[number : number + 1])
                        except OSError:
                            return
                        time.sleep(0.02)
                    return
                if contents.fault == "close early":
                    content = content[: len(content) // 2]
                    self.close_connection = True
                self.wfile.write(content)

        def do_GET(self) -> None:
            if not self.begin():
                return
            content = contents.files.get(self.path[1:])
            if content is None:
                self.answer(404)
                return
            content = contents.faulty(self.path[1:], content)
            if contents.zstd and "zstd" in self.headers.get("Accept-Encoding", ""):
                self.answer(200, zstandard.compress(content), Content_Encoding="zstd")
            else:
                self.answer(200, content)

        do_HEAD = do_GET

        def do_PUT(self) -> None:
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                content = b""
                while size := int(self.rfile.readline(), 16):
                    content += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                content = self.rfile.read(int(self.headers["Content-Length"]))
            if not self.begin():
                return
            if contents.fault == "small" and len(content) > 1 << 20:
                self.answer(400)
                return
            if self.headers.get("Content-Encoding") == "zstd":
                content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
                # Without it bazel-remote refuses.
                assert int(self.headers["X-Digest-SizeBytes"]) == len(content)
            contents.files[self.path[1:]] = content
            self.answer(201)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls[2])
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(*tls[:2])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def reapi_server(
    contents: Contents, instance: str = "", batch: int = 0, tls: Certificates | None = None
) -> Iterator[str]:
    """Its address. Faults: those of ``Contents``, "500" (UNAVAILABLE), "hang", "trickle" (of streams)."""
    import grpc
    from buildstream._protos.build.bazel.remote.execution.v2 import remote_execution_pb2 as re
    from buildstream._protos.build.bazel.remote.execution.v2 import remote_execution_pb2_grpc as re_grpc
    from buildstream._protos.google.bytestream import bytestream_pb2, bytestream_pb2_grpc

    def begin(name: str, context: Any, of: str = instance) -> None:
        contents.log.append((name, ""))
        time.sleep(contents.latency)
        if contents.fault == "hang":
            time.sleep(3)
        if contents.fault == "500":
            context.abort(grpc.StatusCode.UNAVAILABLE, "busy")
        if of != instance:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no instance {of}")
        if contents.token and ("authorization", f"Bearer {contents.token}") not in context.invocation_metadata():
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")

    class Capabilities(re_grpc.CapabilitiesServicer):
        def GetCapabilities(self, request: Any, context: Any) -> Any:
            begin("GetCapabilities", context, request.instance_name)
            packing = [re.Compressor.ZSTD] if contents.zstd else []
            return re.ServerCapabilities(
                cache_capabilities=re.CacheCapabilities(
                    digest_functions=[re.DigestFunction.SHA256],
                    max_batch_total_size_bytes=batch,
                    supported_compressors=packing,
                    supported_batch_update_compressors=packing,
                )
            )

    class Cas(re_grpc.ContentAddressableStorageServicer):
        def FindMissingBlobs(self, request: Any, context: Any) -> Any:
            begin("FindMissingBlobs", context, request.instance_name)
            missing = [item for item in request.blob_digests if f"cas/{item.hash}" not in contents.files]
            return re.FindMissingBlobsResponse(missing_blob_digests=missing)

        def BatchReadBlobs(self, request: Any, context: Any) -> Any:
            begin("BatchReadBlobs", context, request.instance_name)
            answer = re.BatchReadBlobsResponse()
            for item in request.digests:
                data = contents.files.get(f"cas/{item.hash}")
                one = answer.responses.add(digest=item)
                if data is None:
                    one.status.code = 5
                else:
                    one.data = contents.faulty(f"cas/{item.hash}", data)
                    if re.Compressor.ZSTD in request.acceptable_compressors:
                        one.data, one.compressor = zstandard.compress(one.data), re.Compressor.ZSTD
            return answer

        def BatchUpdateBlobs(self, request: Any, context: Any) -> Any:
            begin("BatchUpdateBlobs", context, request.instance_name)
            answer = re.BatchUpdateBlobsResponse()
            for item in request.requests:
                data = item.data
                if item.compressor == re.Compressor.ZSTD:
                    data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
                contents.files[f"cas/{item.digest.hash}"] = data
                answer.responses.add(digest=item.digest)
            return answer

    class Actions(re_grpc.ActionCacheServicer):
        def GetActionResult(self, request: Any, context: Any) -> Any:
            begin("GetActionResult", context, request.instance_name)
            data = contents.files.get(f"ac/{request.action_digest.hash}")
            if data is None:
                context.abort(grpc.StatusCode.NOT_FOUND, "nothing")
            result = re.ActionResult.FromString(data)
            if contents.fault == "wrong results":
                result.stdout_raw = bytes(byte ^ 1 for byte in result.stdout_raw)
            return result

        def UpdateActionResult(self, request: Any, context: Any) -> Any:
            begin("UpdateActionResult", context, request.instance_name)
            # The protocol wants the action, and all that the result names, to be there before.
            named = [request.action_digest, *(item.digest for item in request.action_result.output_files)]
            named += [item.tree_digest for item in request.action_result.output_directories]
            for item in named:
                if f"cas/{item.hash}" not in contents.files:
                    context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{item.hash} isn't there")
            contents.files[f"ac/{request.action_digest.hash}"] = request.action_result.SerializeToString()
            return request.action_result

    class Bytes(bytestream_pb2_grpc.ByteStreamServicer):
        def Read(self, request: Any, context: Any) -> Iterator[Any]:
            begin("Read", context)
            parts = request.resource_name.removeprefix(f"{instance}/" if instance else "").split("/")
            data = contents.files.get(f"cas/{parts[-2]}")
            if data is None:
                context.abort(grpc.StatusCode.NOT_FOUND, "nothing")
            data = contents.faulty(f"cas/{parts[-2]}", data)
            if parts[0] == "compressed-blobs":
                data = zstandard.compress(data)
            for start in range(0, len(data), 1000):
                yield bytestream_pb2.ReadResponse(data=data[start : start + 1000])
                if contents.fault == "trickle":
                    time.sleep(2)

        def Write(self, requests: Any, context: Any) -> Any:
            begin("Write", context)
            data, name = b"", ""
            for request in requests:
                name = name or request.resource_name
                assert request.write_offset == len(data)
                data += request.data
            parts = name.removeprefix(f"{instance}/" if instance else "").split("/")
            size = len(data)
            if "compressed-blobs" in parts:
                data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
            assert int(parts[-1]) == len(data)
            contents.files[f"cas/{parts[-2]}"] = data
            return bytestream_pb2.WriteResponse(committed_size=size)

    server = grpc.server(ThreadPoolExecutor(16))
    re_grpc.add_CapabilitiesServicer_to_server(Capabilities(), server)
    re_grpc.add_ContentAddressableStorageServicer_to_server(Cas(), server)
    re_grpc.add_ActionCacheServicer_to_server(Actions(), server)
    bytestream_pb2_grpc.add_ByteStreamServicer_to_server(Bytes(), server)
    if tls is not None:
        certificate, key, authority = (path.read_bytes() for path in tls)
        credentials = grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc{'s' if tls else ''}://127.0.0.1:{port}"
    finally:
        server.stop(None)
