"""``debsrc://SOURCE/SUITE/FILENAME``: a source tarball of Debian's archive, through the machine's own apt.

A private apt directory has ``deb-src`` entries made from the machine's configured entries of Debian itself, for the suites
that are asked for and their security suites. So no archive host is named here, and nothing of the machine's apt is changed.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.fetching import store
from hadronbake.fetching.command import last_words, run
from hadronbake.fetching.model import FetchEvent, FetchSettings, Report, Unavailable
from hadronbake.fetching.uri import SourceEntry

_DAY = 86400.0
# An index this young is not asked for again when a version is missing.
_FRESH = 600.0
_ROLLING = ("sid", "unstable", "experimental")
_SUITES = (
    *("buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid"),
    *("oldoldstable", "oldstable", "stable", "testing", "unstable"),
)
_CONFIGURATION = """\
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "-";
Dir::Etc::preferencesparts "-";
Dir::State "{root}/state";
Dir::State::status "{root}/status";
Dir::Cache "{root}/cache";
Dir::Log "{root}/log";
APT::Sandbox::User "{user}";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """One configured entry: where it is, its suite, and its options (``signed-by`` and such) as apt writes them."""

    uri: str
    suite: str
    options: tuple[tuple[str, str], ...]

    def source_line(self, suite: str) -> str:
        options = " ".join(f"{key}={value}" for key, value in self.options)
        return f"deb-src {f'[{options}] ' if options else ''}{self.uri} {suite} main"


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """One version of a source package: its files, name → (SHA-256, size)."""

    version: str
    files: dict[str, tuple[str, int]]


def parse_place(entry: SourceEntry) -> tuple[str, str, str]:
    """Source package, suite and file name. HBF040 if the URI has another form."""
    parts = entry.path.strip("/").split("/")
    if len(parts) != 2 or not all(
        re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+.~:_-]*", part) for part in (entry.host, *parts)
    ):
        raise HadronbakeError.of("HBF040", f"not debsrc://SOURCE/SUITE/FILENAME: '{entry.uri}'")
    return entry.host, parts[0], parts[1]


# -- what is configured --------------------------------------------------------------------------------------------------


def configured(apt_root: Path, keys: Path) -> list[ArchiveEntry]:
    """The entries of Debian itself that apt is configured with, in both of its formats. A key that is written into an
    entry is put into a file in ``keys``."""
    found: list[ArchiveEntry] = []
    parts = apt_root / "sources.list.d"
    files = [apt_root / "sources.list", *(sorted(parts.iterdir()) if parts.is_dir() else [])]
    for file in files:
        try:
            text = file.read_text(errors="replace")
        except OSError:
            continue
        if file.suffix == ".list":
            found += one_line_entries(text)
        elif file.suffix == ".sources":
            found += deb822_entries(text, keys)
    return [entry for entry in found if _is_debian(entry)]


def one_line_entries(text: str) -> list[ArchiveEntry]:
    """sources.list(5), one-line format."""
    found: list[ArchiveEntry] = []
    for line in text.splitlines():
        match = re.match(r"\s*deb(?:-src)?\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)", line.partition("#")[0])
        if match:
            options = [word.partition("=") for word in (match[1] or "").split()]
            kept = tuple((key, value) for key, _, value in options if _kept(key))
            found.append(ArchiveEntry(match[2], match[3], kept))
    return found


def deb822_entries(text: str, keys: Path) -> list[ArchiveEntry]:
    """sources.list(5), deb822 format."""
    found: list[ArchiveEntry] = []
    for number, stanza in enumerate(stanzas(text)):
        if stanza.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        options: list[tuple[str, str]] = []
        for key, value in stanza.items():
            if not _kept(key):
                continue
            if "PGP PUBLIC KEY" in value:
                keys.mkdir(parents=True, exist_ok=True)
                file = keys / f"debian-{number}.asc"
                lines = [line.strip() for line in value.splitlines()]
                file.write_text("\n".join("" if line == "." else line for line in lines).strip() + "\n")
                value = str(file)
            options.append((key, ",".join(value.split())))
        for uri in stanza.get("uris", "").split():
            for suite in stanza.get("suites", "").split():
                found.append(ArchiveEntry(uri, suite, tuple(options)))
    return found


