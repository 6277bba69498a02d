"""Fetching against a server in this process: what is asked of it, and what is left in the download directory."""

import hashlib
import multiprocessing
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from serving import Site, wait_until

from hadronbake.diagnostics import HadronbakeError
from hadronbake.fetching.fetcher import fetch
from hadronbake.fetching.model import FetchedFile, FetchEvent, FetchSettings
from hadronbake.fetching.uri import parse_mirrors, source_entries

# The same in every process that imports this module.
CONTENT = random.Random(1).randbytes(300_000)
SUM = hashlib.sha256(CONTENT).hexdigest()
Report = Callable[[FetchEvent], None]


def get(site: Site, settings: FetchSettings, report: Report, sha256: str = SUM, path: str = "/a.tar.gz") -> FetchedFile:
    (result,) = fetch(source_entries(site.url(path), {"sha256sum": sha256}), settings, report)
    return result


def names(settings: FetchSettings) -> set[str]:
    return {item.name for item in settings.downloads.iterdir() if not item.name.startswith(".")}


def test_fetch_and_second_fetch(site: Site, settings: FetchSettings, report: Report, events: list[FetchEvent]) -> None:
    site.files["/a.tar.gz"] = CONTENT
    result = get(site, settings, report)
    assert result.path.read_bytes() == CONTENT
    assert (result.digest, result.size) == (SUM, len(CONTENT))
    assert names(settings) == {"a.tar.gz", "a.tar.gz.done"}
    assert [event.done for event in events if event.kind == "progress"][-1] == len(CONTENT)
    assert get(site, settings, report).path == result.path
    assert len(site.requests) == 1


