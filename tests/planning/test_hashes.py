"""Taskhash: what changes it, and what must not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hadronbake.diagnostics import Location
from hadronbake.metadata.recipe import FileInput, HashInput, RecipeInputs, Task
from hadronbake.planning.hashes import recorded_inputs, taskhash

names = st.text(max_size=5)
files = st.lists(st.tuples(names, st.none() | names), max_size=3)
dependencies = st.lists(st.tuples(names, names), max_size=3)


def of(base: str, local: list[tuple[str, str | None]], deps: list[tuple[str, str]], taint: str = "") -> str:
    return taskhash(
        base, [FileInput(f"/host/{number}", label, digest) for number, (label, digest) in enumerate(local)], deps, taint
    )


def test_it_never_changes_for_the_same_inputs() -> None:
    # Fixed for ever: another value here means that everybody's shared state is worth nothing.
    assert (
        of("base", [("f", "1")], [("a:do_x", "2")])
        == "272987334c962db291fcf8ff0623b91b6d2bec7dda52ee8b54b322a706b5f7da"
    )


@given(names, files, dependencies)
def test_order_and_places_on_the_host_do_not_matter(
    base: str, local: list[tuple[str, str | None]], deps: list[tuple[str, str]]
) -> None:
    assert of(base, local, deps) == of(base, local[::-1], deps[::-1])


@given(st.tuples(names, files, dependencies, names), st.tuples(names, files, dependencies, names))
def test_different_inputs_have_different_hashes(
    one: tuple[str, list[tuple[str, str | None]], list[tuple[str, str]], str],
    other: tuple[str, list[tuple[str, str | None]], list[tuple[str, str]], str],
) -> None:
    def canonical(item: tuple[str, list[tuple[str, str | None]], list[tuple[str, str]], str]) -> object:
        return item[0], {(name, digest or "absent") for name, digest in item[1]}, set(item[2]), item[3]

    assert (of(*one) == of(*other)) == (canonical(one) == canonical(other))


def test_recorded_inputs_are_all_that_is_hashed() -> None:
    inputs = RecipeInputs(
        {"do_x": HashInput("do_x", "code", Location("/a.bb", 7)), "CFLAGS": HashInput("CFLAGS", "-O2", None)},
        {"do_x": ("do_x", "CFLAGS", "UNSET"), "do_y": ("CFLAGS",)},
    )
    task = Task("do_x", "base", files=(FileInput("/host/a.patch", "a.patch", None),))
    found = recorded_inputs(task, inputs, {"b:do_y": "hash"}, "taint")
    assert [(item.kind, item.name, item.value, item.line) for item in found] == [
        ("engine", "forced", "taint", 0),
        ("file", "a.patch", "absent", 0),
        ("task", "b:do_y", "hash", 0),
        ("variable", "CFLAGS", "-O2", 0),
        ("variable", "do_x", "code", 7),
    ]
