"""``git://``: the tree of one commit, as a tar file that is the same wherever it is made.

Only a full commit id is taken: it names the content, so no checksum is needed. The repository is kept bare below the
download directory, with the commits that were asked for.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from hadronbake.diagnostics import HadronbakeError
from hadronbake.fetching import store
from hadronbake.fetching.command import last_words, run
from hadronbake.fetching.model import FetchEvent, FetchSettings, Report, Unavailable
from hadronbake.fetching.uri import SourceEntry

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PROTOCOLS = ("git", "https", "http", "ssh", "file")
_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/false", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}


def commit_of(entry: SourceEntry) -> str:
    """The commit id (HBF020 if there is none, HBF021 if it is something else)."""
    revision = entry.parameters.get("rev", "")
    named = revision or entry.parameters.get("tag", "")
    if not named:
        raise HadronbakeError.of(
            "HBF020", f"no commit is given for '{entry.uri}'", hint="add ;rev=<commit id of 40 digits>, or set SRCREV"
        )
    if not _COMMIT.fullmatch(revision):
        what = "a tag or branch may change" if not re.fullmatch("[0-9a-f]{7,39}", revision) else "it is shortened"
        raise HadronbakeError.of(
            "HBF021",
            f"'{named}' is not a full commit id, in '{entry.uri}'",
            hint=f"{what}: git ls-remote {repository_url(entry)} names commits",
        )
    return revision


def repository_url(entry: SourceEntry) -> str:
    """What git is asked for: the URI's scheme is in ``;protocol=``. HBF022: unknown protocol."""
    protocol = entry.parameters.get("protocol", "file" if entry.scheme == "file" else "git")
    if protocol not in _PROTOCOLS:
        raise HadronbakeError.of(
            "HBF022", f"unknown protocol '{protocol}' in '{entry.uri}'", hint=", ".join(_PROTOCOLS)
        )
    if protocol == "file":
        return entry.path
    user = f"{entry.user}@" if entry.user else ""
    return f"{protocol}://{user}{entry.host}{entry.path}"


def archive_name(entry: SourceEntry) -> str:
    """The name of the tar file in the download directory: it names all that its content depends on."""
    commit = commit_of(entry)
    stem = PurePosixPath(entry.path).name.removesuffix(".git")
    layout = "\0".join((_prefix(entry), _subpath(entry)))
    mark = "" if layout == "git/\0" else f"-{hashlib.sha256(layout.encode()).hexdigest()[:8]}"
    return f"git-{stem}-{commit}{mark}.tar"


def _prefix(entry: SourceEntry) -> str:
    return entry.parameters.get("destsuffix", "git").strip("/") + "/"


def _subpath(entry: SourceEntry) -> str:
    return entry.parameters.get("subpath", "").strip("/")


def fetch_archive(
    entry: SourceEntry, candidates: list[SourceEntry], settings: FetchSettings, report: Report
) -> tuple[Path, str]:
    """The tar file and its checksum; ``candidates`` are where the repository may be, in order. The tree's top is
    ``;destsuffix=`` (by default ``git``), or what is below ``;subpath=`` in it. HBF023: no place has the commit."""
    commit = commit_of(entry)
    name = archive_name(entry)
    target = settings.downloads / name
    if (known := store.recorded(target)) is not None:
        report(FetchEvent(kind="present", uri=entry.uri))
        return target, known
    repository = settings.downloads / "git" / _directory(entry)
    with store.locked(
        settings.downloads, f"git-{repository.name}", lambda: report(FetchEvent(kind="waiting", uri=entry.uri))
    ):
        if (known := store.recorded(target)) is not None:
            report(FetchEvent(kind="present", uri=entry.uri))
            return target, known
        if not _has(repository, commit):
            _get_commit(entry, commit, repository, candidates, settings, report)
        digest = _archive(entry, commit, repository, target)
    report(FetchEvent(kind="done", uri=entry.uri, done=target.stat().st_size))
    return target, digest


def _directory(entry: SourceEntry) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", ".", f"{entry.host}{entry.path}").strip(".")


def _git(
    repository: Path, *words: str, stall_seconds: float = 600.0, environment: Mapping[str, str] | None = None
) -> str:
    status, output = run(
        ["git", "-c", "safe.directory=*", "-c", "gc.auto=0", f"--git-dir={repository}", *words],
        stall_seconds=stall_seconds,
        environment={**_ENVIRONMENT, **(environment or {})},
    )
    if status:
        raise Unavailable(last_words(output))
    return output


