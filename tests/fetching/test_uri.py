import pytest

from hadronbake.diagnostics import HadronbakeError
from hadronbake.fetching.uri import mirrored, parse_mirrors, parse_uri, source_entries

SUM = "0123456789abcdef" * 4


def test_parts() -> None:
    entry = parse_uri("https://me@example.org:8080/a/b-1.0.tar.gz?x=1;name=b;subdir=c;unpack=0")
    assert (entry.scheme, entry.user, entry.host, entry.path) == (
        "https",
        "me",
        "example.org:8080",
        "/a/b-1.0.tar.gz?x=1",
    )
    assert entry.parameters == {"name": "b", "subdir": "c", "unpack": "0"}
    assert entry.url == "https://me@example.org:8080/a/b-1.0.tar.gz?x=1"
    assert entry.filename == "b-1.0.tar.gz"


def test_download_file_name() -> None:
    assert parse_uri("https://example.org/v1.tar.gz;downloadfilename=b-1.tar.gz").filename == "b-1.tar.gz"
    assert parse_uri("https://example.org/a%2Bb.tar").filename == "a+b.tar"
    assert parse_uri("file://dir/a.patch").path == "dir/a.patch"
    assert parse_uri("file:///abs/a.patch").path == "/abs/a.patch"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a.patch", "HBF001"),
        ("https://", "HBF001"),
        ("https://example.org/", "HBF001"),
        ("https:///a", "HBF001"),
        ("htps://example.org/a", "HBF002"),
        ("https://example.org/a;unpack", "HBF003"),
        ("https://example.org/a;downloadfilename=../a", "HBF003"),
    ],
)
def test_not_a_uri(text: str, code: str) -> None:
    with pytest.raises(HadronbakeError) as caught:
        parse_uri(text)
    assert [item.code for item in caught.value.diagnostics] == [code]


def test_text_of_an_unknown_scheme() -> None:
    with pytest.raises(HadronbakeError) as caught:
        parse_uri("htps://example.org/a")
    assert str(caught.value) == (
        "error[HBF002]: unknown scheme 'htps' in SRC_URI: 'htps://example.org/a'\n  = hint: did you mean 'https://'?"
    )


def test_checksums() -> None:
    other = SUM.replace("0", "f")
    entries = source_entries(
        f"https://e.org/a https://e.org/b;name=bb https://e.org/c;sha256sum={other} file://d https://e.org/e;name=ee "
        "git://e.org/f;rev=x",
        {"sha256sum": SUM.upper(), "bb.sha256sum": other},
    )
    assert [entry.sha256 for entry in entries] == [SUM, other, other, None, None, None]
    assert [entry.checksum_flag for entry in entries[:2]] == ["sha256sum", "bb.sha256sum"]


def test_all_wrong_entries_are_told() -> None:
    with pytest.raises(HadronbakeError) as caught:
        source_entries("a https://e.org/b xx://c", {"sha256sum": "12"})
    assert [item.code for item in caught.value.diagnostics] == ["HBF001", "HBF004", "HBF002"]


def test_srcrev() -> None:
    (entry,) = source_entries("git://e.org/f;protocol=https", {}, SUM[:40])
    assert entry.parameters["rev"] == SUM[:40]


@pytest.mark.parametrize(
    ("uri", "mirrors", "expected"),
    [
        ("https://e.org/x/a.tar", "https?://.*/.* https://m.org/d/", ["https://m.org/d/a.tar"]),
        ("https://e.org/x/a.tar", "https?://.*/.* https://m.org/d/a.tar", ["https://m.org/d/a.tar"]),
        ("https://e.org/x/a.tar", "https://e.org/x/ https://m.org/y/", ["https://m.org/y/a.tar"]),
        ("https://e.org/x/a.tar", "https://e.org https://m.org", ["https://m.org/x/a.tar"]),
        ("https://e.org/x/a.tar", "http://.*/.* https://m.org/d/", []),
        ("https://e.org/x/a.tar", "https://f.org/.* https://m.org/d/", []),
        ("https://e.org/x/a.tar", "https://.*/.* https://m.org/HOST/PATH", ["https://m.org/e.org/x/a.tar"]),
        (
            "https://e.org/x/a.tar",
            r"https://.*/.* file:///srv \n https://.*/.* http://n/",
            ["file:///srv/a.tar", "http://n/a.tar"],
        ),
        (
            "https://e.org/v1.tar;downloadfilename=a-1.tar",
            "https://.*/.* http://m/",
            ["http://m/a-1.tar;downloadfilename=a-1.tar", "http://m/v1.tar;downloadfilename=a-1.tar"],
        ),
        ("git://e.org/x/r.git;protocol=https", "git://.*/.* file:///srv/r", ["file:///srv/r"]),
        ("git://e.org/x/r.git;protocol=https", "git://.*/.* file:///srv/", ["file:///srv/r.git"]),
        (
            "git://e.org/x/r;protocol=https",
            "git://e.org/x/r git:///srv/r;protocol=file",
            ["git:///srv/r;protocol=file"],
        ),
        ("git://e.org/x/r;protocol=https", "git://e.org/ git://m.org/y/", ["git://m.org/y/x/r;protocol=https"]),
    ],
)
def test_mirrors(uri: str, mirrors: str, expected: list[str]) -> None:
    assert [entry.uri for entry in mirrored(parse_uri(uri), parse_mirrors(mirrors))] == expected


def test_odd_mirrors() -> None:
    with pytest.raises(HadronbakeError, match="HBF005"):
        parse_mirrors("a b c")
