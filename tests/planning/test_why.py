"""The first causes of a change, and how they are said."""

from __future__ import annotations

from hadronbake.artifacts.record import RecordedInput
from hadronbake.planning.why import causes, render


def variable(name: str, value: str, line: int = 0) -> RecordedInput:
    return RecordedInput(kind="variable", name=name, value=value, file="/zlib.bb" if line else None, line=line)


def dep(label: str, value: str) -> RecordedInput:
    return RecordedInput(kind="task", name=label, value=value)


OLD = {
    "app:do_build": [dep("app:do_install", "1"), dep("app:do_package", "1")],
    "app:do_install": [dep("zlib:do_install", "1")],
    "app:do_package": [dep("zlib:do_install", "1")],
    "zlib:do_install": [variable("do_install", "code"), dep("zlib:do_compile", "1")],
    "zlib:do_compile": [variable("CFLAGS", "-O2", 3)],
}


def changed(**tasks: list[RecordedInput]) -> dict[str, list[RecordedInput]]:
    return {**OLD, **{name.replace("__", ":"): value for name, value in tasks.items()}}


def test_nothing_changed() -> None:
    assert causes("app:do_build", OLD.get, OLD.get) == []
    assert render("app:do_build", []) == "app:do_build: nothing changed since the last build"


def test_dependencies_are_followed_to_the_variable_at_the_root() -> None:
    new = changed(
        app__do_build=[dep("app:do_install", ""), dep("app:do_package", "")],
        app__do_install=[dep("zlib:do_install", "")],
        app__do_package=[dep("zlib:do_install", "")],
        zlib__do_install=[variable("do_install", "code"), dep("zlib:do_compile", "2")],
        zlib__do_compile=[variable("CFLAGS", "-O3", 4)],
    )
    assert render("app:do_build", causes("app:do_build", OLD.get, new.get)) == (
        "app:do_build has changed, because\n"
        "  variable CFLAGS of zlib:do_compile changed (/zlib.bb:4)\n"
        '    "-O2" → "-O3"\n'
        "    by way of app:do_build ← app:do_install ← zlib:do_install ← zlib:do_compile"
    )


def test_a_variable_that_many_tasks_read_is_one_cause() -> None:
    old = {"z:do_b": [variable("V", "1"), dep("z:do_a", "1")], "z:do_a": [variable("V", "1")]}
    new = {"z:do_b": [variable("V", "2"), dep("z:do_a", "2")], "z:do_a": [variable("V", "2")]}
    assert [cause.task for cause in causes("z:do_b", old.get, new.get)] == ["z:do_b"]


def test_long_values_are_shown_as_a_difference() -> None:
    lines = [f"line {number}" for number in range(30)]
    old = {"z:do_a": [variable("do_a", "\n".join(lines))]}
    lines[15] = "changed"
    new = {"z:do_a": [variable("do_a", "\n".join(lines), 9)]}
    assert render("z:do_a", causes("z:do_a", old.get, new.get)) == (
        "z:do_a has changed, because\n"
        "  variable do_a of z:do_a changed (/zlib.bb:9)\n"
        "    @@ -15,3 +15,3 @@\n"
        "     line 14\n"
        "    -line 15\n"
        "    +changed\n"
        "     line 16"
    )


def test_what_is_new_and_what_is_gone() -> None:
    old = {"z:do_a": [variable("GONE", "x", 2), dep("old:do_x", "1")]}
    new = {
        "z:do_a": [
            variable("NEW", "y", 3),
            dep("new:do_x", "1"),
            RecordedInput(kind="file", name="a.patch", value="ab" * 32),
        ]
    }
    assert render("z:do_a", causes("z:do_a", old.get, new.get)) == (
        "z:do_a has changed, because\n"
        "  file a.patch of z:do_a is new\n"
        "    absent → abababababab\n"
        "  z:do_a waits for a further task new:do_x\n"
        "  z:do_a no longer waits for old:do_x\n"
        "  variable GONE of z:do_a is gone (/zlib.bb:2)\n"
        '    "x" → unset\n'
        "  variable NEW of z:do_a is new (/zlib.bb:3)\n"
        '    unset → "y"'
    )


def test_never_built() -> None:
    assert render("z:do_a", causes("z:do_a", {}.get, OLD.get)) == (
        "z:do_a has changed, because\n  z:do_a has not been built here before"
    )


def test_another_output_of_the_same_inputs() -> None:
    new = changed(app__do_install=[dep("zlib:do_install", "2")])
    assert render("app:do_install", causes("app:do_install", OLD.get, new.get)) == (
        "app:do_install has changed, because\n"
        "  the output of zlib:do_install is another one, though its inputs are the same\n"
        "    by way of app:do_install ← zlib:do_install"
    )


def test_a_recipe_that_several_tasks_wait_for_is_one_cause_a_task_of_its_own_is_one_each() -> None:
    names = ("do_a", "do_b")
    old = {"z:do_all": [dep("z:do_a", "1"), dep("z:do_b", "1")], "z:do_a": [], "z:do_b": []}
    new = {
        "z:do_all": [dep("z:do_a", "2"), dep("z:do_b", "2")],
        **{f"z:{name}": [dep("lib:do_sysroot", "1"), dep("z:do_extra", "1")] for name in names},
    }
    found = causes("z:do_all", old.get, new.get)
    assert [(cause.task, cause.name) for cause in found] == [
        ("z:do_a", "lib:do_sysroot"),
        ("z:do_a", "z:do_extra"),
        ("z:do_b", "z:do_extra"),
    ]
