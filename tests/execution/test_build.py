"""Whole builds of small recipes in real sandboxes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from toybuild import Recorder, Toy, ToyTask, library, origin, program, run

from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution.explain import explain
from hadronbake.planning.why import render
from hadronbake.reporting import events

pytestmark = pytest.mark.sandbox


def test_a_build_runs_all_and_a_second_one_nothing(tmp_path: Path) -> None:
    toys = [library(), program()]
    result = run(tmp_path / "build", toys, "prog")
    assert result.ok
    assert list(result.ran) == [
        "lib:do_compile",
        "lib:do_install",
        "lib:do_populate_sysroot",
        "prog:do_compile",
        "prog:do_install",
        "prog:do_deploy",
    ]
    assert (tmp_path / "build/deploy/images/prog.txt").read_text() == "one\n"
    assert not (tmp_path / "build/work/prog").exists()
    assert "compiled" in (tmp_path / "build/logs/prog/do_compile.log").read_text()
    again = run(tmp_path / "build", toys, "prog")
    assert again.ok and not again.ran and not again.restored
    assert again.outputs == result.outputs


def test_a_fresh_build_directory_takes_only_what_is_wanted_from_shared_state(tmp_path: Path) -> None:
    toys = [library(), program()]
    run(tmp_path / "build", toys, "prog")
    shutil.rmtree(tmp_path / "build")
    result = run(tmp_path / "build", toys, "prog")
    assert result.ok and not result.ran and result.restored == 1
    assert (tmp_path / "build/deploy/images/prog.txt").read_text() == "one\n"
    assert not (tmp_path / "build/sysroots").exists()


def test_early_cutoff(tmp_path: Path) -> None:
    run(tmp_path / "build", [library(), program()], "prog")
    result = run(tmp_path / "build", [library(flags="-O3"), program()], "prog")
    # The file is the same, so that not even the sysroot is made again.
    assert list(result.ran) == ["lib:do_compile", "lib:do_install"]
    changed = run(tmp_path / "build", [library(content="two"), program()], "prog")
    assert "prog:do_deploy" in changed.ran
    assert (tmp_path / "build/deploy/images/prog.txt").read_text() == "two\n"


def test_a_recorded_output_is_restored_into_the_work_directory(tmp_path: Path) -> None:
    run(tmp_path / "build", [library()], "lib")
    changed = library()
    tasks = dict(changed.tasks)
    old = tasks["do_populate_sysroot"]
    tasks["do_populate_sysroot"] = ToyTask(old.script + "; cat ../image/lib.txt", old.after, old.outputs)
    result = run(tmp_path / "build", [Toy("lib", tasks, settings=changed.settings)], "lib")
    assert list(result.ran) == ["lib:do_populate_sysroot"]
    assert result.restored == 1


def test_inputs_of_other_recipes(tmp_path: Path) -> None:
    toy = Toy(
        "image",
        {
            "do_image": ToyTask(
                "mkdir -p ../out; cp /hb/inputs/lib/do_install/image/lib.txt ../out/all",
                outputs=("out",),
                depends=(("lib", "do_install"),),
                deploy="deploy",
            )
        },
    )
    result = run(tmp_path / "build", [library(), toy], "image:do_image")
    assert result.ok
    assert (tmp_path / "build/deploy/all").read_text() == "one\n"


def test_a_failure_shows_the_log_and_keeps_the_work_directory(tmp_path: Path) -> None:
    bad = Toy(
        "bad",
        {
            "do_compile": ToyTask("seq 100; echo broken; exit 3", outputs=("x",)),
            "do_build": ToyTask(after=("do_compile",), noexec=True),
        },
    )
    recorder = Recorder()
    result = run(tmp_path / "build", [bad], "bad", recorder=recorder)
    assert not result.ok and result.failed == ("bad:do_compile",)
    (event,) = recorder.of(events.TaskFailed)
    assert event.tail[-2:] == ("broken", "hbake: do_compile failed with exit status 3")
    assert len(event.tail) == 30
    assert event.shell == "hbake shell bad:do_compile"
    assert (tmp_path / "build/work/bad").is_dir()
    assert (tmp_path / "build/logs/bad/do_compile.sandbox.json").is_file()


def test_without_k_nothing_starts_after_a_failure_with_it_all_that_can(tmp_path: Path) -> None:
    bad = Toy(
        "bad",
        {
            "do_install": ToyTask("exit 1", outputs=("x",)),
            "do_populate_sysroot": ToyTask(after=("do_install",), outputs=("y",)),
            "do_build": ToyTask(after=("do_populate_sysroot",), noexec=True),
        },
    )
    toys = [bad, library(), program("needs", ("bad",))]
    stopped = run(tmp_path / "build", toys, "bad", "lib", BB_NUMBER_THREADS=1)
    assert stopped.failed == ("bad:do_install",)
    assert "lib:do_populate_sysroot" not in stopped.ran
    result = run(tmp_path / "build", toys, "needs", "lib", keep_going=True)
    assert not result.ok
    assert "lib:do_populate_sysroot" in result.ran
    assert result.failed == ("bad:do_install",)


def test_an_unfinished_task_empties_the_work_directory(tmp_path: Path) -> None:
    def toy(last: str) -> Toy:
        return Toy(
            "x",
            {
                "do_unpack": ToyTask("test ! -e seen; echo > seen"),
                "do_compile": ToyTask(f"echo >> seen; {last}", ("do_unpack",)),
            },
        )

    assert not run(tmp_path / "build", [toy("exit 1")], "x:do_compile").ok
    result = run(tmp_path / "build", [toy(":")], "x:do_compile")
    assert result.ok and list(result.ran) == ["x:do_unpack", "x:do_compile"]


def test_an_install_that_failed_is_done_again_over_what_was_compiled(tmp_path: Path) -> None:
    def toy(last: str) -> Toy:
        return Toy(
            "x",
            {
                "do_compile": ToyTask("test ! -e compiled; echo > compiled"),
                "do_install": ToyTask(
                    f"test ! -e ../image; mkdir ../image; echo > ../image/file; {last}", ("do_compile",), ("image",)
                ),
            },
        )

    assert not run(tmp_path / "build", [toy("exit 1")], "x:do_install").ok
    result = run(tmp_path / "build", [toy(":")], "x:do_install")
    assert result.ok and list(result.ran) == ["x:do_install"]


def test_work_that_was_done_is_kept(tmp_path: Path) -> None:
    first = run(tmp_path / "build", [library()], "lib", task="compile")
    assert list(first.ran) == ["lib:do_compile"]
    assert (tmp_path / "build/work/lib").is_dir()
    assert not run(tmp_path / "build", [library()], "lib", task="compile").ran
    rest = run(tmp_path / "build", [library()], "lib")
    assert list(rest.ran) == ["lib:do_install", "lib:do_populate_sysroot"]
    assert not (tmp_path / "build/work/lib").exists()


def test_why(tmp_path: Path) -> None:
    def said(toys: list[Toy]) -> str:
        found = explain("prog", origin(tmp_path / "build", toys))
        return render(found.label, found.causes, found.past)

    assert said([library(), program()]).startswith(
        "prog:do_build has changed, because\n  prog:do_deploy has not been built here before"
    )
    run(tmp_path / "build", [library(), program()], "prog")
    assert said([library(), program()]) == "prog:do_build: nothing changed since the last build"
    changed = [library(content="two"), program()]
    cause = (
        "  variable CONTENT of lib:do_compile changed\n"
        '    "one" → "two"\n'
        "    by way of prog:do_build ← prog:do_deploy ← prog:do_install ← "
    )
    assert said(changed).startswith(f"prog:do_build has changed, because\n{cause}")
    run(tmp_path / "build", changed, "prog")
    assert said(changed).startswith(
        f"prog:do_build: nothing changed since the last build; it had changed before, because\n{cause}"
    )


def test_why_of_a_change_that_makes_no_difference(tmp_path: Path) -> None:
    run(tmp_path / "build", [library(), program()], "prog")
    changed = [library(flags="-O3"), program()]
    run(tmp_path / "other", changed, "prog")
    found = explain("prog", origin(tmp_path / "build", changed))
    assert (found.past, found.cut) == (False, True)
    assert render(found.label, found.causes, found.past, found.cut) == (
        "prog:do_build: nothing changed since the last build; tasks before it changed, but not their outputs, because\n"
        "  variable FLAGS of lib:do_compile changed\n"
        '    "-O2" → "-O3"\n'
        "    by way of lib:do_install ← lib:do_compile"
    )


def test_why_of_a_target_that_was_built_as_a_part_of_another(tmp_path: Path) -> None:
    run(tmp_path / "build", [library(), program()], "prog")
    found = explain("lib", origin(tmp_path / "build", [library(), program()]))
    assert (found.label, found.causes, found.past) == ("lib:do_build", (), False)


def test_force_runs_the_task_and_what_follows(tmp_path: Path) -> None:
    run(tmp_path / "build", [library()], "lib", task="compile")
    result = run(tmp_path / "build", [library()], "lib", task="compile", force=True)
    assert list(result.ran) == ["lib:do_compile"]
    run(tmp_path / "build", [library()], "lib")
    forced = run(tmp_path / "build", [library()], "lib", "lib:do_install", force=True)
    assert "lib:do_compile" in forced.ran and "lib:do_install" in forced.ran


def test_a_dry_run_says_what_would_run_and_touches_nothing(tmp_path: Path) -> None:
    result = run(tmp_path / "build", [library(), program()], "prog", dry_run=True)
    assert result.would_run == ("lib:do_compile", "lib:do_install")
    assert "prog:do_install" in result.unknown
    assert not any((tmp_path / "build").iterdir())


def test_a_tree_that_went_lost_is_made_again(tmp_path: Path) -> None:
    run(tmp_path / "build", [library(), program()], "prog")
    for name in ("cas", "exec"):
        shutil.rmtree(tmp_path / "sstate" / name, ignore_errors=True)
    shutil.rmtree(tmp_path / "build")
    result = run(tmp_path / "build", [library(), program()], "prog")
    assert result.ok
    assert (tmp_path / "build/deploy/images/prog.txt").read_text() == "one\n"


def test_a_missing_tool_is_named_with_its_package(tmp_path: Path) -> None:
    with pytest.raises(HadronbakeError) as caught:
        run(tmp_path / "build", [library()], "lib", HOSTTOOLS="sh no-such-tool")
    assert str(caught.value) == (
        "error[HBE010]: tools that the build needs are not on this host: no-such-tool\n"
        "  = hint: on Debian or Ubuntu: apt-get install no-such-tool"
    )
