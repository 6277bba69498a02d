"""Several configurations in one graph: targets, mcdepends, and what is the same in two of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest
from toygraph import World, library, recipe, task

from hadronbake.diagnostics import HadronbakeError
from hadronbake.metadata.recipe import Recipe, in_configuration, split_configuration
from hadronbake.planning.graph import Names, TaskGraph, build


def of(mc: str, item: Recipe) -> Recipe:
    return dataclasses.replace(item, id=in_configuration(mc, item.id), mc=mc)


def graph(recipes: Iterable[Recipe], *targets: str) -> TaskGraph:
    there = {item.id: item for item in recipes}

    def names(mc: str) -> Names:
        own = {name: item.id for item in there.values() if item.mc == mc for name in item.provides}
        return Names(own.get, own.get)

    others = {item.mc: names(item.mc) for item in there.values() if item.mc}
    first = names("")
    return build(there, first.build_time, first.run_time, targets, others=others)


def both(base: str = "1") -> list[Recipe]:
    """app on lib, in the default configuration and in one whose app is another one."""
    return [
        library("app", depends=("lib",)),
        library("lib"),
        of("small", library("app", base, depends=("lib",))),
        of("small", library("lib")),
    ]


def test_names_with_a_configuration() -> None:
    assert split_configuration("mc:a:x:do_y") == ("a", "x:do_y")
    assert split_configuration("multiconfig:a:x") == ("a", "x")
    assert split_configuration("mc::x") == ("", "x")
    assert split_configuration("x:do_y") == split_configuration("mc::x:do_y") == ("", "x:do_y")
    assert split_configuration("mc:do_build") == ("", "mc:do_build")
    assert in_configuration("a", "x") == "mc:a:x"


def test_a_target_of_another_configuration_needs_what_is_there() -> None:
    found = graph(both(), "mc:small:app:install")
    assert found.targets == ("mc:small:app:do_install",)
    assert set(found.nodes) == {
        "mc:small:app:do_install",
        "mc:small:app:do_compile",
        *(f"mc:small:lib:do_{name}" for name in ("compile", "install", "populate_sysroot")),
    }


def test_a_star_is_every_configuration() -> None:
    assert graph(both(), "mc:*:lib").targets == ("lib:do_build", "mc:small:lib:do_build")
    assert graph(both(), "mc::lib", "multiconfig:small:lib").targets == ("lib:do_build", "mc:small:lib:do_build")


def test_mcdepends_goes_to_the_other_configuration_where_it_holds() -> None:
    words = (("", "small", "lib", "do_install"), ("small", "", "lib", "do_populate_sysroot"))
    top = recipe("top", task("do_build", mcdepends=words, noexec=True), task("do_a"))
    recipes = [*both(), top, of("small", top)]
    assert graph(recipes, "top").nodes["top:do_build"].deps == ("mc:small:lib:do_install",)
    other = graph(recipes, "mc:small:top").nodes["mc:small:top:do_build"]
    assert other.deps == ("lib:do_populate_sysroot",)


def test_recursion_ends_at_the_configuration() -> None:
    top = recipe(
        "top",
        task("do_build", noexec=True, recrdeptask=("do_install",), mcdepends=(("", "small", "app", "do_install"),)),
        depends=("lib",),
    )
    found = graph([*both(), top], "top").nodes["top:do_build"]
    assert found.deps == ("lib:do_install", "mc:small:app:do_install")
    assert found.inputs == ("lib:do_install", "mc:small:app:do_install")
    assert found.relative("mc:small:app:do_install") == "mc:small:app:do_install"
    there = graph(both(), "mc:small:app").nodes["mc:small:app:do_compile"]
    assert there.relative("mc:small:lib:do_install") == "lib:do_install"
    assert there.relative("lib:do_install") == "mc::lib:do_install"


def test_no_such_configuration() -> None:
    with pytest.raises(HadronbakeError) as caught:
        graph(both(), "mc:smal:lib")
    assert str(caught.value) == "error[HBP005]: there is no configuration 'smal'\n  = hint: did you mean 'small'?"
    top = recipe("top", task("do_build", mcdepends=(("", "gone", "lib", "do_install"),)))
    with pytest.raises(HadronbakeError) as caught:
        graph([top], "top")
    assert str(caught.value).splitlines()[:2] == [
        "error[HBP005]: there is no configuration 'gone'",
        "  = note: required by top:do_build (/top.bb)",
    ]
    assert "BBMULTICONFIG names: none" in str(caught.value)


def test_no_such_task_in_the_other_configuration() -> None:
    top = recipe("top", task("do_build", mcdepends=(("", "small", "lib", "do_instal"),)))
    with pytest.raises(HadronbakeError) as caught:
        graph([*both(), top], "top")
    assert "error[HBP002]: mc:small:lib has no task do_instal" in str(caught.value)
    assert "wanted by top:do_build[mcdepends]" in str(caught.value)


def test_what_is_the_same_is_made_once() -> None:
    world = World()
    done = world.run(world.plan(graph(both("2"), "app", "mc:small:app")))
    assert {key for key in done if key.endswith("do_compile")} == {
        "app:do_compile",
        "lib:do_compile",
        "mc:small:app:do_compile",
    }
    assert sum("lib" in key for key in done) == 3
    plan = world.plan(graph(both("2"), "app", "mc:small:app"))
    assert world.run(plan) == []
    assert plan.taskhash["lib:do_install"] == plan.taskhash["mc:small:lib:do_install"]
    assert plan.taskhash["app:do_install"] != plan.taskhash["mc:small:app:do_install"]


def test_what_the_other_makes_is_put_in_the_own_work_directory() -> None:
    """do_sign differs and needs the outputs of do_install, which are the same, in the work directory of its own recipe."""

    def signed(key: str) -> Recipe:
        return recipe(
            "app",
            task("do_compile"),
            task("do_install", parents=("do_compile",), outputs=("image",)),
            task("do_sign", basehash=key, parents=("do_install",), outputs=("signed",)),
        )

    recipes = [signed("a"), of("small", signed("b"))]
    world = World()
    done = world.run(world.plan(graph(recipes, "app:do_sign", "mc:small:app:do_sign")))
    assert done.count("app:do_compile") == 1 and "mc:small:app:do_compile" not in done
    assert done.index("app:do_install") < done.index("mc:small:app:do_install+restore")
    assert done.index("mc:small:app:do_install+restore") < done.index("mc:small:app:do_sign")


def test_a_forced_task_is_run_in_each_configuration() -> None:
    world = World()
    labels = ("lib:do_install", "mc:small:lib:do_install")
    done = world.run(world.plan(graph(both(), "lib:do_install", "mc:small:lib:do_install"), forced=labels))
    assert set(labels) <= set(done)
