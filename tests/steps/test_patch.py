"""do_patch: order, strictness, and what is said of a patch that fails."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hadronbake.diagnostics import HadronbakeError
from hadronbake.steps import hunks, patch

LINES = [f"line {number}" for number in range(1, 31)]


def diff(name: str, start: int, old: list[str], new: list[str], before: list[str], after: list[str]) -> str:
    count = len(before) + len(after)
    body = [f" {x}" for x in before] + [f"-{x}" for x in old] + [f"+{x}" for x in new] + [f" {x}" for x in after]
    header = f"@@ -{start},{count + len(old)} +{start},{count + len(new)} @@"
    return "\n".join([f"--- a/{name}", f"+++ b/{name}", header, *body, ""])


def change(number: int, new: str = "changed", name: str = "file.c", context: list[str] | None = None) -> str:
    """A patch that changes line ``number``; ``context``: what it says the three lines after it are."""
    before, after = LINES[number - 4 : number - 1], context or LINES[number : number + 3]
    return diff(name, number - 3, [LINES[number - 1]], [new], before, after)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "s/sub").mkdir(parents=True)
    for place in ("file.c", "sub/file.c"):
        (tmp_path / "s" / place).write_text("\n".join([*LINES, ""]))
    return tmp_path / "s"


class D(dict[str, str]):
    def getVar(self, name: str) -> str | None:
        return self.get(name)


Step = Callable[..., None]


@pytest.fixture
def step(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    """Runs do_patch over (name, content or None for an existing path, parameters)."""

    def run(*entries: tuple[str, str | None, dict[str, str]], **variables: str) -> None:
        listed = []
        (tmp_path / "files").mkdir(exist_ok=True)
        for name, content, parameters in entries:
            path = tmp_path / "files" / name
            if content is not None:
                path.write_text(content)
            listed.append({"uri": f"file://{name}", "type": "file", "path": str(path), "parameters": parameters})
        (tmp_path / "fetched.json").write_text(json.dumps(listed))
        monkeypatch.setattr(patch, "FETCHED", tmp_path / "fetched.json")
        patch.run(D(S=str(source), **variables))

    return run


def error(step: Step, *entries: tuple[str, str | None, dict[str, str]], **variables: str) -> str:
    with pytest.raises(HadronbakeError) as caught:
        step(*entries, **variables)
    return str(caught.value)


def line(source: Path, number: int, name: str = "file.c") -> str:
    return (source / name).read_text().splitlines()[number - 1]


def test_patches_apply_in_order_and_leave_nothing_else(
    source: Path, step: Step, capfd: pytest.CaptureFixture[str]
) -> None:
    again = change(10).replace("-line 10", "-changed").replace("+changed", "+changed again")
    step(("2.patch", change(10), {}), ("1.diff", again, {}), ("notes.txt", "no patch", {}))
    assert line(source, 10) == "changed again"
    assert sorted(path.name for path in source.iterdir()) == ["file.c", "sub"]
    assert capfd.readouterr().out.splitlines()[::2] == ["applying 2.patch", "applying 1.diff"]


def test_what_apply_says_goes(source: Path, step: Step) -> None:
    step(("a.patch", "garbage", {"apply": "no"}), ("b.txt", change(10), {"apply": "yes"}))
    assert line(source, 10) == "changed"


def test_strip_level_and_directory(source: Path, step: Step) -> None:
    step(("a.patch", change(10).replace("a/file", "x/y/file").replace("b/file", "x/y/file"), {"striplevel": "2"}))
    step(("b.patch", change(20), {"patchdir": "sub"}))
    step(("c.patch", change(25), {"patchdir": str(source / "sub")}))
    assert [line(source, 10), line(source, 20, "sub/file.c"), line(source, 25, "sub/file.c")] == ["changed"] * 3


def test_an_offset_is_allowed(source: Path, step: Step) -> None:
    (source / "file.c").write_text("new\nnew\n" + (source / "file.c").read_text())
    step(("a.patch", change(10), {}))
    assert line(source, 12) == "changed"


FUZZY = change(10, context=["line 11", "line 12", "line thirteen"])


def test_fuzz_is_an_error_that_shows_the_line(tmp_path: Path, source: Path, step: Step) -> None:
    assert error(step, ("a.patch", FUZZY, {})) == (
        "error[HBS201]: hunk 1 of 1 for file.c doesn't apply\n"
        f" --> {tmp_path}/files/a.patch:3\n"
        "  |\n"
        "3 | @@ -7,7 +7,7 @@\n"
        "  = note: expected 'line thirteen', there is 'line 13' (file.c:13)\n"
        "  = hint: make the patch anew for these sources; or, if the change is right there, allow it with ';fuzz=1'"
    )
    assert line(source, 10) == "line 10"
    assert not list(source.rglob("*.rej")) + list(source.rglob("*.orig"))


def test_fuzz_can_be_allowed_for_one_patch_or_for_the_recipe(source: Path, step: Step) -> None:
    step(("a.patch", FUZZY, {"fuzz": "1"}))
    assert line(source, 10) == "changed"
    step(("b.patch", change(20, context=["line 21", "line 22", "x"]), {}), PATCH_FUZZ="1")
    assert line(source, 20) == "changed"


def test_every_failing_hunk_is_shown_by_its_number(step: Step) -> None:
    good, bad = change(10), change(20).replace("-line 20", "-line twenty")
    text = error(step, ("a.patch", good + bad.partition("+++ b/file.c\n")[2], {}))
    assert "hunk 2 of 2 for file.c doesn't apply" in text
    assert "a.patch:12" in text
    assert "expected 'line twenty', there is 'line 20' (file.c:20)" in text
    assert "hunk 1" not in text
    assert "fuzz" not in text


def test_a_file_that_is_named_twice(step: Step) -> None:
    bad = change(20).replace("-line 20", "-line twenty")
    text = error(step, ("a.patch", change(10) + bad, {}))
    assert "hunk 1 of 1 for file.c doesn't apply" in text
    assert "expected 'line twenty'" in text


def test_a_missing_file_is_named(tmp_path: Path, source: Path, step: Step) -> None:
    assert error(step, ("a.patch", change(10, name="other.c"), {})) == (
        "error[HBS202]: a.patch changes other.c, which isn't there\n"
        f" --> {tmp_path}/files/a.patch\n"
        f"  = hint: striplevel is 1, the directory {source}; is one of them wrong?"
    )


def test_a_patch_that_is_in_the_sources_already(tmp_path: Path, source: Path, step: Step) -> None:
    step(("a.patch", change(10), {}))
    assert error(step, ("a.patch", change(10), {})) == (
        f"error[HBS202]: a.patch is in the sources already\n --> {tmp_path}/files/a.patch\n  = hint: take it out of SRC_URI"
    )


@pytest.mark.parametrize("name", ["../evil.c", "/tmp/evil.c"])
def test_a_patch_can_not_leave_the_directory(tmp_path: Path, source: Path, step: Step, name: str) -> None:
    new = f"--- /dev/null\n+++ {name}\n@@ -0,0 +1 @@\n+evil\n"
    error(step, ("a.patch", new, {"striplevel": "0"}))
    assert not (tmp_path / "evil.c").exists()


def test_files_are_made_and_removed(source: Path, step: Step) -> None:
    step(("a.patch", "--- /dev/null\n+++ b/new/file\n@@ -0,0 +1 @@\n+hello\n", {}))
    assert (source / "new/file").read_text() == "hello\n"
    step(("b.patch", "--- a/new/file\n+++ /dev/null\n@@ -1 +0,0 @@\n-hello\n", {}))
    assert not (source / "new").exists()


def test_a_series(tmp_path: Path, source: Path, step: Step) -> None:
    directory = tmp_path / "files/patches"
    directory.mkdir(parents=True)
    (directory / "series").write_text("# ours\nz.patch\n\na.patch -p0  # last\n")
    (directory / "z.patch").write_text(change(10))
    (directory / "a.patch").write_text(
        change(10)
        .replace("a/file", "file")
        .replace("b/file", "file")
        .replace("-line 10", "-changed")
        .replace("+changed", "+again")
    )
    (directory / "unused.patch").write_text("garbage")
    step(("patches", None, {}))
    assert line(source, 10) == "again"
    (directory / "series").write_text("gone.patch\n")
    assert error(step, ("patches", None, {})) == "error[HBS203]: gone.patch is in patches/series, but isn't there"


def test_a_compressed_patch(tmp_path: Path, source: Path, step: Step) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a.patch.gz").write_bytes(gzip.compress(change(10).encode()))
    step(("a.patch.gz", None, {}))
    assert line(source, 10) == "changed"


def test_wrong_numbers_and_directories(step: Step) -> None:
    assert "HBS112" in error(step, ("a.patch", change(10), {"striplevel": "one"}))
    assert "HBS112" in error(step, ("a.patch", change(10), {"fuzz": "-1"}))
    assert "HBS204" in error(step, ("a.patch", change(10), {"patchdir": "nowhere"}))


def test_reading_hunks() -> None:
    text = change(10) + "-- \n2.30\n" + change(20, name="x.c")
    found = hunks.hunks(text, 1)
    assert [(hunk.target, hunk.section, hunk.start, hunk.before, hunk.after) for hunk in found] == [
        ("file.c", 1, 7, 3, 3),
        ("x.c", 2, 17, 3, 3),
    ]
    assert text.splitlines()[found[1].line - 1] == found[1].header
    assert found[0].old == tuple(LINES[6:13])


def test_the_nearest_place() -> None:
    hunk = hunks.hunks(FUZZY, 1)[0]
    assert hunks.nearest(hunk, LINES) == hunks.Nearest(7, (6,))
    assert hunks.fuzz_needed(hunk, LINES) == 1
    assert hunks.nearest(hunk, ["nothing", "of it"]) is None
    assert hunks.fuzz_needed(hunk, ["nothing"]) is None
