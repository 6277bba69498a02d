"""The layer tests/layers/mini, from recipes to an image, by the command line. Needs bubblewrap and a C compiler, no root, no network."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HBAKE = Path(sys.executable).with_name("hbake")

pytestmark = pytest.mark.sandbox


@dataclass
class Outcome:
    status: int
    events: list[dict[str, Any]]
    errors: str

    @property
    def ran(self) -> set[str]:
        return {item["label"] for item in self.events if item["event"] == "TaskFinished" and item["action"] == "run"}

    @property
    def finished(self) -> dict[str, Any]:
        return next(item for item in self.events if item["event"] == "Finished")


class Build:
    """A build directory with a copy of the mini layer that a test may change, and a cache of its own."""

    def __init__(self, directory: Path, cache: Path) -> None:
        self.topdir = directory / "build"
        self.layer = directory / "mini"
        self.environment = {**os.environ, "HB_CACHE": str(cache)}
        shutil.copytree(ROOT / "tests/layers/mini", self.layer)
        (self.topdir / "conf").mkdir(parents=True)
        (self.topdir / "conf/bblayers.conf").write_text(
            'BBPATH = "${TOPDIR}:${HADRONBAKE_DIR}"\nBBFILES ?= ""\n'
            f'BBLAYERS = "${{HADRONBAKE_DIR}}/layers/hadron-core {self.layer}"\n'
        )
        (self.topdir / "conf/local.conf").write_text('DISTRO = "mini"\n')

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [HBAKE, *arguments, "--build-dir", str(self.topdir)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def run(self, *arguments: str) -> Outcome:
        done = self.command("build", "--json", *arguments)
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return Outcome(done.returncode, events, done.stderr + done.stdout)

    def good(self, *arguments: str) -> Outcome:
        outcome = self.run(*arguments)
        assert outcome.status == 0, outcome.errors
        return outcome

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.layer / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def images(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.topdir / "deploy/images/genericx86-64").iterdir()}


GREET = "recipes-greet/greet/greet_1.0.bb"
LIBRARY = "recipes-greet/libgreet/libgreet_1.0.bb"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which mini-image was built once, for tests to copy."""
    directory = tmp_path_factory.mktemp("built")
    outcome = Build(directory, directory / "cache").good("mini-image")
    assert "mini-image:do_image" in outcome.ran
    return directory


@pytest.fixture
def warm(built: Path, tmp_path: Path) -> Build:
    """A build directory in which mini-image was built already, with a cache of its own."""
    shutil.copytree(built / "cache", tmp_path / "cache", symlinks=True)
    build = Build(tmp_path, tmp_path / "cache")
    outcome = build.good("mini-image")
    assert outcome.ran == set()
    return build


def test_the_image_has_what_the_recipes_say(built: Path) -> None:
    deploy = built / "build/deploy/images/genericx86-64"
    names = {path.name for path in deploy.iterdir()}
    assert {f"mini-image-genericx86-64.{end}" for end in ("rootfs.tar.zst", "ext4", "manifest.json")} <= names
    packages = json.loads((deploy / "mini-image-genericx86-64.manifest.json").read_text())["packages"]
    assert [item["name"] for item in packages] == ["greet", "host-libc", "libgreet"]
    shown = subprocess.run(
        ["debugfs", "-R", "cat /usr/share/said", str(deploy / "mini-image-genericx86-64.ext4")],
        capture_output=True,
        check=True,
    )
    assert shown.stdout == b"Hello from libgreet\n"


def test_a_second_build_runs_nothing(warm: Build) -> None:
    assert warm.good("mini-image").ran == set()


def test_without_its_build_directory_everything_is_restored(built: Path, warm: Build) -> None:
    images = warm.images()
    for name in ("deploy", "cache", "work", "logs", "sysroots"):
        shutil.rmtree(warm.topdir / name, ignore_errors=True)
    assert warm.good("mini-image").ran == set()
    assert warm.images() == images
    original = built / "build/deploy/images/genericx86-64"
    assert images == {path.name: path.read_bytes() for path in original.iterdir()}


