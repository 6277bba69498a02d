"""SRC_URI: its entries, their parameters and checksums; and the mirrors that a URI maps to.

The form is OpenEmbedded's: ``scheme://[user@]host/path;parameter=value;…``, entries divided by blanks. The checksum is in
``SRC_URI[sha256sum]``, with ``;name=NAME`` in ``SRC_URI[NAME.sha256sum]``, or in the entry itself as ``;sha256sum=``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict

from hadronbake.diagnostics import HadronbakeError, closest

SCHEMES = ("https", "http", "file", "git", "debsrc")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceEntry(Frozen):
    """One entry of SRC_URI. ``uri`` is its whole text; ``path`` has its leading slash, but for a relative ``file://``.

    ``sha256`` is what the recipe says, lower case, or None. ``checksum_flag`` is the flag in which it belongs.
    """

    uri: str
    scheme: str
    user: str = ""
    host: str = ""
    path: str
    parameters: Mapping[str, str] = {}
    sha256: str | None = None
    checksum_flag: str = "sha256sum"

    @property
    def url(self) -> str:
        """The URI without its parameters: what is asked of a server."""
        return self.uri.partition(";")[0]

    @property
    def filename(self) -> str:
        """The name in the download directory."""
        name = self.parameters.get("downloadfilename")
        if name is None:
            name = unquote(self.path.partition("?")[0].rstrip("/").rpartition("/")[2])
        return name


def parse_uri(text: str) -> SourceEntry:
    """One entry without regard to its checksum. HBF001: not a URI, HBF002: unknown scheme, HBF003: bad parameter."""
    address, *words = text.split(";")
    scheme, separator, rest = address.partition("://")
    if not separator or not rest:
        raise HadronbakeError.of(
            "HBF001",
            f"not a URI in SRC_URI: '{text}'",
            hint="a file of the layer is written file://name" if "/" not in text or "." in text else None,
        )
    if scheme not in SCHEMES:
        meant = closest(scheme, SCHEMES)
        raise HadronbakeError.of(
            "HBF002",
            f"unknown scheme '{scheme}' in SRC_URI: '{text}'",
            hint=f"did you mean '{meant}://'?" if meant else f"known are {', '.join(SCHEMES)}",
        )
    parameters: dict[str, str] = {}
    for word in words:
        if not word:
            continue
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise HadronbakeError.of("HBF003", f"parameter '{word}' is not NAME=VALUE, in '{text}'")
        parameters[key] = value
    if scheme == "file":
        return SourceEntry(uri=text, scheme=scheme, path=unquote(rest), parameters=parameters)
    place, slash, path = rest.partition("/")
    user, at, host = place.rpartition("@")
    entry = SourceEntry(
        uri=text, scheme=scheme, user=user if at else "", host=host, path=slash + path, parameters=parameters
    )
    local = scheme == "git" and parameters.get("protocol") == "file"
    if not (host or local) or (scheme in ("https", "http") and not entry.filename):
        raise HadronbakeError.of("HBF001", f"{'no file name' if host else 'no host'} in '{text}'")
    if scheme in ("https", "http", "debsrc") and ("/" in entry.filename or entry.filename in (".", "..")):
        raise HadronbakeError.of(
            "HBF003", f"the file name '{entry.filename}' leaves the download directory, in '{text}'"
        )
    return entry


def source_entries(src_uri: str, flags: Mapping[str, str], srcrev: str | None = None) -> list[SourceEntry]:
    """The entries of an expanded SRC_URI; ``flags`` are its flags, expanded; ``srcrev`` is SRCREV, for git without ``;rev=``.

    All that is wrong with them comes in one HadronbakeError (HBF001 to HBF004).
    """
    found: list[SourceEntry] = []
    wrong: list[HadronbakeError] = []
    for text in src_uri.split():
        try:
            entry = parse_uri(text)
            found.append(_with_checksum(entry, flags, srcrev))
        except HadronbakeError as error:
            wrong.append(error)
    if wrong:
        raise HadronbakeError(*(item for error in wrong for item in error.diagnostics))
    return found


def _with_checksum(entry: SourceEntry, flags: Mapping[str, str], srcrev: str | None) -> SourceEntry:
    name = entry.parameters.get("name")
    flag = f"{name}.sha256sum" if name else "sha256sum"
    update: dict[str, object] = {"checksum_flag": flag}
    if entry.scheme != "file":
        # A git entry's content is what its commit says; a checksum without name belongs to the tarball beside it.
        fallback = None if entry.scheme == "git" and not name else flags.get(flag)
        sha256 = (entry.parameters.get("sha256sum") or fallback or "").strip().lower()
        if sha256 and not _SHA256.fullmatch(sha256):
            raise HadronbakeError.of(
                "HBF004",
                f"not a SHA-256: SRC_URI[{flag}] = \"{sha256}\", for '{entry.uri}'",
                hint=f"it has 64 hexadecimal digits, this has {len(sha256)}",
            )
        update["sha256"] = sha256 or None
    if entry.scheme == "git" and srcrev and "rev" not in entry.parameters:
        update["parameters"] = {**entry.parameters, "rev": srcrev}
    return entry.model_copy(update=update)


def parse_mirrors(text: str) -> tuple[tuple[str, str], ...]:
    """MIRRORS or PREMIRRORS: pairs of words (pattern, replacement); ``\\n`` between pairs is allowed. HBF005: an odd word."""
    words = text.replace("\\n", " ").split()
    if len(words) % 2:
        raise HadronbakeError.of(
            "HBF005", f"the mirrors have a pattern without replacement: '{words[-1]}'", hint="they come in pairs"
        )
    return tuple(zip(words[::2], words[1::2], strict=True))


def mirrored(entry: SourceEntry, mirrors: Sequence[tuple[str, str]]) -> list[SourceEntry]:
    """The URIs by which mirrors may have this entry, in order; its checksum stays.

    As in BitBake, scheme, host and path of a pattern are regular expressions of their own, matched from the beginning
    (the scheme whole); the words TYPE, HOST, PATH, BASENAME and MIRRORNAME of a replacement stand for those of the URI; and
    the file's name is put after a replaced path which does not end with it.
    """
    result: list[SourceEntry] = []
    for pattern, replacement in mirrors:
        scheme, host, path = _pattern(pattern)
        try:
            fits = re.fullmatch(scheme.removesuffix("$"), entry.scheme) and re.match(host, entry.host)
            place = re.match(path, entry.path)
        except re.error as error:
            raise HadronbakeError.of(
                "HBF005", f"a mirror's pattern is no regular expression: '{pattern}' ({error})"
            ) from None
        if not fits or place is None:
            continue
        basename = entry.path.rstrip("/").rpartition("/")[2]
        # A mirror has a file by its name in the download directory, or as upstream names it.
        names = [basename] if entry.scheme == "git" else list(dict.fromkeys([entry.filename, basename]))
        words = {
            "TYPE": entry.scheme,
            "HOST": entry.host,
            "PATH": entry.path.lstrip("/"),
            "BASENAME": basename,
            "MIRRORNAME": f"{entry.host.replace(':', '.')}{entry.path.replace('/', '.').replace('*', '.')}",
        }
        target = re.sub("MIRRORNAME|BASENAME|TYPE|HOST|PATH", lambda word, words=words: words[word[0]], replacement)  # type: ignore[misc]
        address, *parameters = target.split(";")
        new_scheme, _, rest = address.partition("://")
        address = f"{new_scheme}://{rest}{entry.path[place.end() :]}"
        addresses = [address]
        if not address.endswith(f"/{basename}") and (entry.scheme != "git" or address.endswith("/")):
            addresses = [f"{address.rstrip('/')}/{name}" for name in names]
        given = [
            f"{key}={value}" for key, value in entry.parameters.items() if key != "protocol" or new_scheme == "git"
        ]
        if any(item.startswith("protocol=") for item in parameters):
            given = [item for item in given if not item.startswith("protocol=")]
        for address in addresses:
            candidate = parse_uri(";".join([address, *given, *parameters]))
            result.append(candidate.model_copy(update={"sha256": entry.sha256, "checksum_flag": entry.checksum_flag}))
    return result


def _pattern(text: str) -> tuple[str, str, str]:
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise HadronbakeError.of(
            "HBF005", f"a mirror's pattern is no URI: '{text}'", hint="for instance https?://.*/.*"
        )
    host, slash, path = rest.partition("/")
    return scheme, host or "", (slash + path) or ""
