"""What runs, what is found, what is restored."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toygraph import World, graph, library, recipe, task

from hadronbake.metadata.recipe import Recipe


def chain(**bases: str) -> list[Recipe]:
    """app needs lib needs base."""
    return [
        library("app", bases.get("app", "1"), depends=("lib",)),
        library("lib", bases.get("lib", "1"), depends=("base",)),
        library("base", bases.get("base", "1")),
    ]


ALL = [f"{pn}:do_{name}" for pn in ("base", "lib", "app") for name in ("compile", "install", "populate_sysroot")]


def test_from_nothing_all_runs_in_order() -> None:
    world = World()
    assert world.run(world.plan(graph(chain(), "app"))) == ALL


def test_what_is_known_does_not_run_and_each_level_is_one_question() -> None:
    world = World()
    world.run(world.plan(graph(chain(), "app")))
    world.asked.clear()
    plan = world.plan(graph(chain(), "app"))
    assert world.run(plan) == []
    assert len(plan.found) == 6
    assert len(world.asked) == 6
    wide = [
        recipe(
            "x",
            task("do_build", noexec=True, parents=("do_a", "do_b")),
            task("do_a", outputs=("a",)),
            task("do_b", outputs=("b",)),
        )
    ]
    world.asked.clear()
    world.settle(world.plan(graph(wide, "x")))
    assert world.asked == [{"x:do_a", "x:do_b"}]


def test_early_cutoff() -> None:
    world = World({"lib:do_install": "same", "base:do_install": "same"})
    world.run(world.plan(graph(chain(), "app")))
    assert world.run(world.plan(graph(chain(lib="2"), "app"))) == ["lib:do_compile", "lib:do_install"]
    assert world.run(world.plan(graph(chain(base="2"), "app"))) == ["base:do_compile", "base:do_install"]
    # And so the next time nothing is to be done.
    assert world.run(world.plan(graph(chain(base="2", lib="1"), "app"))) == []


def test_a_changed_output_goes_up() -> None:
    world = World()
    world.run(world.plan(graph(chain(), "app")))
    assert world.run(world.plan(graph(chain(lib="2"), "app"))) == ALL[3:]


def test_work_before_a_recorded_task_is_not_run_for_the_one_after_it() -> None:
    world = World()
    world.run(world.plan(graph(chain(), "base")))
    world.stamps.clear()
    changed = chain()
    tasks = dict(changed[2].tasks)
    tasks["do_populate_sysroot"] = dataclasses.replace(tasks["do_populate_sysroot"], basehash="new")
    plan = world.plan(graph([*changed[:2], dataclasses.replace(changed[2], tasks=tasks)], "base"))
    assert world.run(plan) == ["base:do_install+restore", "base:do_populate_sysroot"]


def test_a_work_task_can_be_a_target_and_is_kept() -> None:
    world = World()
    assert world.run(world.plan(graph(chain(), "base:do_compile"))) == ["base:do_compile"]
    assert world.run(world.plan(graph(chain(), "base:do_compile"))) == []
    assert world.run(world.plan(graph(chain(), "base"))) == ["base:do_install", "base:do_populate_sysroot"]


def test_a_stamp_of_something_else_empties_the_work_directory() -> None:
    world = World()
    world.stamps["base"] = {"do_compile": "another hash"}
    plan = world.plan(graph(chain(), "base:do_compile"))
    world.settle(plan)
    plan.jobs()
    assert plan.wipe == {"base"}


def test_a_work_task_that_did_not_end_empties_the_work_directory() -> None:
    world = World()
    three = recipe(
        "x",
        task("do_unpack"),
        task("do_compile", parents=("do_unpack",)),
        task("do_install", parents=("do_compile",), outputs=("image",)),
    )
    world.run(world.plan(graph([three], "x:do_unpack")))
    world.stamps["x"]["do_compile"] = None
    plan = world.plan(graph([three], "x:do_install"))
    assert world.run(plan) == ["x:do_unpack", "x:do_compile", "x:do_install"]


@pytest.mark.parametrize("left", [None, "another hash"])
def test_a_recorded_task_is_done_again_over_the_work_that_is_there(left: str | None) -> None:
    world = World()
    world.run(world.plan(graph(chain(), "base:do_compile")))
    world.stamps["base"]["do_install"] = left
    plan = world.plan(graph(chain(), "base"))
    assert world.run(plan) == ["base:do_install", "base:do_populate_sysroot"]
    assert not plan.wipe


def test_force_runs_the_task_what_follows_it_and_keeps_what_was_before() -> None:
    three = recipe(
        "x",
        task("do_unpack"),
        task("do_compile", parents=("do_unpack",)),
        task("do_install", parents=("do_compile",), outputs=("image",)),
    )
    world = World({"x:do_install": "same"})
    tasks = graph([three], "x:do_install")
    world.run(world.plan(tasks))
    plan = world.plan(tasks, forced={"x:do_compile"})
    assert world.run(plan) == ["x:do_compile", "x:do_install"]
    assert not plan.wipe
    assert plan.unihash["x:do_install"] in world.records


def test_a_nostamp_task_runs_each_time() -> None:
    tasks = graph([recipe("x", task("do_report", nostamp=True))], "x:do_report")
    world = World()
    assert world.run(world.plan(tasks)) == ["x:do_report"]
    assert world.run(world.plan(tasks)) == ["x:do_report"]


def test_deploy_of_the_target_and_of_what_it_names() -> None:
    kernel = recipe(
        "linux", task("do_compile"), task("do_deploy", parents=("do_compile",), outputs=("d",), deploy="deploy")
    )
    image = recipe(
        "image",
        task("do_image", depends=(("linux", "do_deploy"),), outputs=("i",), deploy="deploy"),
        task("do_build", parents=("do_image",), noexec=True),
    )
    tasks = graph([kernel, image], "image")
    world = World()
    assert set(world.run(world.plan(tasks))) == {
        "linux:do_compile",
        "linux:do_deploy",
        "linux:do_deploy+deploy",
        "image:do_image",
        "image:do_image+deploy",
    }
    world.stamps.clear()
    assert set(world.run(world.plan(tasks))) == {"linux:do_deploy+deploy", "image:do_image+deploy"}


def test_work_of_another_recipe_is_done_there() -> None:
    source = recipe("src", task("do_unpack"))
    user = recipe("user", task("do_compile", depends=(("src", "do_unpack"),), outputs=("o",)))
    world = World()
    assert world.run(world.plan(graph([source, user], "user:do_compile"))) == ["src:do_unpack", "user:do_compile"]


def test_a_lost_tree_is_made_again_and_then_the_job_goes_on() -> None:
    world = World()
    tasks = graph(chain(), "app")
    world.run(world.plan(tasks))
    world.stamps.clear()
    app = chain(app="2")
    plan = world.plan(graph(app, "app"))
    world.settle(plan)
    jobs = {job.key: job for job in plan.jobs()}
    assert set(jobs) == {"app:do_compile", "app:do_install"}
    plan.lost("app:do_compile", "lib:do_populate_sysroot")
    again = {job.key: job for job in plan.jobs()}
    assert "lib:do_install+restore" in again
    assert again["lib:do_populate_sysroot"].after == {"lib:do_install+restore"}
    assert again["app:do_compile"].after == {"lib:do_populate_sysroot"}
    assert again["app:do_install"].after == {"app:do_compile"}
    del tasks


def test_sources_of_what_was_never_built_are_fetched_early() -> None:
    def with_fetch(pn: str, depends: tuple[str, ...] = ()) -> Recipe:
        plain = library(pn, depends=depends)
        tasks = {"do_fetch": task("do_fetch", builtin="fetch"), **plain.tasks}
        tasks["do_compile"] = dataclasses.replace(tasks["do_compile"], parents=("do_fetch",))
        return dataclasses.replace(plain, tasks=tasks)

    tasks = graph([with_fetch("app", ("base",)), with_fetch("base")], "app")
    plan = World().plan(tasks, eager=lambda label: True)
    World().settle(plan)
    assert {job.key for job in plan.jobs()} == {"base:do_fetch", "base:do_compile", "base:do_install", "app:do_fetch"}
    lazy = World().plan(tasks)
    World().settle(lazy)
    assert "app:do_fetch" not in {job.key for job in lazy.jobs()}


def test_a_work_directory_is_complete_when_all_outputs_are_recorded() -> None:
    world = World()
    plan = world.plan(graph(chain(), "base"))
    world.settle(plan)
    plan.jobs()
    assert not plan.complete("base")
    world.run(plan)
    fresh = world.plan(graph(chain(), "base"))
    world.run(fresh)
    assert fresh.complete("base")


edges = st.lists(st.lists(st.booleans(), max_size=6), min_size=1, max_size=6)


@settings(max_examples=60)
@given(edges, st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_on_any_graph_a_build_ends_and_the_next_has_nothing_to_do(
    rows: list[list[bool]], changed: set[int], same: set[int], lost: set[int]
) -> None:
    """Random libraries; some change, some of these with equal output; some work directories go."""
    count = len(rows)

    def world_of(suffix: str) -> list[Recipe]:
        return [
            library(
                f"r{number}",
                suffix if number in changed else "1",
                depends=tuple(f"r{other}" for other, there in enumerate(rows[number][:number]) if there),
            )
            for number in range(count)
        ]

    targets = [f"r{number}" for number in range(count)]
    world = World({f"r{number}:do_install": "same" for number in same})
    assert len(world.run(world.plan(graph(world_of("1"), *targets)))) == 3 * count
    for number in lost:
        world.stamps.pop(f"r{number}", None)
    second = world.run(world.plan(graph(world_of("2"), *targets)))
    ran = {key.partition(":")[0] for key in second}
    assert {f"r{number}" for number in changed if number < count} <= ran
    assert world.run(world.plan(graph(world_of("2"), *targets))) == []
    assert world.run(world.plan(graph(world_of("1"), *targets))) == []