def test_two_places_and_two_times_give_the_same_outputs(built: Path, tmp_path: Path) -> None:
    other = Build(tmp_path, tmp_path / "cache")
    assert "greet:do_compile" in other.good("mini-image").ran
    original = built / "build/deploy/images/genericx86-64"
    assert other.images() == {path.name: path.read_bytes() for path in original.iterdir()}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (GREET, "DEPENDS", "# a comment\nDEPENDS"),
        (LIBRARY, "that knows a greeting", "that knows greetings"),
        ("conf/distro/mini.conf", "INHERIT", "# another comment\nINHERIT"),
    ],
)
def test_what_has_no_influence_rebuilds_nothing(warm: Build, name: str, old: str, new: str) -> None:
    warm.edit(name, old, new)
    assert warm.good("mini-image").ran == set()
    assert "nothing changed since the last build" in warm.command("why", "mini-image").stdout


def test_a_changed_flag_rebuilds_the_recipe_and_nothing_after_equal_output(warm: Build) -> None:
    with (warm.layer / LIBRARY).open("a") as stream:
        stream.write('\nCFLAGS += "-DUNUSED"\n')
    text = warm.command("why", "mini-image").stdout
    assert "CFLAGS" in text
    assert f"{warm.layer / LIBRARY}:" in text
    ran = warm.good("mini-image").ran
    assert {"libgreet:do_compile", "libgreet:do_install"} <= ran
    assert {label.partition(":")[0] for label in ran} == {"libgreet"}
    assert not {"libgreet:do_package", "libgreet:do_populate_sysroot"} & ran


def test_a_changed_program_rebuilds_what_has_it(warm: Build) -> None:
    warm.edit(
        "recipes-greet/greet/files/greet-main.c",
        "#include <greet.h>",
        'const char version[] = "2";\n#include <greet.h>',
    )
    text = warm.command("why", "mini-image").stdout
    assert "greet-main.c" in text
    ran = warm.good("mini-image").ran
    assert {"greet:do_compile", "mini-image:do_rootfs", "mini-image:do_image"} <= ran
    assert not any(label.startswith(("libgreet:", "host-libc:")) for label in ran)


def test_every_kind_of_cause_is_named_with_its_place(warm: Build) -> None:
    recipe = warm.layer / GREET
    warm.edit(GREET, "oe_runmake install", "oe_runmake -s install")
    warm.edit(GREET, 'DEPENDS = "libgreet"', 'DEPENDS = ""')
    warm.edit(GREET, "    file://Makefile ", "    file://Makefile file://more.txt ")
    (recipe.parent / "files/more.txt").write_text("more\n")
    warm.edit("recipes-greet/greet/files/greet-main.c", "#include <greet.h>", "// new\n#include <greet.h>")
    with recipe.open("a") as stream:
        stream.write('SRC_URI[md5sum] = "1"\ndo_compile[cleandirs] = "${B}/o"\nLDFLAGS += "-s"\n')
    lines = recipe.read_text().splitlines()
    told = warm.command("why", "greet:do_install", "--json")
    causes = {cause["name"]: cause for cause in json.loads(told.stdout)["causes"]}
    for name, old, new, line in (
        ("do_install", "oe_runmake install", "oe_runmake -s install", "do_install() {"),
        ("do_compile[cleandirs]", None, "${B}/o", 'do_compile[cleandirs] = "${B}/o"'),
        ("LDFLAGS", "", "-s", 'LDFLAGS += "-s"'),
    ):
        cause = causes[name]
        assert old in cause["old"] if old is not None else cause["old"] is None
        assert new in cause["new"]
        assert cause["location"].startswith(f"{recipe}:{lines.index(line) + 1}")
    assert (causes["more.txt"]["kind"], causes["more.txt"]["old"]) == ("file", None)
    assert causes["greet-main.c"]["location"].startswith(str(recipe.parent / "files/greet-main.c"))
    assert causes["libgreet:do_populate_sysroot"]["new"] is None
    # The same, against the build before this one, and for a machine that has nothing but the records.
    named = set(causes)
    beside = json.loads(warm.command("diff", "@-1", "greet:do_install", "--json").stdout)["causes"]
    assert {cause["name"] for cause in beside} == named
    shutil.rmtree(warm.topdir / "cache")
    anew = json.loads(warm.command("why", "greet:do_install", "--json").stdout)
    assert {cause["name"] for cause in anew["causes"]} == named
    assert anew["shared"] is None