def test_unchanged_file_is_not_read_again(
    site: Site, settings: FetchSettings, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files["/a.tar.gz"] = CONTENT
    get(site, settings, report)

    def never(path: Path) -> str:
        raise AssertionError(path)

    monkeypatch.setattr("hadronbake.fetching.store.sha256_of", never)
    get(site, settings, report)


def test_damaged_file_is_set_aside_and_fetched_again(site: Site, settings: FetchSettings, report: Report) -> None:
    site.files["/a.tar.gz"] = CONTENT
    path = get(site, settings, report).path
    damaged = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    path.write_bytes(damaged)
    path.with_name("a.tar.gz.done").unlink()
    assert get(site, settings, report).path.read_bytes() == CONTENT
    assert f"a.tar.gz.bad-{hashlib.sha256(damaged).hexdigest()[:12]}" in names(settings)


def test_file_put_there_by_hand_is_taken(site: Site, settings: FetchSettings, report: Report) -> None:
    settings.downloads.mkdir()
    (settings.downloads / "a.tar.gz").write_bytes(CONTENT)
    get(site, settings, report)
    assert site.requests == []


def test_same_name_other_content(site: Site, settings: FetchSettings, report: Report) -> None:
    other = b"other"
    site.files |= {"/1/a.tar.gz": CONTENT, "/2/a.tar.gz": other}
    first = get(site, settings, report, path="/1/a.tar.gz")
    second = get(site, settings, report, hashlib.sha256(other).hexdigest(), "/2/a.tar.gz")
    assert (first.path.read_bytes(), second.path.read_bytes()) == (CONTENT, other)
    get(site, settings, report, path="/1/a.tar.gz")
    get(site, settings, report, hashlib.sha256(other).hexdigest(), "/2/a.tar.gz")
    assert len(site.requests) == 2


def test_goes_on_after_a_cut(site: Site, settings: FetchSettings, report: Report, events: list[FetchEvent]) -> None:
    site.files["/a.tar.gz"] = CONTENT
    site.trouble["/a.tar.gz"] = ["cut"]
    assert get(site, settings, report).path.read_bytes() == CONTENT
    assert [asked for _, asked in site.requests] == [None, "bytes=150000-"]
    assert [event.done for event in events if event.kind == "retry"] == [150_000]


def test_many_cuts_that_bring_us_forward_are_no_failure(site: Site, settings: FetchSettings, report: Report) -> None:
    content = os.urandom(2_000_000)
    site.files["/a.tar.gz"] = content
    site.trouble["/a.tar.gz"] = ["cut"] * 4
    assert get(site, settings, report, hashlib.sha256(content).hexdigest()).path.read_bytes() == content
    assert len(site.requests) == 5 > settings.attempts


def test_starts_anew_if_the_server_ignores_the_range(site: Site, settings: FetchSettings, report: Report) -> None:
    site.files["/a.tar.gz"] = CONTENT
    site.trouble["/a.tar.gz"] = ["cut", "ignore-range"]
    assert get(site, settings, report).path.read_bytes() == CONTENT


def test_starts_anew_without_a_validator(site: Site, settings: FetchSettings, report: Report) -> None:
    site.validators = False
    site.files["/a.tar.gz"] = CONTENT
    site.trouble["/a.tar.gz"] = ["cut"]
    assert get(site, settings, report).path.read_bytes() == CONTENT
    assert [asked for _, asked in site.requests] == [None, None]


def test_goes_on_with_what_an_earlier_run_left(site: Site, settings: FetchSettings, report: Report) -> None:
    site.files["/a.tar.gz"] = CONTENT
    site.trouble["/a.tar.gz"] = ["cut", "500", "500", "500"]
    with pytest.raises(HadronbakeError):
        get(site, settings, report)
    get(site, settings, report)
    assert site.requests[-1][1] == "bytes=150000-"


def test_what_an_earlier_run_left_may_be_of_other_content(site: Site, settings: FetchSettings, report: Report) -> None:
    site.files["/a.tar.gz"] = CONTENT
    site.trouble["/a.tar.gz"] = ["cut", "500", "500", "500"]
    with pytest.raises(HadronbakeError):
        get(site, settings, report)
    with (settings.downloads / "a.tar.gz.part").open("r+b") as file:
        file.write(b"damaged")
    assert get(site, settings, report).path.read_bytes() == CONTENT
    assert names(settings) == {"a.tar.gz", "a.tar.gz.done"}


def test_stall(site: Site, settings: FetchSettings, report: Report, events: list[FetchEvent]) -> None:
    site.files["/a.tar.gz"] = CONTENT
    site.trouble["/a.tar.gz"] = ["stall"]
    assert get(site, settings, report).path.read_bytes() == CONTENT
    assert [event.message for event in events if event.kind == "retry"] == [
        "stalled: nothing came for 0.5 s; again in 0.01 s"
    ]


def test_passing_errors(site: Site, settings: FetchSettings, report: Report) -> None:
    site.files["/a.tar.gz"] = CONTENT
    site.trouble["/a.tar.gz"] = ["500", "503"]
    get(site, settings, report)
    assert len(site.requests) == 3


def test_text_when_nothing_has_it(site: Site, settings: FetchSettings, report: Report) -> None:
    mirrors = parse_mirrors(f"http://.*/.* {site.url('/m/')}")
    site.trouble["/a.tar.gz"] = ["500"] * 9
    with pytest.raises(HadronbakeError) as caught:
        get(site, settings.model_copy(update={"mirrors": mirrors}), report)
    assert str(caught.value).replace(site.address, "HOST") == (
        "error[HBF032]: 'http://HOST/a.tar.gz' can't be fetched\n"
        "  = note: http://HOST/a.tar.gz: HTTP status 500, 3 times\n"
        "  = note: http://HOST/m/a.tar.gz: HTTP status 404 Not Found"
    )
    assert [path for path, _ in site.requests] == ["/a.tar.gz"] * 3 + ["/m/a.tar.gz"]


def test_text_of_a_wrong_checksum(site: Site, settings: FetchSettings, report: Report) -> None:
    site.files["/a.tar.gz"] = CONTENT
    with pytest.raises(HadronbakeError) as caught:
        get(site, settings, report, "0" * 64)
    aside = settings.downloads / f"a.tar.gz.bad-{SUM[:12]}"
    assert str(caught.value) == (
        f"error[HBF031]: wrong checksum of 'a.tar.gz' from {site.url('/a.tar.gz')}\n"
        f"    expected {'0' * 64}\n"
        f"    computed {SUM}\n"
        f"  = note: kept aside: {aside}\n"
        f'  = hint: if the new content is right: SRC_URI[sha256sum] = "{SUM}"'
    )
    assert names(settings) == {aside.name}
    assert aside.read_bytes() == CONTENT


def test_text_without_checksum(site: Site, settings: FetchSettings, report: Report) -> None:
    site.files["/a.tar.gz"] = CONTENT
    for _ in range(2):
        with pytest.raises(HadronbakeError) as caught:
            fetch(source_entries(site.url("/a.tar.gz;name=x"), {}), settings, report)
        assert str(caught.value) == (
            f"error[HBF030]: no checksum for '{site.url('/a.tar.gz;name=x')}'\n"
            f"  = note: what was fetched has {SUM}\n"
            f'  = hint: when you trust it, say: SRC_URI[x.sha256sum] = "{SUM}"'
        )
    get(site, settings, report)
    assert len(site.requests) == 1


def test_next_place_after_a_wrong_checksum(site: Site, settings: FetchSettings, report: Report) -> None:
    site.files |= {"/pre/a.tar.gz": b"wrong", "/a.tar.gz": CONTENT}
    premirrors = parse_mirrors(f"http://.*/.* {site.url('/pre/')}")
    get(site, settings.model_copy(update={"premirrors": premirrors}), report)
    assert [path for path, _ in site.requests] == ["/pre/a.tar.gz", "/a.tar.gz"]
    assert names(settings) == {"a.tar.gz", "a.tar.gz.done", f"a.tar.gz.bad-{hashlib.sha256(b'wrong').hexdigest()[:12]}"}


def test_order_of_places(
    site: Site, settings: FetchSettings, report: Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    monkeypatch.setenv("PATH", str(tmp_path))
    chosen = settings.model_copy(
        update={
            "premirrors": parse_mirrors(f"http://.*/.* {site.url('/pre/')}"),
            "mirrors": parse_mirrors(f"http://.*/.* {site.url('/post/')}"),
            "debsrc": {SUM: "debsrc://a/trixie/a_1.orig.tar.gz"},
        }
    )
    site.files["/post/a.tar.gz"] = CONTENT
    fetch(
        source_entries(site.url("/a.tar.gz"), {"sha256sum": SUM}),
        chosen,
        lambda event: asked.append(event.url.removeprefix(site.url(""))) if event.kind == "next" else None,
    )
    assert asked == ["/pre/a.tar.gz", "debsrc://a/trixie/a_1.orig.tar.gz", "/a.tar.gz"]
    assert [path for path, _ in site.requests] == ["/pre/a.tar.gz", "/a.tar.gz", "/post/a.tar.gz"]


def test_offline_takes_local_mirrors_only(site: Site, settings: FetchSettings, report: Report, tmp_path: Path) -> None:
    site.files["/a.tar.gz"] = CONTENT
    offline = settings.model_copy(update={"offline": True})
    with pytest.raises(HadronbakeError, match="the network is off"):
        get(site, offline, report)
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/a.tar.gz").write_bytes(CONTENT)
    mirror = {"premirrors": parse_mirrors(f"http://.*/.* file://{tmp_path}/mirror/")}
    get(site, offline.model_copy(update=mirror), report)
    assert site.requests == []


def test_all_failures_are_told(site: Site, settings: FetchSettings, report: Report) -> None:
    site.files["/b"] = b"b"
    text = f"{site.url('/a')} {site.url('/b')};name=b file://c"
    with pytest.raises(HadronbakeError) as caught:
        fetch(source_entries(text, {"sha256sum": SUM, "b.sha256sum": "1" * 64}), settings, report)
    assert [item.code for item in caught.value.diagnostics] == ["HBF032", "HBF031", "HBF010"]


def _in_process(url: str, settings: FetchSettings) -> None:
    fetch(source_entries(url, {"sha256sum": SUM}), settings, lambda event: None)


def test_two_processes_fetch_once(site: Site, settings: FetchSettings) -> None:
    site.files["/a.tar.gz"] = CONTENT
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_in_process, args=(site.url("/a.tar.gz"), settings)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(30)
        assert process.exitcode == 0
    assert len(site.requests) == 1


def test_waiting_for_another_is_said(site: Site, settings: FetchSettings, events: list[FetchEvent]) -> None:
    settings = settings.model_copy(update={"stall_seconds": 5.0})
    site.files["/a.tar.gz"] = CONTENT
    site.trouble["/a.tar.gz"] = ["stall"]
    first = threading.Thread(target=_in_process, args=(site.url("/a.tar.gz"), settings))
    first.start()
    wait_until(lambda: bool(site.requests))
    second = threading.Thread(target=get, args=(site, settings, events.append))
    second.start()
    wait_until(lambda: any(event.kind == "waiting" for event in events))
    site.released.set()
    first.join(10)
    second.join(10)
    assert [event.kind for event in events] == ["waiting", "present"]


def test_local_files(settings: FetchSettings, report: Report, tmp_path: Path) -> None:
    (tmp_path / "b/dir").mkdir(parents=True)
    (tmp_path / "b/dir/x").write_text("1")
    (tmp_path / "b/fix.patch").write_text("2")
    chosen = settings.model_copy(update={"filespath": (tmp_path / "a", tmp_path / "b")})
    one, two = fetch(source_entries("file://fix.patch;apply=no file://dir", {"sha256sum": SUM}), chosen, report)
    assert one.path == tmp_path / "b/fix.patch"
    assert one.digest == hashlib.sha256(b"2").hexdigest()
    (tmp_path / "b/dir/x").rename(tmp_path / "b/dir/y")
    (again,) = fetch(source_entries("file://dir", {}), chosen, report)
    assert again.digest != two.digest
    with pytest.raises(HadronbakeError) as caught:
        fetch(source_entries("file://fix.patsh", {}), chosen, report)
    assert str(caught.value) == (
        "error[HBF010]: 'file://fix.patsh' was not found\n"
        f"  = note: searched {tmp_path}/a/fix.patsh\n"
        f"  = note: searched {tmp_path}/b/fix.patsh\n"
        "  = hint: did you mean 'fix.patch'?"
    )
