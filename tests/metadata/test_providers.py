"""Which recipe provides a name (language.md §18)."""

from __future__ import annotations

import pytest

from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import HadronbakeError
from hadronbake.metadata.providers import Preferences, Providers, preferences_of, version_matches
from hadronbake.metadata.recipe import Recipe


def recipe(
    pn: str,
    pv: str = "1.0",
    provides: str = "",
    *,
    preference: int = 0,
    priority: int = 5,
    pe: str = "",
    packages: str = "",
    dynamic: str = "",
    rprovides: str = "",
    skipped: str | None = None,
) -> Recipe:
    return Recipe(
        id=f"/{priority}/{pn}_{pv}.bb",
        file=f"/{priority}/{pn}_{pv}.bb",
        variant="",
        layer="core",
        kind="target",
        pn=pn,
        pe=pe,
        pv=pv,
        pr="r0",
        default_preference=preference,
        layer_priority=priority,
        provides=(pn, *provides.split()),
        depends=(),
        packages=(pn, *packages.split()),
        packages_dynamic=tuple(dynamic.split()),
        rprovides={pn: tuple(rprovides.split())},
        rdepends={},
        rrecommends={},
        tasks={},
        skipped=skipped,
    )


def providers(*recipes: Recipe, **preferences: dict[str, str]) -> Providers:
    return Providers({item.id: item for item in recipes}, Preferences(**preferences))  # type: ignore[arg-type]


def test_highest_version_of_the_highest_layer() -> None:
    found = providers(recipe("a", "1.9"), recipe("a", "1.10"), recipe("a", "3", priority=1))
    assert found.resolve("a") == "/5/a_1.10.bb"


def test_default_preference_goes_before_version() -> None:
    found = providers(recipe("a", "1"), recipe("a", "2", preference=-1))
    assert found.resolve("a") == "/5/a_1.bb"


def test_preferred_version_goes_before_priority() -> None:
    found = providers(recipe("a", "1.2.3", priority=1), recipe("a", "2"), versions={"a": "1.2.%"})
    assert found.resolve("a") == "/1/a_1.2.3.bb"


def test_unavailable_preferred_version_is_said() -> None:
    found = providers(recipe("a", "1"), recipe("a", "2"), versions={"a": "3"})
    assert found.resolve("a") == "/5/a_2.bb"
    assert [(item.code, item.hint) for item in found.warnings] == [("HBM035", "versions of a available: 1, 2")]


def test_required_version_is_required() -> None:
    with pytest.raises(HadronbakeError, match="version 3 of a is required, but there are only: 1"):
        providers(recipe("a", "1"), required={"a": "3"}).resolve("a")


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ("1.0", True),
        ("1.%", True),
        ("1.0_r0", True),
        ("1.0_r1", False),
        ("2:1.0", True),
        ("1:1.0", False),
        ("1", False),
    ],
)
def test_version_patterns(wanted: str, matches: bool) -> None:
    assert version_matches(recipe("a", "1.0", pe="2"), wanted) is matches


def test_preferred_provider_then_own_name_then_warning() -> None:
    some = (recipe("musl", provides="libc"), recipe("glibc", provides="libc"))
    assert providers(*some, providers={"libc": "musl"}).resolve("libc") == "/5/musl_1.0.bb"
    assert providers(*some, recipe("libc")).resolve("libc") == "/5/libc_1.0.bb"
    found = providers(*some)
    assert found.resolve("libc") == "/5/glibc_1.0.bb"
    found.resolve("libc")
    assert [item.message for item in found.warnings] == ["multiple providers are available for libc (glibc, musl)"]


def test_nothing_provides() -> None:
    found = providers(recipe("zlib"), recipe("old", skipped="too old"))
    with pytest.raises(HadronbakeError) as caught:
        found.resolve("zlb", "image")
    assert str(caught.value) == "error[HBM030]: nothing provides zlb (needed by image)\n  = hint: did you mean zlib?"
    with pytest.raises(HadronbakeError) as caught:
        found.resolve("old")
    assert "was skipped: too old" in str(caught.value)


def test_runtime_names() -> None:
    found = providers(
        recipe("a", packages="a-dev a-libs", rprovides="virtual-a"),
        recipe("b", dynamic="^b-locale-.*"),
        recipe("c", rprovides="a-libs"),
    )
    assert found.resolve_runtime("a-dev") == "/5/a_1.0.bb"
    assert found.resolve_runtime("virtual-a") == "/5/a_1.0.bb"
    assert found.resolve_runtime("b-locale-de") == "/5/b_1.0.bb"
    assert found.resolve_runtime("a-libs") == "/5/a_1.0.bb"
    with pytest.raises(HadronbakeError, match=r"nothing provides a-deb at run time \(needed by img\)"):
        found.resolve_runtime("a-deb", "img")


def test_where_a_preferred_version_is_looked_for() -> None:
    d = DataStore()
    for name, value in {
        "PREFERRED_VERSION": "9",
        "PREFERRED_VERSION_a": "1",
        "PREFERRED_VERSION_b": "2",
        "PREFERRED_VERSION:pn-b": "3",
        "PREFERRED_VERSION_c:pn-c": "4",
        "REQUIRED_VERSION_a": "",
        "PREFERRED_PROVIDERS": "virtual/x:a other virtual/y:b",
        "PREFERRED_PROVIDER_virtual/y": "c",
    }.items():
        d.setVar(name, value)
    found = preferences_of(d)
    assert found.versions == {"": "9", "a": "1", "b": "3"}
    assert found.required == {}
    assert found.providers == {"virtual/y": "c"}
    assert found.listed == {"virtual/x": "a", "virtual/y": "b"}


def test_a_version_for_all_recipes_and_the_first_of_those_that_match() -> None:
    versions = [recipe("a", version) for version in ("1.9", "1.10", "2.0")]
    assert providers(*versions, versions={"": "1.%"}).resolve("a") == "/5/a_1.10.bb"
    assert providers(*versions, versions={"": "1.%", "a": "2.0"}).resolve("a") == "/5/a_2.0.bb"
    assert providers(*versions, required={"": "1.9"}).resolve("a") == "/5/a_1.9.bb"


def test_providers_of_a_preferred_version_come_first_then_names() -> None:
    there = [recipe(pn, "1", priority=priority, provides="v") for pn, priority in (("b", 9), ("a", 1), ("c", 5))]
    assert providers(*there).resolve("v") == "/1/a_1.bb"
    assert providers(*there, versions={"c": "1"}).resolve("v") == "/5/c_1.bb"
    assert providers(*there, listed={"v": "b"}).resolve("v") == "/9/b_1.bb"
