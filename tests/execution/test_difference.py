"""``hbake diff`` for every kind of cause: records that are written as a build writes them, also those of another machine."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest
from toybuild import library, origin, program, run

from hadronbake.artifacts.record import Record, RecordedInput
from hadronbake.artifacts.signing import Keyring
from hadronbake.artifacts.store import Store, canonical, stated_record
from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution import builds
from hadronbake.execution.build import Origin
from hadronbake.execution.builds import Build
from hadronbake.execution.difference import difference, is_target
from hadronbake.execution.explain import explain, state_lines
from hadronbake.execution.history import History
from hadronbake.execution.recorded import Recorded
from hadronbake.planning.difference import render
from hadronbake.planning.why import cause_lines

NUMBERS = count()
ONE, TWO, THREE = (digit * 64 for digit in "123")


def item(name: str, value: str, kind: str = "variable", task: str = "", line: int = 0) -> RecordedInput:
    file = "/layer/lib.bb" if line else None
    return RecordedInput(kind=kind, name=name, value=value, file=file, line=line, task=task)


def add(
    store: Store, taskhash: str, *inputs: RecordedInput, task: str = "lib:do_install", file: str = "x", **more: object
) -> Record:
    work = store.root.parent / f"work{next(NUMBERS)}"
    (work / "image").mkdir(parents=True)
    (work / "image/f").write_text(file)
    tree = store.put_tree(work, ["image"]).digest
    blob = store.put_blob(json.dumps([one.model_dump() for one in inputs]).encode())
    record = Record(taskhash=taskhash, task=task, outhash=tree.hash, unihash=taskhash, tree=tree, inputs=blob)
    return store.add_record(record.model_copy(update=more))


def no_origin() -> Origin:
    raise AssertionError("no recipes are needed")


def said(first: str, second: str, *stores: Store, topdir: Path = Path("/none")) -> str:
    return render(difference(first, second, Recorded(stores), topdir, no_origin))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "sstate")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            item("CFLAGS", "-O2", line=3),
            item("CFLAGS", "-O3", line=4),
            '  variable CFLAGS of lib:do_install changed (/layer/lib.bb:4)\n    "-O2" → "-O3"',
        ),
        (
            item("oe_runmake", "make\n  one\n", line=7),
            item("oe_runmake", "make\n  two\n", line=7),
            "  variable oe_runmake of lib:do_install changed (/layer/lib.bb:7)\n    @@ -1,2 +1,2 @@\n     make\n    -  one\n    +  two",
        ),
        (
            item("SRC_URI[sha256sum]", "aa", line=9),
            item("SRC_URI[sha256sum]", "bb", line=9),
            '  variable SRC_URI[sha256sum] of lib:do_install changed (/layer/lib.bb:9)\n    "aa" → "bb"',
        ),
        (
            item("do_install[dirs]", "${B}", line=2),
            None,
            '  variable do_install[dirs] of lib:do_install is gone (/layer/lib.bb:2)\n    "${B}" → unset',
        ),
        (
            item("fix.patch", "ab" * 32, "file"),
            item("fix.patch", "cd" * 32, "file"),
            "  file fix.patch of lib:do_install changed\n    abababababab → cdcdcdcdcdcd",
        ),
        (
            item("hb.package.run", "ab" * 32, "engine"),
            item("hb.package.run", "cd" * 32, "engine"),
            "  step hb.package.run of lib:do_install changed\n    abababababab → cdcdcdcdcdcd",
        ),
        (None, item("zlib:do_install", THREE, "task"), "  lib:do_install waits for a further task zlib:do_install"),
        (item("zlib:do_install", THREE, "task"), None, "  lib:do_install no longer waits for zlib:do_install"),
        (None, item("forced", "ff", "engine"), "  lib:do_install was forced to run, or always runs"),
    ],
)
def test_each_kind_of_cause(
    store: Store, before: RecordedInput | None, after: RecordedInput | None, expected: str
) -> None:
    add(store, ONE, *([before] if before else []))
    add(store, TWO, *([after] if after else []))
    assert said(ONE[:8], TWO[:8], store) == (
        "first:  lib:do_install (record 111111111111; taskhash 111111111111)\n"
        "second: lib:do_install (record 222222222222; taskhash 222222222222)\n"
        f"they differ, because\n{expected}\n"
        "their outputs are the same"
    )


def test_a_cause_is_followed_through_outputs_and_through_tasks_without_records(store: Store) -> None:
    works = "app:do_compile"
    for taskhash, zlib, content in ((ONE, "a" * 64, "old"), (TWO, "b" * 64, "new")):
        add(
            store,
            taskhash,
            item(works, zlib[:60] + "0000", "task"),
            item("zlib:do_install", zlib, "task", works),
            task="app:do_install",
        )
        add(store, zlib, item("LEVEL", content, line=5), task="zlib:do_install", file=content)
    assert said(ONE, TWO, store).splitlines()[2:] == [
        "they differ, because",
        "  variable LEVEL of zlib:do_install changed (/layer/lib.bb:5)",
        '    "old" → "new"',
        "    by way of app:do_install ← app:do_compile ← zlib:do_install",
        "their outputs are the same",
    ]


def test_another_output_of_the_same_inputs_is_a_cause(store: Store) -> None:
    for taskhash, zlib in ((ONE, "a" * 64), (TWO, "b" * 64)):
        add(store, taskhash, item("zlib:do_install", zlib, "task"), task="app:do_install")
        add(store, zlib, item("LEVEL", "1"), task="zlib:do_install", file=zlib[0])
    assert "the output of zlib:do_install is another one, though its inputs are the same" in said(ONE, TWO, store)


def test_what_no_record_tells_is_said(store: Store) -> None:
    for taskhash, zlib in ((ONE, "a" * 64), (TWO, "b" * 64)):
        add(store, taskhash, item("zlib:do_install", zlib, "task"), task="app:do_install")
    assert "zlib:do_install is another one; what its inputs were is not recorded for the first" in said(ONE, TWO, store)


def test_what_the_hash_does_not_cover(tmp_path: Path, store: Store) -> None:
    """The same task on two machines, with other tools and another sandbox: records that differ in their output only."""
    other = Store(tmp_path / "other/sstate", Keyring(tmp_path / "other/keys"))
    add(store, ONE, item("V", "1"), tools={"gcc": "12"}, sandbox_policy="bwrap-1")
    add(other, TWO, item("V", "1"), tools={"gcc": "13"}, sandbox_policy="bwrap-2", file="y")
    text = said(ONE, TWO, store, other)
    assert "their recorded inputs are the same; what made the hashes different isn't in the records" in text
    ours, theirs = store.keys.own[:16], other.keys.own[:16]
    assert text.endswith(
        "their outputs differ in 1 path:\n"
        "  changed image/f (content: file of 1 bytes, 2d711642b726 → file of 1 bytes, a1fce4363854)\n"
        "beside what the hash covers:\n"
        "  sandbox policy: bwrap-1 → bwrap-2\n"
        f"  signed by: key {ours}… → key {theirs}…\n"
        "  tool gcc: 12 → 13"
    )


def test_a_record_that_is_not_one(store: Store) -> None:
    add(store, ONE)
    add(store, ONE[:10] + TWO[10:])
    with pytest.raises(HadronbakeError) as caught:
        said("33333333", ONE, store)
    assert str(caught.value) == (
        "error[HBE042]: no record has a taskhash that begins with 33333333\n"
        "  = hint: `hbake cache ls` lists records; only those of this machine are found by a part of their hash"
    )
    with pytest.raises(HadronbakeError) as caught:
        said("11111111", ONE, store)
    assert str(caught.value) == (
        "error[HBE043]: 2 records have a taskhash that begins with 11111111\n"
        "  = hint: which? 1111111111111111 (lib:do_install), 1111111111222222 (lib:do_install)"
    )


def test_what_is_a_target() -> None:
    assert [
        is_target(text) for text in ("zlib", "zlib:do_install", "abcdef0", "abcdef01", "@3", "x/000001.json.gz")
    ] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


# --- builds -----------------------------------------------------------------------------------------------------------


def kept(topdir: Path, tasks: dict[str, tuple[str, str]]) -> Build:
    return builds.keep(topdir, Build(number=0, targets=("app",), began=0, wall=1, ok=True, ran=1, tasks=tasks))


def test_two_builds_by_number_and_by_file(tmp_path: Path, store: Store) -> None:
    add(store, ONE, item("V", "1", line=2))
    add(store, TWO, item("V", "2", line=2))
    kept(tmp_path, {"lib:do_install": (ONE, ONE), "same:do_x": (THREE, THREE), "old:do_x": (THREE, THREE)})
    kept(tmp_path, {"lib:do_install": (TWO, TWO), "same:do_x": (THREE, THREE)})
    text = said("@1", "@-1", store, topdir=tmp_path)
    assert text.splitlines()[2:] == [
        "1 tasks are the same, 1 are not",
        "only the first has old:do_x",
        "they differ, because",
        "  variable V of lib:do_install changed (/layer/lib.bb:2)",
        '    "1" → "2"',
    ]
    assert said(str(tmp_path / "cache/builds/000001.json.gz"), "@2", store, topdir=tmp_path) == text
    # A build beside a record: its task of that name.
    assert "second: lib:do_install (build @2 of" in said(ONE, "@2", store, topdir=tmp_path)


def test_builds_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(HadronbakeError) as caught:
        builds.named(tmp_path, "1")
    assert str(caught.value).startswith(f"error[HBE040]: {tmp_path} has no build @1\n")
    kept(tmp_path, {})
    for name in ("2", "-2", "0", "x"):
        with pytest.raises(HadronbakeError, match="HBE040"):
            builds.named(tmp_path, name)
    path = tmp_path / "cache/builds/000001.json.gz"
    for content in (b"", path.read_bytes()[:-9], b"x" * 40, path.read_bytes()[:20] + b"\0" * 30):
        path.write_bytes(content)
        with pytest.raises(HadronbakeError, match="HBE041"):
            builds.named(tmp_path, "1")
    assert builds.listed(tmp_path) == []


def test_the_last_builds_are_kept(tmp_path: Path) -> None:
    numbers = [kept(tmp_path, {}).number for _ in range(33)]
    assert numbers == list(range(1, 34))
    assert [build.number for build in builds.listed(tmp_path)] == list(range(4, 34))


# --- real builds ------------------------------------------------------------------------------------------------------


@pytest.mark.sandbox
def test_builds_records_and_targets_of_real_builds(tmp_path: Path) -> None:
    topdir, shared = tmp_path / "build", Store(tmp_path / "sstate")
    run(topdir, [library(), program()], "prog")
    run(topdir, [library(content="two"), program()], "prog")
    toys = [library(content="three"), program()]

    def causes(first: str, second: str, topdir: Path = topdir) -> list[str]:
        found = difference(first, second, Recorded([shared]), topdir, lambda: origin(topdir, toys))
        return cause_lines(found.causes)

    between = ["  variable CONTENT of lib:do_compile changed", '    "one" → "two"']
    assert causes("@1", "@2") == between
    first, second = builds.listed(topdir)
    records = first.tasks["prog:do_deploy"][0], second.tasks["prog:do_deploy"][0]
    assert causes(*records)[:2] == between
    # On another machine, with nothing but the shared state and the file of a build.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert causes(records[0], str(topdir / "cache/builds/000002.json.gz"), elsewhere)[:2] == between
    assert causes("@1", "prog:do_deploy")[1] == '    "one" → "three"'
    assert causes("lib:do_install", "@2")[1] == '    "three" → "two"'
    with pytest.raises(HadronbakeError) as caught:
        causes("lib", "@2")
    assert "HBE044]: build @2 of" in str(caught.value) and "has no task lib:do_build" in str(caught.value)


def old_format(shared: Store) -> None:
    """Makes the records tell of their own task only, as they once did."""
    for path in sorted((shared.root / "ac").rglob("*")):
        if path.is_file():
            record = stated_record(path.read_bytes())
            own = [item for item in json.loads(shared.get_blob(record.inputs)) if not item["task"]]
            blob = shared.put_blob(json.dumps(own).encode())
            path.write_bytes(shared.keys.sign("record", canonical(record.model_copy(update={"inputs": blob}))))


@pytest.mark.sandbox
def test_builds_tell_of_what_their_records_leave_out(tmp_path: Path) -> None:
    topdir, shared = tmp_path / "build", Store(tmp_path / "sstate")
    for content in ("one", "two", "three", "two", "four"):
        run(topdir, [library(content=content), program()], "prog")
    old_format(shared)

    def causes(first: str, second: str, topdir: Path = topdir) -> list[str]:
        toys = [library(content="five"), program()]
        recorded = Recorded([shared], History(topdir))
        return cause_lines(difference(first, second, recorded, topdir, lambda: origin(topdir, toys)).causes)

    def named(old: str, new: str) -> list[str]:
        return ["  variable CONTENT of lib:do_compile changed", f'    "{old}" → "{new}"']

    contents = dict(enumerate(("one", "two", "three", "two", "four"), 1))
    for first, second in ((1, 2), (1, 5), (3, 4), (4, 3), (2, 5)):
        assert causes(f"@{first}", f"@{second}") == named(contents[first], contents[second])
    assert causes("@2", "@4") == []
    assert causes("@1", "lib:do_install")[:2] == named("one", "five")
    first, last = (builds.listed(topdir)[place].tasks["prog:do_deploy"][0] for place in (0, -1))
    assert causes(first, last)[:2] == named("one", "four")
    # Where nobody remembers it, it is said whose inputs aren't known.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert causes(first, last, elsewhere)[0].startswith(
        "  prog:do_compile is another one; what its inputs were is not recorded for the first"
    )


@pytest.mark.sandbox
def test_what_older_versions_remembered(tmp_path: Path) -> None:
    """They wrote the last two states of each task, without their hashes."""
    topdir, shared = tmp_path / "build", Store(tmp_path / "sstate")
    for content in ("one", "two"):
        run(topdir, [library(content=content), program()], "prog")
    for path in sorted((topdir / "cache/history/inputs").iterdir()):
        told = json.loads(path.read_text())
        states = told.pop("states")
        told["tasks"] = {task: found[-1]["inputs"] for task, found in states.items()}
        told["before"] = {task: found[-2]["inputs"] for task, found in states.items() if len(found) > 1}
        path.write_text(json.dumps(told))
    found = explain("lib:do_install", origin(topdir, [library(content="two"), program()]))
    assert found.past and cause_lines(found.causes)[1] == '    "one" → "two"'
    old_format(shared)
    run(topdir, [library(content="three"), program()], "prog")
    between = difference("@2", "@3", Recorded([shared], History(topdir)), topdir, no_origin)
    assert cause_lines(between.causes)[1] == '    "two" → "three"'


@pytest.mark.sandbox
def test_why_on_a_machine_that_never_built_it(tmp_path: Path) -> None:
    run(tmp_path / "build", [library(), program()], "prog")

    def asked(target: str, *toys: object) -> list[str]:
        found = explain(target, origin(tmp_path / "other", list(toys)))  # type: ignore[arg-type]
        return [*cause_lines(found.causes), *state_lines(found)]

    record = builds.listed(tmp_path / "build")[0].tasks["lib:do_install"][0]
    (same,) = asked("lib:do_install", library(), program())
    assert same.startswith(f"lib:do_install is in shared state: record {record[:12]}, made by Linux")
    lines = asked("lib:do_install", library(content="two"), program())
    assert lines[:3] == [
        "  variable CONTENT of lib:do_compile changed",
        '    "one" → "two"',
        "    by way of lib:do_install ← lib:do_compile",
    ]
    assert lines[3].startswith("lib:do_install isn't in shared state: nothing is recorded under its hash ")
    assert asked("prog:do_deploy", library(content="two"), program())[-1] == (
        "prog:do_deploy isn't known to be in shared state: its hash depends on what lib:do_install will make"
    )
