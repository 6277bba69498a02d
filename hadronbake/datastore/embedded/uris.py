"""``bb.fetch2`` as far as metadata asks it about URIs. Downloads are the engine's own (room ``fetching``)."""

# ruff: noqa: PTH110, PTH117, PTH119
from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

CHECKSUM_LIST = ["goh1", "md5", "sha256", "sha1", "sha384", "sha512"]


class BBFetchException(Exception):
    """Base of what fetching may raise."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.msg = message


class MalformedUrl(BBFetchException):
    def __init__(self, url: str, message: str = "") -> None:
        super().__init__(message or f"The URL: '{url}' is invalid and cannot be interpreted")
        self.url = url


class FetchError(BBFetchException):
    def __init__(self, message: str, url: str | None = None) -> None:
        super().__init__(f"Fetcher failure for URL: '{url}'. {message}" if url else f"Fetcher failure: {message}")
        self.url = url


class ChecksumError(FetchError):
    pass


class NoChecksumError(FetchError):
    pass


class UnpackError(BBFetchException):
    pass


class NoMethodError(BBFetchException):
    pass


class MissingParameterError(BBFetchException):
    pass


class ParameterError(BBFetchException):
    def __init__(self, message: str, url: str) -> None:
        super().__init__(f"URL: '{url}' has invalid parameters. {message}")
        self.url = url


class NetworkAccess(BBFetchException):
    pass


class UntrustedUrl(BBFetchException):
    pass


class NonLocalMethod(Exception):
    pass


class MissingChecksumEvent:
    pass


def decodeurl(url: str) -> tuple[str, str, str, str, str, dict[str, str]]:
    """``type://user:password@host/path;parameter=value`` → (type, host, path, user, password, parameters)."""
    match = re.fullmatch(r"([^:]+)://(?:([^/;@]+)@)?([^;]*)((?:;.*)?)", url, re.S)
    if match is None:
        raise MalformedUrl(url)
    kind, credentials, rest, tail = match.group(1), match.group(2), match.group(3), match.group(4)
    host, path = "", rest
    if kind.lower() != "file":
        host, slash, path = rest.partition("/")
        path = slash + path if slash else "/"
    elif credentials:
        path, credentials = f"{credentials}@{rest}", None
    user, _, password = (credentials or "").partition(":")
    parameters: dict[str, str] = {}
    for item in filter(None, tail.split(";")):
        name, equal, value = item.partition("=")
        if not equal:
            raise MalformedUrl(url, f"The URL: '{url}' is invalid: parameter {item} does not specify a value")
        parameters[name] = value
    return kind.lower(), unquote(host), unquote(path), unquote(user), unquote(password), parameters


def encodeurl(decoded: tuple[str, str, str, str, str, Mapping[str, str]]) -> str:
    """The opposite of decodeurl."""
    kind, host, path, user, password, parameters = decoded
    if not kind:
        raise MissingParameterError("the type of the URL is missing")
    url = f"{kind}://"
    if user and kind != "file":
        url += quote(user) + (f":{quote(password)}" if password else "") + "@"
    if host and kind != "file":
        url += host
    if path:
        while "//" in path:
            path = path.replace("//", "/")
        url += quote(path)
    return url + "".join(f";{name}={value}" for name, value in parameters.items())


class URI:
    """A parsed URI whose parts can be changed; ``str()`` puts it together again."""

    def __init__(self, uri: str | None = None) -> None:
        self.scheme = self.userinfo = self.hostname = self._path = ""
        self.port: int | None = None
        self.params: dict[str, str] = {}
        self.query: dict[str, str | None] = {}
        self.relative = False
        if not uri:
            return
        body, *parameters = uri.split(";")
        self.params = dict(item.partition("=")[::2] for item in parameters if item)
        body, mark, query = body.partition("?")
        if mark:
            self.query = {k: (v if eq else None) for k, eq, v in (item.partition("=") for item in query.split("&"))}
        self.scheme, colon, rest = body.partition(":")
        if not colon:
            self.scheme, rest = "", body
        if rest.startswith("//"):
            authority, slash, path = rest[2:].partition("/")
            if self.scheme == "file":
                self.path = rest[2:] if not rest.startswith("///") else slash + path
                self.relative = not self._path.startswith("/")
                return
            self.userinfo, _, host = authority.rpartition("@")
            self.hostname, _, port = host.partition(":")
            self.port = int(port) if port else None
            self.path = slash + path
        else:
            self.path = rest
            self.relative = not rest.startswith("/")

    @property
    def path(self) -> str:
        return self._path

    @path.setter
    def path(self, value: str) -> None:
        self._path = unquote(value)

    @property
    def username(self) -> str:
        return self.userinfo.partition(":")[0]

    @username.setter
    def username(self, value: str) -> None:
        self.userinfo = f"{value}:{self.password}" if self.password else value

    @property
    def password(self) -> str:
        return self.userinfo.partition(":")[2]

    @password.setter
    def password(self, value: str) -> None:
        self.userinfo = f"{self.username}:{value}"

    @property
    def hostport(self) -> str:
        return f"{self.hostname}:{self.port}" if self.port else self.hostname

    def __str__(self) -> str:
        userinfo = f"{self.userinfo}@" if self.userinfo else ""
        start = f"{self.scheme}:" if self.scheme else ""
        authority = "" if (self.relative and self.scheme != "file") else f"//{userinfo}{self.hostport}"
        items = "&".join(k if v is None else f"{k}={v}" for k, v in self.query.items())
        parameters = "".join(f";{k}={v}" for k, v in self.params.items())
        return start + authority + quote(self._path) + (f"?{items}" if items else "") + parameters