def _kept(option: str) -> bool:
    return option.lower() in ("signed-by", "trusted", "check-valid-until", "allow-insecure", "by-hash")


def stanzas(text: str) -> list[dict[str, str]]:
    """Control data (deb822(5)): field names in lower case; comments are dropped, continuation lines joined by newlines."""
    found: list[dict[str, str]] = []
    current: dict[str, str] = {}
    last = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if current:
                found.append(current)
            current, last = {}, ""
        elif line[0].isspace():
            if last:
                current[last] += "\n" + line.strip()
        else:
            name, colon, value = line.partition(":")
            if colon:
                last = name.strip().lower()
                current[last] = value.strip()
    return found


def _is_debian(entry: ArchiveEntry) -> bool:
    """By its key if it has one, else by its suite and the archive's directory."""
    if not entry.uri.startswith(("http:", "https:", "file:", "mirror+", "tor+")):
        return False
    keys = [value for key, value in entry.options if key.lower() == "signed-by"]
    if any("debian-archive" in Path(key).name for value in keys for key in value.split(",")):
        return True
    suite = re.split(r"[-/]", entry.suite)[0]
    directories = entry.uri.rstrip("/").split("/")[3:]
    return suite in _SUITES and any(part.startswith("debian") for part in directories)


def _is_security(entry: ArchiveEntry) -> bool:
    return entry.suite.endswith(("-security", "/updates"))


def source_lines(entries: list[ArchiveEntry], suites: list[str]) -> list[str]:
    """``deb-src`` lines for the suites and their security suites. Raises Unavailable where Debian isn't configured."""
    main = next((entry for entry in entries if not _is_security(entry)), None)
    security = next((entry for entry in entries if _is_security(entry)), None)
    if main is None:
        raise Unavailable("apt is not configured with Debian's archive on this machine")
    lines: list[str] = []
    for suite in suites:
        lines.append(main.source_line(suite))
        if security is not None and suite not in _ROLLING and "-" not in suite:
            lines.append(security.source_line(f"{suite}-security"))
    return lines


# -- the private apt directory -------------------------------------------------------------------------------------------


def _prepare(root: Path, suite: str, settings: FetchSettings) -> bool:
    """Writes the configuration, with this suite beside those asked for before; says whether the sources have changed."""
    for directory in ("state/lists/partial", "cache/archives/partial", "log"):
        (root / directory).mkdir(parents=True, exist_ok=True)
    (root / "status").touch()
    user = "root" if os.geteuid() == 0 else "_apt"
    _replace(root / "apt.conf", _CONFIGURATION.format(root=root, user=user))
    known = root / "suites"
    suites = sorted({suite, *(known.read_text().split() if known.exists() else [])})
    text = "".join(f"{line}\n" for line in source_lines(configured(settings.apt_root, root / "keys"), suites))
    sources = root / "sources.list"
    if sources.exists() and sources.read_text() == text:
        return False
    _replace(sources, text)
    _replace(known, " ".join(suites))
    (root / "updated").unlink(missing_ok=True)
    return True


def _replace(path: Path, text: str) -> None:
    """Other downloads read these files meanwhile: they never see one half written."""
    if path.exists() and path.read_text() == text:
        return
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text)
    temporary.replace(path)


def _age(root: Path) -> float:
    try:
        return time.time() - (root / "updated").stat().st_mtime
    except OSError:
        return float("inf")


def _update(root: Path, settings: FetchSettings) -> str:
    """``apt-get update``; gives what it complained about. A suite without security suite is no failure."""
    if settings.offline:
        raise Unavailable("the network is off")
    status, output = run(
        ["apt-get", "-c", str(root / "apt.conf"), "-q", "update"],
        stall_seconds=max(settings.stall_seconds, 120.0),
        environment={"APT_CONFIG": str(root / "apt.conf")},
    )
    complaints = [line for line in output.splitlines() if line.startswith(("E:", "W:", "Err:"))]
    (root / "updated").touch()
    return last_words("\n".join(complaints) or output) if status or complaints else ""


