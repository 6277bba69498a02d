"""Builds of small recipes that exist in memory only, with real sandboxes and a real store."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hadronbake.execution.build import BuildRequest, BuildResult, Origin, build
from hadronbake.metadata.recipe import FunctionScript, HashInput, Recipe, RecipeInputs, Task, TaskPayload
from hadronbake.reporting import events

TOOLS = "sh cat cp echo ls mkdir rm sleep test true false dirname make ninja sed seq date"


@dataclass(frozen=True)
class ToyTask:
    """``script``: shell. ``after``: tasks of the recipe."""

    script: str = ":"
    after: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    depends: tuple[tuple[str, str], ...] = ()
    sysroot: tuple[str, ...] = ()
    deploy: str | None = None
    noexec: bool = False
    nostamp: bool = False


@dataclass
class Toy:
    """One recipe. ``settings``: variables of do_compile."""

    pn: str
    tasks: Mapping[str, ToyTask]
    depends: tuple[str, ...] = ()
    kind: str = "target"
    settings: dict[str, str] = field(default_factory=dict)

    def text(self, task: str) -> str:
        lines = [f"{name}='{value}'" for name, value in sorted(self.settings.items()) if task == "do_compile"]
        return "\n".join(["set -e", *lines, self.tasks[task].script, ""])

    def recipe(self) -> Recipe:
        tasks = {
            name: Task(
                name=name,
                basehash=hashlib.sha256(f"{name} {self.text(name)}".encode()).hexdigest(),
                parents=task.after,
                depends=task.depends,
                sysroot_depends=task.sysroot,
                outputs=task.outputs,
                deploy=task.deploy,
                noexec=task.noexec,
                nostamp=task.nostamp,
            )
            for name, task in self.tasks.items()
        }
        return Recipe(
            id=f"/layer/{self.pn}.bb",
            file=f"/layer/{self.pn}.bb",
            variant="",
            layer="toy",
            kind=self.kind,  # type: ignore[arg-type]
            pn=self.pn,
            pe="",
            pv="1",
            pr="r0",
            default_preference=0,
            layer_priority=1,
            provides=(self.pn,),
            depends=self.depends,
            packages=(self.pn,),
            packages_dynamic=(),
            rprovides={},
            rdepends={},
            rrecommends={},
            tasks=tasks,
        )

    def payload(self, task: str) -> TaskPayload:
        script = FunctionScript(task, "shell", self.text(task), ("/hb/work/build",), ())
        return TaskPayload(self.recipe().id, self.pn, task, (script,), {}, {})

    def inputs(self) -> RecipeInputs:
        values = {name: HashInput(name, task.script, None) for name, task in self.tasks.items()}
        values.update({name: HashInput(name, value, None) for name, value in self.settings.items()})
        return RecipeInputs(
            values, {name: (name, *(sorted(self.settings) if name == "do_compile" else ())) for name in self.tasks}
        )


@dataclass
class Recorder:
    seen: list[events.Event] = field(default_factory=list)

    def handle(self, event: events.Event) -> None:
        self.seen.append(event)

    def close(self) -> None:
        pass

    def of(self, kind: type) -> list:  # type: ignore[type-arg]
        return [event for event in self.seen if isinstance(event, kind)]


def origin(topdir: Path, toys: list[Toy], **variables: str) -> Origin:
    recipes = {toy.recipe().id: toy.recipe() for toy in toys}
    by_id = {toy.recipe().id: toy for toy in toys}
    names = {toy.pn: toy.recipe().id for toy in toys}
    values = {
        "TOPDIR": str(topdir),
        "SSTATE_DIR": str(topdir.parent / "sstate"),
        "DL_DIR": str(topdir.parent / "downloads"),
        "BB_NUMBER_THREADS": "2",
        "HOSTTOOLS": TOOLS,
        **variables,
    }
    return Origin(
        recipes=recipes,
        build_time=names.get,
        run_time=names.get,
        assumed=(),
        variable=values.get,
        payload=lambda recipe, task: by_id[recipe].payload(task),
        inputs=lambda recipe: by_id[recipe].inputs(),
        flags=lambda name: None,
    )


def run(
    topdir: Path, toys: list[Toy], *targets: str, recorder: Recorder | None = None, **options: object
) -> BuildResult:
    variables = {name: str(value) for name, value in options.items() if name.isupper()}
    request = {name: value for name, value in options.items() if not name.isupper()}
    topdir.mkdir(parents=True, exist_ok=True)
    return build(
        BuildRequest(targets, **request),  # type: ignore[arg-type]
        origin(topdir, toys, **variables),
        recorder or Recorder(),
    )


def library(pn: str = "lib", content: str = "one", flags: str = "-O2") -> Toy:
    """A recipe whose installed file is ``content``, whatever ``flags`` are."""
    return Toy(
        pn,
        {
            "do_compile": ToyTask('echo "$CONTENT" > lib.txt'),
            "do_install": ToyTask("mkdir -p ../image && cp lib.txt ../image/", ("do_compile",), ("image",)),
            "do_populate_sysroot": ToyTask(
                f"mkdir -p ../root/sysroot/usr && cp ../image/lib.txt ../root/sysroot/usr/{pn}.txt",
                ("do_install",),
                ("root",),
            ),
            "do_build": ToyTask(after=("do_populate_sysroot",), noexec=True),
        },
        settings={"CONTENT": content, "FLAGS": flags},
    )


def program(pn: str = "prog", needs: tuple[str, ...] = ("lib",)) -> Toy:
    """A recipe that puts together what it finds in its sysroot, and deploys it."""
    return Toy(
        pn,
        {
            "do_compile": ToyTask("cat /hb/sysroot/usr/*.txt > out.txt; echo compiled", sysroot=needs),
            "do_install": ToyTask(
                "mkdir -p ../image && cp out.txt ../image/", ("do_compile",), ("image",), sysroot=needs
            ),
            "do_deploy": ToyTask(
                f"mkdir -p ../deploy && cp ../image/out.txt ../deploy/{pn}.txt",
                ("do_install",),
                ("deploy",),
                deploy="deploy/images",
            ),
            "do_build": ToyTask(after=("do_deploy",), noexec=True),
        },
        depends=needs,
    )
