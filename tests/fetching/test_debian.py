"""debsrc:// with programs that stand for apt, and what is made of the machine's configuration."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hadronbake.diagnostics import HadronbakeError
from hadronbake.fetching.debian import configured, source_lines
from hadronbake.fetching.fetcher import fetch
from hadronbake.fetching.model import FetchEvent, FetchSettings, Unavailable
from hadronbake.fetching.uri import source_entries

Report = Callable[[FetchEvent], None]
CONTENT = b"the tarball"
SUM = hashlib.sha256(CONTENT).hexdigest()

DEB822 = """\
# a comment
Types: deb
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://archive.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: sid
Components: main
"""
FOREIGN = "Types: deb\nURIs: https://other.example/node\nSuites: nodistro\nComponents: main\nSigned-By: /k.gpg\n"
ONE_LINE = """\
deb [arch=amd64 signed-by=/k.gpg] https://other.example/debian-tools stable main
# deb http://archive.example/debian bullseye main
deb http://archive.example/debian bullseye main contrib # here
deb [trusted=yes] http://archive.example/security/debian-security bullseye-security main
deb http://archive.example/ubuntu jammy main
"""


def apt_root(tmp_path: Path, **files: str) -> Path:
    root = tmp_path / "etc"
    (root / "sources.list.d").mkdir(parents=True)
    for name, text in files.items():
        (root / "sources.list.d" / name.replace("_", ".")).write_text(text)
    return root


def test_deb822(tmp_path: Path) -> None:
    root = apt_root(tmp_path, debian_sources=DEB822, other_sources=FOREIGN)
    key = "[Signed-By=/usr/share/keyrings/debian-archive-keyring.gpg]".lower()
    assert source_lines(configured(root, tmp_path / "keys"), ["sid", "trixie"]) == [
        f"deb-src {key} http://archive.example/debian sid main",
        f"deb-src {key} http://archive.example/debian trixie main",
        f"deb-src {key} http://archive.example/debian-security trixie-security main",
    ]


def test_one_line_format(tmp_path: Path) -> None:
    root = apt_root(tmp_path)
    (root / "sources.list").write_text(ONE_LINE)
    found = configured(root, tmp_path / "keys")
    assert source_lines([item for item in found if "other" not in item.uri], ["trixie"]) == [
        "deb-src http://archive.example/debian trixie main",
        "deb-src [trusted=yes] http://archive.example/security/debian-security trixie-security main",
    ]
    assert not any("ubuntu" in item.uri for item in found)


def test_key_in_the_entry(tmp_path: Path) -> None:
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----"
    text = f"Types: deb\nURIs: http://a.example/debian\nSuites: trixie\nComponents: main\nSigned-By:{key}\n"
    (entry,) = configured(apt_root(tmp_path, x_sources=text), tmp_path / "keys")
    (name,) = [value for option, value in entry.options if option == "signed-by"]
    assert Path(name).read_text().splitlines()[:3] == ["-----BEGIN PGP PUBLIC KEY BLOCK-----", "", "mQINBF"]


def test_no_debian(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="not configured"):
        source_lines(configured(apt_root(tmp_path, x_sources=FOREIGN), tmp_path), ["trixie"])


SHOWSRC = f"""\
Package: tool
Binary: tool, libtool1
Version: 1.2-3
Checksums-Sha256:
 {SUM} {len(CONTENT)} tool_1.2.orig.tar.gz
 {"1" * 64} 10 tool_1.2-3.debian.tar.xz
Directory: pool/main/t/tool