def versions(text: str, source: str) -> list[SourceVersion]:
    """The versions in what ``apt-cache showsrc`` prints, without those that repeat."""
    found: dict[str, SourceVersion] = {}
    for stanza in stanzas(text):
        if stanza.get("package") != source or "version" not in stanza:
            continue
        files: dict[str, tuple[str, int]] = {}
        for line in stanza.get("checksums-sha256", "").splitlines():
            words = line.split()
            if len(words) == 3 and words[1].isdigit():
                files[words[2]] = (words[0], int(words[1]))
        found.setdefault(stanza["version"], SourceVersion(stanza["version"], files))
    return list(found.values())


def _search(root: Path, source: str, filename: str) -> tuple[SourceVersion | None, list[SourceVersion]]:
    status, output = run(
        ["apt-cache", "-c", str(root / "apt.conf"), "showsrc", "--only-source", source],
        stall_seconds=120.0,
        environment={"APT_CONFIG": str(root / "apt.conf")},
    )
    there = versions(output, source) if not status else []
    return next((item for item in there if filename in item.files), None), there


def fetch_source(entry: SourceEntry, temporary: Path, settings: FetchSettings, report: Report) -> None:
    """Writes the file to ``temporary``. Raises Unavailable without apt or Debian's archive, HBF041 if the archive doesn't
    have the file (any more), with the versions that are there."""
    source, suite, filename = parse_place(entry)
    if shutil.which("apt-get") is None:
        raise Unavailable("there is no apt on this machine, so Debian's archive can't be asked")
    root = settings.downloads.absolute() / ".apt"
    with store.locked(settings.downloads, ".apt", lambda: report(FetchEvent(kind="waiting", uri=entry.uri))):
        changed = _prepare(root, suite, settings)
        complaint = ""
        if changed or _age(root) > _DAY:
            report(FetchEvent(kind="start", uri=entry.uri, url=entry.uri, message="apt-get update"))
            complaint = _update(root, settings)
        version, there = _search(root, source, filename)
        if version is None and _age(root) > _FRESH and not settings.offline:
            complaint = _update(root, settings)
            version, there = _search(root, source, filename)
    if version is None:
        raise _gone(entry, source, filename, there, complaint)
    sha256, size = version.files[filename]
    if entry.sha256 is not None and entry.sha256 != sha256:
        raise Unavailable(f"Debian's {filename} has the checksum {sha256}")
    if settings.offline:
        raise Unavailable("the network is off")
    _get(entry, source, version, filename, size, temporary, root, settings, report)


def _gone(
    entry: SourceEntry, source: str, filename: str, there: list[SourceVersion], complaint: str
) -> HadronbakeError | Unavailable:
    if not there and complaint:
        return Unavailable(f"apt-get update failed: {complaint}")
    notes: list[tuple[None, str]] = []
    for item in there:
        tarballs = [name for name in sorted(item.files) if ".tar." in name and ".debian.tar." not in name]
        tarballs = [name for name in tarballs if not name.endswith(".asc")]
        notes.append((None, f"there is {item.version}: {', '.join(tarballs)}"))
    message = f"Debian's archive does not have {filename}, for '{entry.uri}'"
    hint = (
        "take a version that is there, or fetch from upstream"
        if there
        else f"no source package is named '{source}' in the suites that were asked"
    )
    return HadronbakeError(Diagnostic("HBF041", message, notes=tuple(notes), hint=hint))


def _get(
    entry: SourceEntry,
    source: str,
    version: SourceVersion,
    filename: str,
    size: int,
    temporary: Path,
    root: Path,
    settings: FetchSettings,
    report: Report,
) -> None:
    report(FetchEvent(kind="start", uri=entry.uri, url=f"apt source {source}={version.version}", total=size))
    with tempfile.TemporaryDirectory(dir=root, prefix="get-") as name:
        directory = Path(name)

        def moved() -> int:
            done = sum(item.stat().st_size for item in directory.iterdir() if item.exists())
            report(FetchEvent(kind="progress", uri=entry.uri, url=entry.uri, done=min(done, size), total=size))
            return done

        options = ["--download-only", "--tar-only", "--only-source"]
        status, output = run(
            ["apt-get", "-c", str(root / "apt.conf"), "-q", "source", *options, f"{source}={version.version}"],
            stall_seconds=settings.stall_seconds,
            directory=directory,
            environment={"APT_CONFIG": str(root / "apt.conf")},
            moved=moved,
        )
        got = directory / filename
        if status or not got.is_file():
            raise Unavailable(f"apt-get source failed: {last_words(output)}")
        got.replace(temporary)