def test_between_two_builds_the_recipes_still_say_where(warm: Build) -> None:
    recipe = warm.layer / GREET
    append = recipe.with_suffix(".bbappend")
    with recipe.open("a") as stream:
        stream.write('WORDS = "one two"\nLETTERS = "a"\ndo_install:append() {\n    : ${WORDS} ${LETTERS}\n}\n')
    (recipe.parent / "mini-tool.bb").write_text('LICENSE = "MIT"\nINHIBIT_DEFAULT_DEPS = "1"\nBASEDEPENDS = ""\n')
    warm.good("greet:do_install")
    append.write_text(
        'LDFLAGS:append = " -g"\nDEPENDS += "mini-tool"\ndo_install[network] = "1"\n'
        'LETTERS[vardepvalue] = "any"\nWORDS:remove = "two"\n'
    )
    warm.good("greet:do_install")

    def places() -> dict[str, str]:
        told = json.loads(warm.command("diff", "@2", "@3", "--json").stdout)
        return {cause["name"]: cause["location"] for cause in told["causes"]}

    assert places() == {
        "LDFLAGS": f"{append}:1",
        "mini-tool:do_populate_sysroot": f"{append}:2",
        "do_install[network]": f"{append}:3",
        "LETTERS": f"{append}:4",
        "WORDS": f"{append}:5",
    }
    # They don't say it any more: what the records know.
    append.unlink()
    assert len(places()) == 5
    recipe.write_text("inherit nothing-like-it\n")
    assert places()["mini-tool:do_populate_sysroot"] is None


def test_a_failing_task_says_where_to_look(warm: Build) -> None:
    warm.edit(GREET, "oe_runmake install", "echo the last words\n    false && oe_runmake install")
    done = warm.command("build", "greet")
    assert done.returncode == 1
    text = done.stderr + done.stdout
    assert "the last words" in text
    assert str(warm.topdir / "logs/greet/do_install.log") in text
    assert "hbake shell greet:do_install" in text
    warm.edit(GREET, "    false && oe_runmake install", "    oe_runmake install")
    assert "greet:do_install" in warm.good("greet").ran


def test_a_dry_run_changes_nothing(warm: Build) -> None:
    warm.edit(GREET, 'SUMMARY = "A program that greets"', 'SUMMARY = "x"\nCFLAGS += "-DX"')
    done = warm.command("build", "-n", "mini-image")
    assert done.returncode == 0
    assert "would run greet:do_compile" in done.stdout
    assert "greet:do_compile" in warm.good("mini-image").ran


def test_one_task_and_force(warm: Build) -> None:
    outcome = warm.good("-c", "compile", "-f", "greet")
    assert "greet:do_compile" in outcome.ran
    assert "greet:do_install" not in outcome.ran
    assert (warm.topdir / "work/greet/sources/greet").is_file()


def test_a_clear_word_for_a_wrong_target(warm: Build) -> None:
    done = warm.command("build", "mini-imaeg")
    assert done.returncode == 1
    assert "nothing provides mini-imaeg" in done.stderr
    assert "did you mean mini-image?" in done.stderr