"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: FetchSettings) -> FetchSettings:
    """Programs named apt-get and apt-cache that write down how they are called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (tmp_path / "showsrc").write_text(SHOWSRC)
    (tmp_path / "tarball").write_bytes(CONTENT)
    log = tmp_path / "calls"
    (programs / "apt-get").write_text(
        f'#!/bin/sh\nshift 2\necho "apt-get $*" >> {log}\n'
        f'case "$*" in *source*) cp {tmp_path}/tarball tool_1.2.orig.tar.gz;; esac\n'
    )
    (programs / "apt-cache").write_text(f'#!/bin/sh\nshift 2\necho "apt-cache $*" >> {log}\ncat {tmp_path}/showsrc\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return settings.model_copy(update={"apt_root": apt_root(tmp_path, debian_sources=DEB822)})


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()


def get(filename: str, settings: FetchSettings, report: Report, suite: str = "trixie") -> Path:
    (result,) = fetch(source_entries(f"debsrc://tool/{suite}/{filename}", {"sha256sum": SUM}), settings, report)
    return result.path


def test_fetch(apt: FetchSettings, report: Report, tmp_path: Path) -> None:
    assert get("tool_1.2.orig.tar.gz", apt, report).read_bytes() == CONTENT
    expected = [
        "apt-get -q update",
        "apt-cache showsrc --only-source tool",
        "apt-get -q source --download-only --tar-only --only-source tool=1.2-3",
    ]
    assert calls(tmp_path) == expected
    get("tool_1.2.orig.tar.gz", apt, report)
    assert calls(tmp_path) == expected
    private = apt.downloads / ".apt"
    assert "trixie-security" in (private / "sources.list").read_text()
    assert f'Dir::State "{private}/state";' in (private / "apt.conf").read_text()
    assert list(private.glob("get-*")) == []


def test_update_only_for_new_suites_or_after_a_day(apt: FetchSettings, report: Report, tmp_path: Path) -> None:
    def fetch_again(suite: str) -> int:
        for item in apt.downloads.glob("tool*"):
            item.unlink()
        get("tool_1.2.orig.tar.gz", apt, report, suite)
        return calls(tmp_path).count("apt-get -q update")

    assert [fetch_again(suite) for suite in ("trixie", "trixie", "sid", "trixie")] == [1, 1, 2, 2]
    os.utime(apt.downloads / ".apt/updated", (0, 0))
    assert fetch_again("trixie") == 3


def test_text_of_a_version_that_has_gone(apt: FetchSettings, report: Report, tmp_path: Path) -> None:
    with pytest.raises(HadronbakeError) as caught:
        get("tool_1.1.orig.tar.gz", apt, report)
    assert str(caught.value) == (
        "error[HBF041]: Debian's archive does not have tool_1.1.orig.tar.gz, for 'debsrc://tool/trixie/tool_1.1.orig.tar.gz'\n"
        "  = note: there is 1.2-3: tool_1.2.orig.tar.gz\n"
        "  = hint: take a version that is there, or fetch from upstream"
    )
    os.utime(apt.downloads / ".apt/updated", (0, (apt.downloads / ".apt/updated").stat().st_mtime - 3600))
    with pytest.raises(HadronbakeError):
        get("tool_1.1.orig.tar.gz", apt, report)
    assert calls(tmp_path).count("apt-get -q update") == 2


def test_other_content_in_the_archive_is_not_fetched(apt: FetchSettings, report: Report, tmp_path: Path) -> None:
    uri = "debsrc://tool/trixie/tool_1.2.orig.tar.gz"
    with pytest.raises(HadronbakeError, match=f"has the checksum {SUM}"):
        fetch(source_entries(uri, {"sha256sum": "2" * 64}), apt, report)
    assert not any("source " in call for call in calls(tmp_path) if call.startswith("apt-get"))


def test_identical_file_for_an_upstream_url(apt: FetchSettings, report: Report) -> None:
    chosen = apt.model_copy(update={"debsrc": {SUM: "debsrc://tool/trixie/tool_1.2.orig.tar.gz"}})
    (result,) = fetch(source_entries("https://tool.invalid/tool-1.2.tar.gz", {"sha256sum": SUM}), chosen, report)
    assert result.path.name == "tool-1.2.tar.gz"
    assert result.path.read_bytes() == CONTENT


def test_bad_place(apt: FetchSettings, report: Report) -> None:
    with pytest.raises(HadronbakeError, match="HBF040"):
        fetch(source_entries("debsrc://tool/tool_1.2.orig.tar.gz", {"sha256sum": SUM}), apt, report)


@pytest.mark.network
def test_real_archive(settings: FetchSettings, report: Report) -> None:
    sha256 = "2c44d1c5fd0d43752287c9ae1eb9c023f04ef848ea8d4aafa46e9aedb678200b"
    chosen = settings.model_copy(update={"stall_seconds": 120.0})
    uri = "debsrc://libaio/trixie/libaio_0.3.113.orig.tar.gz"
    (result,) = fetch(source_entries(uri, {"sha256sum": sha256}), chosen, report)
    assert result.size == 49980
