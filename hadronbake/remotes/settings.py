"""What the configuration says of remotes and keys.

HB_CACHE_REMOTES   remotes in order, each ``URL;parameter=value…``
HB_TRUSTED_KEYS    public keys in hex, or files with such
HB_SIGNING_KEY     the file of the private key (default: keys/signing.key below HB_CACHE)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from hadronbake.artifacts.signing import Keyring
from hadronbake.diagnostics import HadronbakeError, closest

Variable = Callable[[str], str | None]
Kind = Literal["directory", "http", "reapi"]

_KINDS: dict[str, Kind] = {
    "file": "directory",
    "http": "http",
    "https": "http",
    "grpc": "reapi",
    "grpcs": "reapi",
}
_PARAMETERS = ("mode", "instance", "token-file", "token-env", "cert", "key", "ca", "compress", "timeout")
_LONGEST = 86_400.0
_HINT = 'for example: HB_CACHE_REMOTES = "https://cache.example.org;mode=ro /mnt/cache;mode=rw"'


@dataclass(frozen=True, slots=True)
class RemoteSetting:
    """``url``: without user and password. ``writable``: whether results are sent there. ``compress``: whether what is sent is
    compressed where the protocol doesn't negotiate it. ``timeout``: seconds without a sign of life.

    ``certificate``, ``private_key``: of the client; ``authority``: certificates to trust, instead of the system's.
    """

    kind: Kind
    url: str
    writable: bool = False
    user: str = ""
    password: str = ""
    instance: str = ""
    token: str = ""
    certificate: Path | None = None
    private_key: Path | None = None
    authority: Path | None = None
    compress: bool = False
    timeout: float = 10.0


def keyring(variable: Variable) -> Keyring:
    """The keys of a build. Raises HBA020."""
    cache = variable("HB_CACHE")
    directory = Path(cache) / "keys" if cache else Path(_needed(variable, "SSTATE_DIR")).parent / "keys"
    signing = (variable("HB_SIGNING_KEY") or "").strip()
    return Keyring(
        directory.absolute(),
        (variable("HB_TRUSTED_KEYS") or "").split(),
        Path(signing).expanduser().absolute() if signing else None,
    )


def remotes(variable: Variable, environ: Mapping[str, str] = os.environ) -> tuple[RemoteSetting, ...]:
    """The remotes of a build, in order. Raises HBA022 for one that can't be understood."""
    return tuple(remote(entry, environ) for entry in (variable("HB_CACHE_REMOTES") or "").split())


def remote(entry: str, environ: Mapping[str, str] = os.environ) -> RemoteSetting:
    """One entry of HB_CACHE_REMOTES. Raises HBA022."""
    place, *rest = entry.split(";")
    values: dict[str, str] = {}
    for item in filter(None, rest):
        name, equals, value = item.partition("=")
        if name not in _PARAMETERS or not equals:
            near = closest(name, _PARAMETERS)
            raise _wrong(entry, f"has no parameter '{item}'", f"did you mean {near}=…?" if near else None)
        values[name] = unquote(value)
    mode = values.get("mode", "ro")
    if mode not in ("ro", "rw"):
        raise _wrong(
            entry, f"has the mode '{mode}'", "mode=ro (read only, the default) or mode=rw (results are sent too)"
        )
    compress = values.get("compress", "no")
    if compress not in ("no", "zstd"):
        raise _wrong(entry, f"has compress={compress}", "compress=zstd or compress=no")
    try:
        timeout = float(values.get("timeout", "10"))
    except ValueError:
        timeout = 0.0
    if not 0 < timeout <= _LONGEST:
        raise _wrong(entry, f"has the time-out '{values['timeout']}'", "a number of seconds, for example timeout=30")
    try:
        parts = urlsplit(place if "://" in place else f"file://{place}")
        _ = parts.port
    except ValueError:
        # What was wrong may be a part of a password with a # or a / in it.
        raise _wrong(entry, "is no address: the host or the port can't be", "a port is a number up to 65535") from None
    if parts.scheme not in _KINDS:
        raise _wrong(entry, f"begins with '{parts.scheme}:'", "a path, file://, http://, https://, grpc:// or grpcs://")
    kind = _KINDS[parts.scheme]
    if kind == "directory":
        url = unquote(parts.path)
        if parts.netloc or not url.startswith("/"):
            raise _wrong(entry, "is no absolute path", "a directory remote is an absolute path, for example /mnt/cache")
    else:
        if not parts.hostname:
            raise _wrong(entry, "names no host", _HINT)
        host = parts.netloc.rpartition("@")[2]
        url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    return RemoteSetting(
        kind=kind,
        url=url,
        writable=mode == "rw",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        instance=values.get("instance", ""),
        token=_token(entry, values, environ),
        certificate=_file(entry, values.get("cert")),
        private_key=_file(entry, values.get("key")),
        authority=_file(entry, values.get("ca")),
        compress=compress == "zstd",
        timeout=timeout,
    )


def _token(entry: str, values: Mapping[str, str], environ: Mapping[str, str]) -> str:
    if "token-env" in values:
        token = environ.get(values["token-env"], "").strip()
        if not token:
            raise _wrong(entry, f"takes its token from {values['token-env']}, which isn't set in the environment")
        return token
    path = _file(entry, values.get("token-file"))
    if path is None:
        return ""
    try:
        return path.read_text().strip()
    except OSError as error:
        raise _wrong(entry, f"takes its token from {path}, which can't be read: {error.strerror}") from error


def _file(entry: str, text: str | None) -> Path | None:
    if text is None:
        return None
    path = Path(text).expanduser()
    if not path.is_file():
        raise _wrong(entry, f"names the file {path}, which isn't there")
    return path


def _wrong(entry: str, what: str, hint: str | None = None) -> HadronbakeError:
    shown = entry
    if "@" in entry and "://" in entry:
        # No password is shown.
        scheme, _, rest = entry.partition("://")
        shown = f"{scheme}://…@{rest.rpartition('@')[2]}"
    return HadronbakeError.of("HBA022", f"HB_CACHE_REMOTES: '{shown}' {what}", hint=hint or _HINT)


def _needed(variable: Variable, name: str) -> str:
    value = variable(name)
    if not value:
        raise HadronbakeError.of("HBA023", f"{name} has no value", hint=f"set {name} in conf/local.conf")
    return value
