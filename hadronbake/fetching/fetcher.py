"""What SRC_URI names → verified files: from the download directory, mirrors, Debian's archive, or upstream.

Places are asked in this order: the download directory, PREMIRRORS, Debian's archive (for bytes that are known to be the
same there, by their checksum), upstream, MIRRORS. A place whose file has the wrong checksum is passed over; the file is
kept aside. Without a known checksum nothing is given out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.fetching import debian, git, http, local, store
from hadronbake.fetching.model import FetchedFile, FetchEvent, FetchSettings, Report, Unavailable
from hadronbake.fetching.uri import SourceEntry, mirrored, parse_uri


class _WrongChecksum(Exception):
    """``notes`` tell what came from where; ``code`` is HBF031."""

    def __init__(self, url: str, actual: str, aside: Path) -> None:
        super().__init__(url)
        self.url = url
        self.actual = actual
        self.aside = aside


def fetch(entries: Sequence[SourceEntry], settings: FetchSettings, report: Report) -> list[FetchedFile]:
    """The files of the entries, in their order. All that fails is told in one HadronbakeError."""
    settings.downloads.mkdir(parents=True, exist_ok=True)
    found: list[FetchedFile] = []
    diagnostics: list[Diagnostic] = []
    for entry in entries:
        try:
            found.append(_fetch(entry, settings, report))
        except HadronbakeError as error:
            diagnostics += error.diagnostics
    if diagnostics:
        raise HadronbakeError(*diagnostics)
    return found


def _fetch(entry: SourceEntry, settings: FetchSettings, report: Report) -> FetchedFile:
    if entry.scheme == "file":
        path = local.find(entry, settings.filespath)
        digest, size = local.digest(path)
        return FetchedFile(entry=entry, path=path, digest=digest, size=size)
    if entry.scheme == "git":
        git.commit_of(entry)
        candidates = [*mirrored(entry, settings.premirrors), entry, *mirrored(entry, settings.mirrors)]
        candidates = [item for item in candidates if item.scheme in ("git", "file")]
        path, digest = git.fetch_archive(entry, candidates, settings, report)
        return FetchedFile(entry=entry, path=path, digest=digest, size=path.stat().st_size)
    if entry.scheme == "debsrc":
        debian.parse_place(entry)
    name = entry.filename
    with store.locked(settings.downloads, name, lambda: report(FetchEvent(kind="waiting", uri=entry.uri))):
        if entry.sha256 is None:
            raise _without_checksum(entry, settings, report)
        target = store.place(settings.downloads, name, entry.sha256)
        if target.exists():
            report(FetchEvent(kind="present", uri=entry.uri, done=target.stat().st_size))
        else:
            _search(entry, target, settings, report)
            report(FetchEvent(kind="done", uri=entry.uri, done=target.stat().st_size))
    return FetchedFile(entry=entry, path=target, digest=entry.sha256, size=target.stat().st_size)


def places(entry: SourceEntry, settings: FetchSettings) -> list[SourceEntry]:
    """Where the file may be, in the order in which it is asked for."""
    found = mirrored(entry, settings.premirrors)
    known = settings.debsrc.get(entry.sha256 or "")
    if known and entry.scheme != "debsrc":
        found.append(parse_uri(known).model_copy(update={"sha256": entry.sha256}))
    return [*found, entry, *mirrored(entry, settings.mirrors)]


def _search(entry: SourceEntry, target: Path, settings: FetchSettings, report: Report) -> None:
    """Puts the file to ``target`` from the first place that has it as it should be."""
    failures: list[str] = []
    wrong: list[_WrongChecksum] = []
    gone: HadronbakeError | None = None
    for place in places(entry, settings):
        try:
            _try(place, entry, target, settings, report)
            return
        except Unavailable as error:
            failures.append(f"{place.url}: {error}")
        except _WrongChecksum as error:
            wrong.append(error)
            failures.append(f"{error.url}: wrong checksum")
        except HadronbakeError as error:
            # A version that has gone from Debian's archive: another place may still have it.
            gone = error
            failures.append(f"{place.url}: {error.diagnostics[0].message}")
        report(FetchEvent(kind="next", uri=entry.uri, url=place.url, message=failures[-1]))
    notes = tuple((None, text) for text in failures)
    if wrong:
        raise _wrong_checksum(entry, wrong, notes)
    if gone is not None and entry.scheme == "debsrc":
        raise gone
    hint = "the network is off (BB_NO_NETWORK): fetch first" if settings.offline else None
    raise HadronbakeError(Diagnostic("HBF032", f"'{entry.uri}' can't be fetched", notes=notes, hint=hint))


def _try(place: SourceEntry, entry: SourceEntry, target: Path, settings: FetchSettings, report: Report) -> None:
    partial = settings.downloads / f"{entry.filename}.part"
    resumed = partial.exists()
    _bring(place, entry, partial, settings, report)
    actual = store.sha256_of(partial)
    if actual != entry.sha256 and resumed:
        # What an earlier run left may have been bad.
        http.discard(partial)
        _bring(place, entry, partial, settings, report)
        actual = store.sha256_of(partial)
    if actual != entry.sha256:
        aside = store.set_aside(partial, actual, entry.filename)
        http.discard(partial)
        raise _WrongChecksum(place.url, actual, aside)
    assert entry.sha256 is not None
    store.finish(partial, target, entry.sha256)
    http.discard(partial)


def _bring(place: SourceEntry, entry: SourceEntry, partial: Path, settings: FetchSettings, report: Report) -> None:
    """Writes what one place has to ``partial``; raises Unavailable."""
    if place.scheme == "file":
        path = Path(place.path)
        if not path.is_file():
            raise Unavailable("no such file")
        report(FetchEvent(kind="start", uri=entry.uri, url=place.url))
        http.discard(partial)
        shutil.copyfile(path, partial)
    elif place.scheme == "debsrc":
        http.discard(partial)
        debian.fetch_source(place, partial, settings, report)
    elif place.scheme in ("http", "https"):
        if settings.offline:
            raise Unavailable("not asked, the network is off")
        report(FetchEvent(kind="start", uri=entry.uri, url=place.url))
        http.download(place.url, partial, entry.uri, settings, report)
    else:
        raise Unavailable(f"a mirror of a file can't be {place.scheme}://")


def _wrong_checksum(
    entry: SourceEntry, wrong: list[_WrongChecksum], notes: tuple[tuple[None, str], ...]
) -> HadronbakeError:
    last = wrong[-1]
    more = [(None, f"kept aside: {item.aside}") for item in wrong]
    return HadronbakeError(
        Diagnostic(
            "HBF031",
            f"wrong checksum of '{entry.filename}' from {last.url}\n"
            f"    expected {entry.sha256}\n"
            f"    computed {last.actual}",
            notes=tuple(more) + (notes if len(notes) > len(wrong) else ()),
            hint=f'if the new content is right: SRC_URI[{entry.checksum_flag}] = "{last.actual}"',
        )
    )


def _without_checksum(entry: SourceEntry, settings: FetchSettings, report: Report) -> HadronbakeError:
    """Says the checksum of what is there or can be fetched. The file is kept, so that it needn't be fetched again when the
    recipe has the checksum, but it is not given out."""
    plain = settings.downloads / entry.filename
    kept = plain.is_file() and store.recorded(plain) is None
    partial = settings.downloads / f"{entry.filename}.unverified.{os.getpid()}"
    reason = ""
    try:
        for place in [] if kept else places(entry, settings):
            try:
                _bring(place, entry, partial, settings, report)
            except (Unavailable, HadronbakeError) as error:
                reason = reason or f"{place.url}: {error}"
                continue
            break
        file = plain if kept else partial
        if not file.is_file():
            notes = ((None, f"it can't be fetched either: {reason}"),)
            hint = f'say SRC_URI[{entry.checksum_flag}] = "…"'
            return HadronbakeError(Diagnostic("HBF030", f"no checksum for '{entry.uri}'", notes=notes, hint=hint))
        actual = store.sha256_of(file)
        if not plain.exists():
            file.replace(plain)
    finally:
        http.discard(partial)
    return HadronbakeError(
        Diagnostic(
            "HBF030",
            f"no checksum for '{entry.uri}'",
            notes=((None, f"what was fetched has {actual}"),),
            hint=f'when you trust it, say: SRC_URI[{entry.checksum_flag}] = "{actual}"',
        )
    )
