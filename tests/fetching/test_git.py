"""git:// from local repositories."""

import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hadronbake.diagnostics import HadronbakeError
from hadronbake.fetching.fetcher import fetch
from hadronbake.fetching.model import FetchedFile, FetchEvent, FetchSettings
from hadronbake.fetching.uri import parse_mirrors, source_entries

Report = Callable[[FetchEvent], None]


def git(directory: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(
        ["git", *identity, *words], cwd=directory, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "upstream" / "tool"
    (path / "sub/dir").mkdir(parents=True)
    git(path, "init", "-q")
    (path / "a").write_text("one\n")
    (path / "sub/dir/b").write_text("two\n")
    git(path, "add", ".")
    git(path, "commit", "-q", "-m", "first")
    return path


def get(uri: str, settings: FetchSettings, report: Report) -> FetchedFile:
    (result,) = fetch(source_entries(uri, {}), settings, report)
    return result


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {item.name: tar.extractfile(item).read() for item in tar if item.isfile()}  # type: ignore[union-attr]


def test_tree_of_a_commit(repository: Path, settings: FetchSettings, report: Report, events: list[FetchEvent]) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "a").write_text("changed\n")
    git(repository, "commit", "-q", "-a", "-m", "second")
    uri = f"git://{repository};protocol=file;rev={first}"
    result = get(uri, settings, report)
    assert members(result.path) == {"git/a": b"one\n", "git/sub/dir/b": b"two\n"}
    events.clear()
    repository.rename(repository.with_name("gone"))
    assert get(uri, settings, report) == result
    assert [event.kind for event in events] == ["present"]


def test_same_bytes_elsewhere_and_later(
    repository: Path, settings: FetchSettings, report: Report, tmp_path: Path
) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    for parameters in ("", ";subpath=sub/dir", ";destsuffix=x"):
        uri = f"git://{repository};protocol=file;rev={commit}{parameters}"
        one = get(uri, settings, report)
        two = get(uri, settings.model_copy(update={"downloads": tmp_path / "other"}), report)
        assert one.digest == two.digest
        assert one.path != two.path
        assert one.path.read_bytes() == two.path.read_bytes()


def test_subpath(repository: Path, settings: FetchSettings, report: Report) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    result = get(f"git://{repository};protocol=file;rev={commit};subpath=sub;destsuffix=tool", settings, report)
    assert members(result.path) == {"tool/dir/b": b"two\n"}
    with pytest.raises(HadronbakeError, match="HBF025"):
        get(f"git://{repository};protocol=file;rev={commit};subpath=none", settings, report)


@pytest.mark.parametrize("mirror", ["file://{0}", "file://{1}/", "git://{0};protocol=file"])
def test_premirror(repository: Path, settings: FetchSettings, report: Report, mirror: str) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    target = mirror.format(repository, repository.parent)
    chosen = settings.model_copy(
        update={"offline": True, "premirrors": parse_mirrors(f"git://example.org/.* {target}")}
    )
    result = get(f"git://example.org/x/tool;protocol=https;rev={commit}", chosen, report)
    assert "git/a" in members(result.path)


def test_repository_without_the_commit(repository: Path, settings: FetchSettings, report: Report) -> None:
    with pytest.raises(HadronbakeError) as caught:
        get(f"git://{repository};protocol=file;rev={'1' * 40}", settings, report)
    assert [item.code for item in caught.value.diagnostics] == ["HBF023"]
    (repository / "a").write_text("changed\n")
    git(repository, "commit", "-q", "-a", "-m", "second")
    commit = git(repository, "rev-parse", "HEAD")
    assert (
        members(get(f"git://{repository};protocol=file;rev={commit}", settings, report).path)["git/a"] == b"changed\n"
    )


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (
            "",
            "error[HBF020]: no commit is given for 'git://example.org/x;protocol=https'\n"
            "  = hint: add ;rev=<commit id of 40 digits>, or set SRCREV",
        ),
        (
            ";rev=main",
            "error[HBF021]: 'main' is not a full commit id, in 'git://example.org/x;protocol=https;rev=main'\n"
            "  = hint: a tag or branch may change: git ls-remote https://example.org/x names commits",
        ),
        (
            ";tag=v1",
            "error[HBF021]: 'v1' is not a full commit id, in 'git://example.org/x;protocol=https;tag=v1'\n"
            "  = hint: a tag or branch may change: git ls-remote https://example.org/x names commits",
        ),
        (
            ";rev=0123456789",
            "error[HBF021]: '0123456789' is not a full commit id, in 'git://example.org/x;protocol=https;rev=0123456789'\n"
            "  = hint: it is shortened: git ls-remote https://example.org/x names commits",
        ),
    ],
)
def test_only_full_commits(settings: FetchSettings, report: Report, parameters: str, text: str) -> None:
    with pytest.raises(HadronbakeError) as caught:
        get(f"git://example.org/x;protocol=https{parameters}", settings, report)
    assert str(caught.value) == text
