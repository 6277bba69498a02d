"""Commands that metadata runs as a fetcher would: ``bb.fetch2.runfetchcmd`` and its environment."""

# ruff: noqa: PTH109, PTH110, PTH120
from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from . import files, process
from .uris import FetchError

_EXPORTED = (
    "HOME PATH HTTP_PROXY http_proxy HTTPS_PROXY https_proxy FTP_PROXY ftp_proxy FTPS_PROXY ftps_proxy NO_PROXY "
    "no_proxy ALL_PROXY all_proxy GIT_CONFIG_GLOBAL GIT_PROXY_COMMAND GIT_SSH GIT_SSH_COMMAND GIT_SSL_CAINFO "
    "GIT_SMART_HTTP SSH_AUTH_SOCK SSH_AGENT_PID SOCKS5_USER SOCKS5_PASSWD SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS"
)
FETCH_EXPORT_VARS = tuple(_EXPORTED.split())
"""What such a command gets of the metadata's variables, or else of the environment."""


def get_fetcher_environment(d: Any) -> dict[str, str]:
    """The values of FETCH_EXPORT_VARS that there are."""
    original = d.getVar("BB_ORIGENV", False)
    found = {}
    for name in FETCH_EXPORT_VARS:
        value = d.getVar(name) or (original.getVar(name) if original else None)
        if value:
            found[name] = str(value)
    return found


def runfetchcmd(
    cmd: str,
    d: Any,
    quiet: bool = False,
    cleanup: Iterable[str] | None = None,
    log: Any = None,
    workdir: str | None = None,
    extraenv: Mapping[str, str] | None = None,
) -> str:
    """Run a shell command and give its output; FetchError if it fails, after removing what ``cleanup`` names."""
    environment = {**os.environ, **get_fetcher_environment(d), **(extraenv or {})}
    try:
        output, _ = process.run(cmd, log=log, stderr=subprocess.PIPE, cwd=workdir, env=environment)
    except process.CmdError as error:
        for path in cleanup or ():
            files.remove(path, True)
        raise FetchError(f"Fetch command {cmd} failed: {error}") from error
    return str(output)


def findConfigFile(configfile: str, data: Any) -> str | None:
    """``conf/NAME`` along BBPATH, then in the working directory and the ones above it."""
    places = [path for path in (data.getVar("BBPATH") or "").split(":") if path]
    directory = os.getcwd()
    while directory != "/":
        places.append(directory)
        directory = os.path.dirname(directory)
    candidates = [os.path.join(place, "conf", configfile) for place in places]
    return next((path for path in candidates if os.path.exists(path)), None)