def _has(repository: Path, commit: str) -> bool:
    """Whether the commit is there with its whole tree: a ref is set only after all has come."""
    if not (repository / "HEAD").exists():
        return False
    try:
        _git(repository, "rev-parse", "--verify", "--quiet", f"refs/hadronbake/{commit}^{{commit}}")
    except Unavailable:
        return False
    return True


def _get_commit(
    entry: SourceEntry,
    commit: str,
    repository: Path,
    candidates: list[SourceEntry],
    settings: FetchSettings,
    report: Report,
) -> None:
    if not (repository / "HEAD").exists():
        repository.mkdir(parents=True, exist_ok=True)
        _git(repository, "init", "--quiet", "--bare", *(("--object-format=sha256",) if len(commit) == 64 else ()))
    (repository / "shallow.lock").unlink(missing_ok=True)
    failures: list[tuple[None, str]] = []
    for candidate in candidates:
        url = repository_url(candidate)
        if settings.offline and not url.startswith("/"):
            failures.append((None, f"{url}: not asked, the network is off"))
            continue
        for reference in _references(url):
            report(FetchEvent(kind="start", uri=entry.uri, url=reference))
            try:
                _pull(reference, commit, repository, settings)
                return
            except Unavailable as error:
                failures.append((None, f"{reference}: {error}"))
    raise HadronbakeError.of(
        "HBF023",
        "\n".join(
            [f"no repository has the commit {commit} of '{entry.uri}'", *(f"    {text}" for _, text in failures)]
        ),
        hint="is the commit still on a branch or tag there?"
        if any("our ref" in text for _, text in failures)
        else None,
    )


def _references(url: str) -> list[str]:
    """A local mirror may be a bare repository, one with a work tree, or have its name with .git."""
    if not url.startswith("/"):
        return [url]
    places = [url, f"{url.rstrip('/')}/.git", f"{url.rstrip('/')}.git", url.removesuffix(".git")]
    there = [place for place in places if (Path(place) / "HEAD").is_file()]
    return [f"file://{place}" for place in there[:1]] or [f"file://{url}"]


def _pull(url: str, commit: str, repository: Path, settings: FetchSettings) -> None:
    """First the commit alone; where a server refuses that, everything it has."""
    only = ["fetch", "--progress", "--no-tags", "--force", "--depth=1", url, commit]
    everything = ["fetch", "--progress", "--no-tags", "--force", url, "+refs/*:refs/all/*"]
    try:
        _git(repository, *only, stall_seconds=settings.stall_seconds)
    except Unavailable as error:
        if "stalled" in str(error) or "resolve host" in str(error):
            raise
        _git(repository, *everything, stall_seconds=settings.stall_seconds)
    _git(repository, "update-ref", f"refs/hadronbake/{commit}", f"{commit}^{{commit}}")


def _archive(entry: SourceEntry, commit: str, repository: Path, target: Path) -> str:
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    subpath = _subpath(entry)
    words = ["-c", "tar.umask=0022", "archive", "--format=tar", f"--prefix={_prefix(entry)}", f"--output={temporary}"]
    try:
        _git(repository, *words, _packed(entry, commit, subpath, repository))
        digest = store.sha256_of(temporary)
        if entry.sha256 is not None and entry.sha256 != digest:
            raise HadronbakeError.of(
                "HBF031",
                f"wrong checksum of the tree of '{entry.uri}'\n    expected {entry.sha256}\n    computed {digest}",
            )
        store.finish(temporary, target, digest)
    except Unavailable as error:
        raise HadronbakeError.of("HBF024", f"git can't pack '{entry.uri}': {error}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return digest


def _packed(entry: SourceEntry, commit: str, subpath: str, repository: Path) -> str:
    """The commit to pack. For a directory, one made of it with the same time: of a bare tree git packs the present time."""
    if not subpath:
        return commit
    try:
        kind = _git(repository, "cat-file", "-t", f"{commit}:{subpath}").strip()
    except Unavailable:
        kind = ""
    if kind != "tree":
        raise HadronbakeError.of("HBF025", f"the commit has no directory '{subpath}', in '{entry.uri}'")
    date = _git(repository, "show", "--no-patch", "--format=%ct", commit).strip() + " +0000"
    names = {f"GIT_{who}_{what}": "hadronbake" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    words = ("commit-tree", "-m", subpath, f"{commit}:{subpath}")
    return _git(repository, *words, environment={**names, **dates}).strip()