def _file_candidates(path: str, d: Any) -> tuple[str | None, list[str]]:
    """Where a ``file://`` path is along FILESPATH, and every name tried."""
    if os.path.isabs(path):
        return (path if os.path.exists(path) else None), [path]
    from .files import which

    found, tried = which(d.getVar("FILESPATH") or "", path, history=True)
    return found or None, tried


def get_checksum_file_list(d: Any) -> str:
    """The local files of SRC_URI as words ``PATH:True`` or ``PATH:False`` (whether it exists)."""
    words = []
    for uri in (d.getVar("SRC_URI") or "").split():
        kind, _, path, _, _, _ = decodeurl(uri)
        if kind != "file" or "*" in path:
            continue
        found, tried = _file_candidates(path, d)
        paths = [found] if found else tried
        for name in paths:
            label = name
            if name.endswith(path) and not os.path.isabs(path):
                label = f"{name[: -len(path)]}./{path}"
            words.append(f"{label}:{bool(found)}")
    return " ".join(words)


def _revisions(d: Any) -> dict[str, str]:
    """The commits of the sources under version control, by name."""
    revisions: dict[str, str] = {}
    for uri in (d.getVar("SRC_URI") or "").split():
        kind, _, _, _, _, parameters = decodeurl(uri)
        if kind not in ("git", "gitsm", "hg", "svn"):
            continue
        for name in parameters.get("name", "default").split(","):
            revisions[name] = _revision(name, parameters, d)
    return revisions


def get_srcrev(d: Any, method_name: str = "sortable_revision") -> str:
    """The commit that the source under version control is built from; of several, joined by SRCREV_FORMAT. "" without any."""
    revisions = _revisions(d)
    if not revisions:
        return ""
    if len(revisions) == 1:
        return next(iter(revisions.values()))
    text = d.getVar("SRCREV_FORMAT")
    if not text:
        raise FetchError("The SRCREV_FORMAT variable must be set when multiple SCMs are used")
    for name, revision in revisions.items():
        text = re.sub(rf"\b{re.escape(name)}\b", revision, text)
    return str(text)


def _revision(name: str, parameters: Mapping[str, str], d: Any) -> str:
    pn = d.getVar("PN")
    for variable in (f"SRCREV_{name}:pn-{pn}", f"SRCREV_{name}", f"SRCREV:pn-{pn}", "SRCREV"):
        value = d.getVar(variable)
        if value and value != "INVALID":
            return str(value)
    return str(parameters.get("rev") or parameters.get("tag") or "INVALID")


def get_autorev(d: Any) -> str:
    return "AUTOINC"


def get_hashvalue(d: Any, method_name: str = "sortable_revision") -> str:
    """All commits, for hashes."""
    return " ".join(_revisions(d).values())


def get_pkgv_string(d: Any) -> str:
    """What stands for the sources' revision in a package version."""
    revision = get_srcrev(d)
    return f"+git{revision[:10]}" if revision else ""


def localpath(url: str, d: Any) -> str:
    """Where a file of SRC_URI is (or will be) on this machine."""
    kind, _, path, _, _, parameters = decodeurl(url)
    if kind == "file":
        return _file_candidates(path, d)[0] or path
    name = parameters.get("downloadfilename") or os.path.basename(path)
    return os.path.join(d.getVar("DL_DIR") or "", name)


def mirror_from_string(data: str | None) -> list[list[str]]:
    """Pairs of words, ``\\n`` in the text counting as blank."""
    words = (data or "").replace("\\n", " ").split()
    return [words[index : index + 2] for index in range(0, len(words) - 1, 2)]


class FetchData:
    """What is known of one URI without fetching it."""

    def __init__(self, url: str, d: Any, localonly: bool = False) -> None:
        self.url = url
        self.type, self.host, self.path, self.user, self.pswd, self.parm = decodeurl(d.expand(url))
        self.names = self.parm.get("name", "default").split(",")
        self.name = self.names[0]
        self.localpath = localpath(d.expand(url), d)
        self.basename = os.path.basename(self.path)
        self.localfile = self.basename
        self.revisions = {name: _revision(name, self.parm, d) for name in self.names}
        self.revision = self.revisions[self.name]
        for kind in CHECKSUM_LIST:
            flag = f"{kind}sum" if self.name == "default" else f"{self.name}.{kind}sum"
            setattr(self, f"{kind}_expected", d.getVarFlag("SRC_URI", flag))


class Fetch:
    """The URIs of a recipe, to look at. ``download`` belongs to the engine."""

    def __init__(self, urls: list[str] | None, d: Any, cache: bool = True, localonly: bool = False, **_: Any) -> None:
        self.urls = list(urls) if urls else (d.getVar("SRC_URI") or "").split()
        self.d = d
        self.ud = {url: FetchData(url, d, localonly) for url in self.urls}

    def localpath(self, url: str) -> str:
        return self.ud[url].localpath

    def localpaths(self) -> list[str]:
        return [self.ud[url].localpath for url in self.urls]

    def expanded_urldata(self, urls: list[str] | None = None) -> list[FetchData]:
        return [self.ud[url] for url in urls or self.urls]

    def download(self, urls: list[str] | None = None) -> None:
        raise FetchError("files are fetched by the engine (do_fetch[builtin]), not by metadata")
