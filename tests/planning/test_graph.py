"""Which tasks wait for which."""

from __future__ import annotations

import pytest
from toygraph import graph, library, recipe, task

from hadronbake.diagnostics import HadronbakeError, Location


def test_only_what_the_target_needs_is_in_the_graph() -> None:
    found = graph([library("a", depends=("b",)), library("b"), library("c")], "a:do_compile")
    assert found.order == ("b:do_compile", "b:do_install", "b:do_populate_sysroot", "a:do_compile")
    assert found.targets == ("a:do_compile",)


def test_targets_take_the_default_task_and_short_names() -> None:
    assert graph([library("a")], "a").targets == ("a:do_build",)
    assert graph([library("a")], "a:install").targets == ("a:do_install",)


def test_a_name_that_a_recipe_provides_is_a_target() -> None:
    kernel = recipe("linux", task("do_build"), provides=("linux", "virtual/kernel"))
    assert graph([kernel], "virtual/kernel").targets == ("linux:do_build",)


def test_a_parent_that_is_no_task_does_not_count() -> None:
    assert graph([recipe("a", task("do_build", parents=("do_never",)))], "a").nodes["a:do_build"].deps == ()


def test_depends_flag_mounts_recorded_trees_of_others() -> None:
    kernel = recipe("linux", task("do_deploy", outputs=("deploy",)))
    image = recipe("image", task("do_image", depends=(("linux", "do_deploy"),)))
    node = graph([kernel, image], "image:do_image").nodes["image:do_image"]
    assert node.deps == node.inputs == ("linux:do_deploy",)


def test_deptask_and_rdeptask_follow_names_one_step_where_the_task_exists() -> None:
    recipes = [
        recipe("a", task("do_x", deptask=("do_y",), rdeptask=("do_z",)), depends=("b", "c"), rdepends={"a": ("d",)}),
        recipe("b", task("do_y"), depends=("e",)),
        recipe("c", task("do_other")),
        recipe("d", task("do_z")),
        recipe("e", task("do_y")),
    ]
    assert graph(recipes, "a:do_x").nodes["a:do_x"].deps == ("b:do_y", "d:do_z")


def test_rdepends_flag_names_packages() -> None:
    recipes = [
        recipe("a", task("do_x", rdepends=(("b-tools", "do_package"),))),
        recipe("b", task("do_package"), packages=("b-tools",)),
    ]
    assert graph(recipes, "a:do_x").nodes["a:do_x"].deps == ("b:do_package",)


def test_recrdeptask_goes_on_through_build_time_and_run_time_names() -> None:
    recipes = [
        recipe("image", task("do_rootfs", recrdeptask=("do_package",)), rdepends={"image": ("a",)}),
        recipe("a", task("do_package"), depends=("b",), rrecommends={"a": ("c", "nowhere")}),
        recipe("b", task("do_package"), rdepends={"b": ("d", "a")}),
        recipe("c", task("do_package")),
        recipe("d"),
    ]
    node = graph(recipes, "image:do_rootfs").nodes["image:do_rootfs"]
    assert node.deps == ("a:do_package", "b:do_package", "c:do_package")


def test_recrdeptask_follows_tasks_too_and_recideptask_those_of_another_task() -> None:
    recipes = [
        recipe(
            "image",
            task("do_sdk", recrdeptask=("do_package",), recideptask=("do_rootfs",)),
            task("do_rootfs", depends=(("tool", "do_deploy"),)),
        ),
        recipe("tool", task("do_deploy"), task("do_package")),
    ]
    assert graph(recipes, "image:do_sdk").nodes["image:do_sdk"].deps == ("tool:do_package",)


def test_recrdeptask_on_itself_is_no_cycle() -> None:
    def one(pn: str, other: str) -> object:
        return recipe(
            pn, task("do_build", recrdeptask=("do_build", "do_deploy")), task("do_deploy"), rdepends={pn: (other,)}
        )

    found = graph([one("a", "b"), one("b", "a")], "a")  # type: ignore[list-item]
    assert found.nodes["a:do_build"].deps == ("b:do_deploy",)


def test_the_closure_of_a_sysroot_follows_names_of_the_same_kind() -> None:
    recipes = [
        library("a", depends=("b", "tool")),
        library("b", depends=("c", "othertool")),
        library("c"),
        library("tool", depends=("toollib", "c2"), kind="native"),
        library("toollib", kind="native"),
        library("othertool", kind="native"),
        library("c2"),
    ]
    node = graph(recipes, "a").nodes["a:do_compile"]
    names = ["b", "c", "tool", "toollib"]
    assert node.sysroot == tuple(f"{name}:do_populate_sysroot" for name in names)
    assert node.inputs == ()


def test_names_the_host_provides_are_left_out() -> None:
    assert graph([library("a", depends=("git-native",))], "a", assumed=("git-native",)).targets == ("a:do_build",)


def error(*arguments: object) -> str:
    with pytest.raises(HadronbakeError) as caught:
        graph(*arguments)  # type: ignore[arg-type]
    return str(caught.value)


def test_nothing_provides_a_name() -> None:
    assert error([library("zlib"), library("a", depends=("zlb",))], "a") == (
        "error[HBP001]: nothing PROVIDES 'zlb'\n"
        "  = note: required by a:do_compile (/a.bb)\n"
        "  = hint: did you mean 'zlib'?"
    )


def test_a_run_time_name_counts_though_no_task_follows_it() -> None:
    assert error([recipe("a", task("do_build"), rdepends={"a": ("bsah",)}), recipe("bash")], "a") == (
        "error[HBP001]: nothing RPROVIDES 'bsah'\n  = note: required by a (/a.bb)\n  = hint: did you mean 'bash'?"
    )


def test_no_such_task() -> None:
    assert error([library("a")], "a:do_instal") == (
        "error[HBP002]: a has no task do_instal\n --> /a.bb\n"
        "  = note: wanted by the target a:do_instal\n  = hint: did you mean do_install?"
    )


def test_all_missing_names_come_at_once() -> None:
    text = error([library("a", depends=("x", "y"))], "a", "z")
    assert sorted(line.split("'")[1] for line in text.splitlines() if "PROVIDES" in line) == ["x", "y", "z"]


def test_a_cycle_is_printed_with_its_reasons() -> None:
    recipes = [
        recipe("a", task("do_x", depends=(("b", "do_y"),), location=Location("/a.bb", 3))),
        recipe("b", task("do_y", depends=(("c", "do_z"),), location=Location("/b.bb", 4))),
        recipe("c", task("do_z", parents=("do_w",)), task("do_w", depends=(("b", "do_y"),))),
    ]
    assert error(recipes, "a:do_x") == (
        "error[HBP004]: tasks wait for each other: b:do_y → c:do_z → c:do_w → b:do_y\n --> /b.bb\n"
        "  = note: b:do_y waits for c:do_z: [depends] (/b.bb:4)\n"
        "  = note: c:do_z waits for c:do_w: comes first\n"
        "  = note: c:do_w waits for b:do_y: [depends]\n"
        "  = hint: take one of these relations away"
    )


def test_two_recipes_of_one_name() -> None:
    recipes = [
        library("a", depends=("one", "two")),
        library("x", id="/x_1.bb", file="/x_1.bb", provides=("one",)),
        library("x", id="/x_2.bb", file="/x_2.bb", provides=("two",)),
    ]
    assert "two recipes of the name 'x' are needed by one build" in error(recipes, "a")
