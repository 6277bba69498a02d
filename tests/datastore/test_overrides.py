"""Overrides (§4)."""

import logging

import pytest

from hadronbake.datastore.errors import BBHandledException, UnstableOverridesError
from hadronbake.datastore.names import classify
from hadronbake.datastore.store import DataStore


def store(overrides: str, **values: str) -> DataStore:
    d = DataStore()
    d.setVar("OVERRIDES", overrides)
    for name, value in values.items():
        d.setVar(name, value, parsing=True)
    return d


def choice(overrides: str, *names: str) -> str:
    """Which of the variants is read; each one has its own name as its value."""
    return str(store(overrides, V="V", **{name: name for name in names}).getVar("V"))


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["V:foo"], "V:foo"),
        (["V:foo", "V:bar"], "V:bar"),
        (["V:local", "V:foo", "V:bar"], "V:local"),
        (["V:other"], "V"),
        (["V:foo:other"], "V"),
        (["V:foo:local", "V:local"], "V:foo:local"),
        (["V:foo:local", "V:foo"], "V:foo:local"),
        (["V:foo:bar", "V:local"], "V:foo:bar"),
        (["V:foo:bar", "V:bar:foo"], "V:foo:bar"),
        (["V:bar:foo", "V:foo:bar"], "V:foo:bar"),
        (["V:bar:foo"], "V:bar:foo"),
        (["V:local:foo:bar"], "V:local:foo:bar"),
        (["V:Foo"], "V"),
        (["V:foo:Bar"], "V"),
        (["V:_x"], "V"),
    ],
)
def test_choice(names: list[str], chosen: str) -> None:
    assert choice("foo:bar:local", *names) == chosen


def test_a_suffix_is_a_variant_of_every_shorter_name() -> None:
    assert classify("V:a:b").parents == (("V:a", "b"), ("V", "a:b"))
    assert classify("V:a:Foo").parents == ()
    assert classify("V:Foo:a").parents == (("V:Foo", "a"),)
    assert classify("V:${PN}").parents == ()
    assert store("b", **{"V:a:b": "x"}).getVar("V:a") == "x"


def test_a_variant_makes_the_variable_readable_and_a_key() -> None:
    d = store("o", **{"V:o": "x", "W:p": "y"})
    assert d.getVar("V") == "x"
    assert d.getVar("W") is None
    assert sorted(d.keys()) == ["OVERRIDES", "V", "V:o", "W:p"]
    assert d.hasOverrides("V")
    assert d.hasOverrides("W")
    assert not d.hasOverrides("OVERRIDES")


def test_a_variant_without_a_value_leaves_the_own_value() -> None:
    assert store("o", V="a b", **{"V:o:remove": "a"}).getVar("V") == "a b"


def test_removes_of_the_chosen_variant_apply_to_the_whole_value() -> None:
    assert store("o", **{"V:o": "a b", "V:o:remove": "a", "V:append": " a"}).getVar("V") == " b "


def test_a_weak_default_counts_as_a_variant() -> None:
    d = store("o", V="a")
    d.setVarFlag("V:o", "_defaultval", "weak")
    assert d.getVar("V") == "weak"


def test_overrides_follow_what_they_depend_on() -> None:
    d = store("${M}:${@d.getVar('N')}", M="m", N="n", V="v", **{"V:m2": "two", "V:n2": "other"})
    assert d.getVar("V") == "v"
    d.setVar("M", "m2")
    assert d.getVar("V") == "two"
    d.setVar("N", "n2")
    assert d.getVar("V") == "other"
    d.delVar("N")
    d.delVar("M")
    assert d.getVar("V") == "v"


def test_overrides_may_depend_on_an_overridden_variable() -> None:
    d = store("one:${NEXT}", NEXT="", V="v", **{"NEXT:one": "two", "V:two": "found"})
    assert d.getVar("V") == "found"
    d.setVar("NEXT:one", "three", parsing=True)
    assert d.getVar("V") == "v"


def test_unstable_overrides() -> None:
    d = store("${A}", A="on", **{"A:on": "off", "A:off": "on"})
    with pytest.raises(UnstableOverridesError) as caught:
        d.getVar("A")
    text = str(caught.value)
    assert text.startswith("error[HBD003]: OVERRIDES is not stable after 6 evaluations\n")
    assert text.endswith("= hint: a variable that OVERRIDES refers to has an override that changes OVERRIDES")


@pytest.mark.parametrize(
    ("name", "new"), [("V_append", "V:append"), ("V_removed", "V:removed"), ("V_prepend:x", "V:prepend:x")]
)
def test_the_old_syntax_is_refused(name: str, new: str) -> None:
    with pytest.raises(BBHandledException) as caught:
        DataStore().setVar(name, "x", file="a.bb", line=7)
    assert str(caught.value) == (
        f"error[HBD004]: Variable {name} contains an operation using the old override syntax\n"
        " --> a.bb:7\n"
        f"  = hint: overrides and operations are written with a colon: {new}"
    )


def test_a_renamed_variable_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    d = DataStore()
    d.setVarFlag("BB_RENAMED_VARIABLES", "OLD", "NEW")
    with caplog.at_level(logging.ERROR, "BitBake"):
        d.setVar("OLD:o", "x", file="a.bb", line=7)
        d.setVar("BB_ENV_WHITELIST", "x")
    assert [r.getMessage() for r in caplog.records] == [
        "Variable OLD has been renamed to NEW (file: a.bb line: 7) (written as OLD:o)",
        "Variable BB_ENV_WHITELIST has been renamed to BB_ENV_PASSTHROUGH",
    ]
    assert d.getVar("_FAILPARSINGERRORHANDLED") is True
