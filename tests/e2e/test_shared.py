"""A builder and a fresh machine with a remote between them, by the command line: what isn't built twice, and what a bad remote does."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from servers import Contents, http_server, reapi_server
from test_mini import Build, Outcome

pytestmark = pytest.mark.sandbox


class Machine(Build):
    """``trusted``: the public key that it believes; ``remote``: an entry of HB_CACHE_REMOTES."""

    def __init__(self, directory: Path, remote: str = "", trusted: str = "") -> None:
        super().__init__(directory, directory / "cache")
        with (self.topdir / "conf/local.conf").open("a") as file:
            file.write(f'HB_CACHE_REMOTES = "{remote}"\nHB_TRUSTED_KEYS = "{trusted}"\n')

    def key(self) -> str:
        return str(json.loads(self.command("keys", "new", "--json").stdout)["key"])


def warnings(outcome: Outcome) -> list[str]:
    return [item["text"] for item in outcome.events if item["event"] == "Message" and item["level"] == "warning"]


def remotes(outcome: Outcome) -> dict[str, float]:
    return next(item for item in outcome.events if item["event"] == "Remotes")


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``builder``: a machine that built mini-image; ``remote``: the directory that it shared it by."""
    directory = tmp_path_factory.mktemp("farm")
    (directory / "builder").mkdir()
    builder = Machine(directory / "builder", f"{directory}/remote;mode=rw")
    outcome = builder.good("mini-image")
    assert warnings(outcome) == []
    assert remotes(outcome)["sent"] == len(
        [item for item in (directory / "builder/cache/sstate/ac").rglob("*") if item.is_file()]
    )
    (directory / "key").write_text(builder.key())
    return directory


def images(farm: Path) -> dict[str, bytes]:
    deployed = farm / "builder/build/deploy/images/genericx86-64"
    return {path.name: path.read_bytes() for path in deployed.iterdir()}


@contextmanager
def shared(farm: Path, kind: str, contents: Contents) -> Iterator[str]:
    """A remote of the kind, with all that the builder has."""
    with ExitStack() as stack:
        if kind == "directory":
            yield str(farm / "remote")
            return
        url = stack.enter_context((http_server if kind == "http" else reapi_server)(contents))
        # The same build directory again: the layer must be where it was.
        done = Build.command(builder_of(farm), "cache", "push", "mini-image", "--to", url, "--json")
        assert done.returncode == 0, done.stderr
        (pushed,) = json.loads(done.stdout)
        assert pushed["sent"] > 5
        assert not pushed["failed"] and not pushed["incomplete"]
        yield url


def builder_of(farm: Path) -> Build:
    found = Build.__new__(Build)
    found.topdir, found.layer = farm / "builder/build", farm / "builder/mini"
    found.environment = {**os.environ, "HB_CACHE": str(farm / "builder/cache")}
    return found


def trees(machine: Build) -> int:
    """How many outputs have come into the store of a machine."""
    return sum(path.is_file() for path in (machine.topdir.parent / "cache/sstate/ac").rglob("*"))


@pytest.mark.parametrize("kind", ["directory", "http", "reapi"])
def test_a_fresh_machine_takes_the_image_alone_and_runs_nothing(farm: Path, tmp_path: Path, kind: str) -> None:
    contents = Contents()
    with shared(farm, kind, contents) as url:
        contents.log.clear()
        fresh = Machine(tmp_path, url, (farm / "key").read_text())
        outcome = fresh.good("mini-image")
        assert outcome.ran == set()
        assert warnings(outcome) == []
        assert fresh.images() == images(farm)
        # The image, not what it was made of.
        assert remotes(outcome)["trees"] == trees(fresh) == 1
        # A second time nobody is asked.
        contents.log.clear()
        assert fresh.good("mini-image").ran == set()
        assert contents.log == []


def test_what_is_needed_to_go_on_comes_when_it_is_needed(farm: Path, tmp_path: Path) -> None:
    fresh = Machine(tmp_path, str(farm / "remote"), (farm / "key").read_text())
    fresh.edit("recipes-greet/greet/files/Makefile", "-lgreet", "-lgreet -lm")
    outcome = fresh.good("mini-image")
    assert "greet:do_compile" in outcome.ran
    assert not any(label.startswith("libgreet:") for label in outcome.ran)
    assert remotes(outcome)["trees"] >= 1


def test_pull_gets_all_for_builds_without_a_remote(farm: Path, tmp_path: Path) -> None:
    fresh = Machine(tmp_path, "", (farm / "key").read_text())
    done = fresh.command("cache", "pull", "mini-image", "--from", str(farm / "remote"), "--json")
    assert done.returncode == 0, done.stderr
    pulled = json.loads(done.stdout)
    assert pulled["taken"] == trees(fresh) > 5
    assert (pulled["here"], pulled["missing"]) == (0, [])
    fresh.edit("recipes-greet/greet/files/Makefile", "-lgreet", "-lgreet -lm")
    assert not any(label.startswith("libgreet:") for label in fresh.good("mini-image").ran)


def test_without_trust_it_is_a_miss_said_once(farm: Path, tmp_path: Path) -> None:
    fresh = Machine(tmp_path, str(farm / "remote"))
    outcome = fresh.good("mini-image")
    assert "greet:do_compile" in outcome.ran
    key = (farm / "key").read_text()
    assert warnings(outcome) == [
        f"the remote {farm}/remote has records signed with the key {key[:16]}…, which isn't trusted: they don't count. "
        f"`hbake keys trust {key}` would trust it"
    ]
    assert fresh.images() == images(farm)


# All faults of all kinds are in tests/remotes; these are some, seen from the command line.
FAULTS = [
    ("http", "wrong bytes"),
    ("http", "500"),
    ("http", "close early"),
    ("http", "hang"),
    ("reapi", "long"),
    ("reapi", "hang"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "fault"), FAULTS)
def test_a_bad_remote_is_one_warning_and_a_build_here(farm: Path, tmp_path: Path, kind: str, fault: str) -> None:
    contents = Contents()
    with shared(farm, kind, contents) as url:
        contents.fault = fault
        # This server hangs for three seconds; a working one may take longer on a busy machine.
        timeout = 1 if fault == "hang" else 30
        fresh = Machine(tmp_path, f"{url};timeout={timeout}", (farm / "key").read_text())
        outcome = fresh.good("mini-image")
        assert fresh.images() == images(farm)
        (said,) = warnings(outcome)
        assert said.startswith(f"the remote {url} ")
        assert "greet:do_compile" in outcome.ran


def test_a_remote_that_lies_is_one_warning_and_a_build_here(farm: Path, tmp_path: Path) -> None:
    """Blobs of a directory that somebody has written over."""
    copy = tmp_path / "remote"
    shutil.copytree(farm / "remote", copy)
    for path in (copy / "cas").rglob("*"):
        if path.is_file() and (content := path.read_bytes()):
            path.chmod(0o644)
            path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    fresh = Machine(tmp_path, str(copy), (farm / "key").read_text())
    outcome = fresh.good("mini-image")
    assert fresh.images() == images(farm)
    (said,) = warnings(outcome)
    assert said.startswith(f"the remote {copy} ")
