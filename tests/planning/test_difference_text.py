"""How the difference of two records, targets or builds is said."""

from __future__ import annotations

from hadronbake.artifacts.record import RecordedInput
from hadronbake.planning.difference import Difference, Side, Tally, render
from hadronbake.planning.why import Cause, compare

A, B = "a" * 64, "b" * 64


def variable(name: str, value: str) -> RecordedInput:
    return RecordedInput(kind="variable", name=name, value=value)


def dep(label: str, value: str) -> RecordedInput:
    return RecordedInput(kind="task", name=label, value=value)


def test_the_inputs_of_a_dependency_are_those_it_had_at_that_time() -> None:
    known = {
        ("app:do_install", "1"): [dep("zlib:do_install", "3")],
        ("app:do_install", "2"): [dep("zlib:do_install", "4")],
        ("zlib:do_install", "3"): [variable("CFLAGS", "-O2")],
        ("zlib:do_install", "4"): [variable("CFLAGS", "-O3")],
    }

    def lookup(label: str, value: str) -> list[RecordedInput] | None:
        return known.get((label, value))

    (cause,) = compare([(("app:do_install", "1"), ("app:do_install", "2"))], lookup, lookup)
    assert (cause.name, cause.old, cause.new) == ("CFLAGS", "-O2", "-O3")
    assert cause.path == ("app:do_install", "zlib:do_install")
    del known["zlib:do_install", "3"]
    (cause,) = compare([(("app:do_install", "1"), ("app:do_install", "2"))], lookup, lookup)
    assert (cause.kind, cause.name, cause.old, cause.new) == ("unknown", "first", "3", "4")


def test_tasks_of_a_recipe_and_its_variant_are_compared_with_each_other() -> None:
    known = {
        "z:do_install": [dep("z:do_compile", "1"), dep("libc:do_install", "5")],
        "z:do_compile": [variable("CFLAGS", "-O2")],
        "z-native:do_install": [dep("z-native:do_compile", "2")],
        "z-native:do_compile": [variable("CFLAGS", "-O3")],
    }
    found = compare(
        [(("z:do_install", ""), ("z-native:do_install", ""))],
        lambda label, value: known[label],
        lambda label, value: known[label],
    )
    assert [(cause.kind, cause.name, cause.old, cause.new) for cause in found] == [
        ("task", "libc:do_install", "5", None),
        ("variable", "CFLAGS", "-O2", "-O3"),
    ]


def test_two_records() -> None:
    first = Side("record", "z:do_a", A, {"output": "1", "tool gcc": "12", "signed by": "key 1"})
    second = Side("as it is now", "z:do_a", B, {"output": "2", "tool gcc": "13", "tool ld": "2", "signed by": "key 1"})
    cause = Cause("z:do_a", ("z:do_a",), "variable", "V", "1", "2")
    assert render(
        Difference(first, second, (cause,), (("image/z", "changed", "mode: 0755 → 0644"), ("image/y", "removed", "")))
    ) == (
        "first:  z:do_a (record; taskhash aaaaaaaaaaaa)\n"
        "second: z:do_a (as it is now; taskhash bbbbbbbbbbbb)\n"
        "they differ, because\n"
        "  variable V of z:do_a changed\n"
        '    "1" → "2"\n'
        "their outputs differ in 2 paths:\n"
        "  changed image/z (mode: 0755 → 0644)\n"
        "  removed image/y\n"
        "beside what the hash covers:\n"
        "  tool gcc: 12 → 13\n"
        "  tool ld: none → 2"
    )


def test_nothing_differs() -> None:
    side = Side("record", "z:do_a", A)
    assert render(Difference(side, side, (), ())) == (
        "first:  z:do_a (record; taskhash aaaaaaaaaaaa)\n"
        "second: z:do_a (record; taskhash aaaaaaaaaaaa)\n"
        "their inputs are the same"
    )


def test_two_builds() -> None:
    labels = tuple(f"r{number}:do_x" for number in range(22))
    cause = Cause("z:do_a", ("z:do_a",), "unknown", "second", A, B)
    text = render(Difference(Side("build @1"), Side("build @2"), (cause,), tally=Tally(7, ("z:do_a",), (), labels)))
    assert text == (
        "first:  build @1\n"
        "second: build @2\n"
        "7 tasks are the same, 1 are not\n"
        f"only the second has {', '.join(labels[:20])} and 2 more\n"
        "they differ, because\n"
        "  z:do_a is another one; what its inputs were is not recorded for the second\n"
        "    aaaaaaaaaaaa → bbbbbbbbbbbb"
    )
