"""``Recipe``: what one ``.bb`` file (or one of its variants) comes to after finalisation; all that planning may know.

Frozen, made of plain values, picklable. What is big (the text of every hashed variable, the scripts) is not in it:
``RecipeInputs`` and ``TaskPayload`` are asked for when a task really runs, or when somebody asks why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hadronbake.diagnostics import Location

RecipeKind = Literal["target", "native"]


@dataclass(frozen=True, slots=True)
class FileInput:
    """A local file whose content is part of a taskhash (flag ``file-checksums``, ``file://`` in SRC_URI).

    ``label`` is what stands for the file in the hash (never a host path): the part after ``/./``, or its base name.
    ``digest`` is its SHA-256, or None where it doesn't exist; a directory's digest covers its files' names and content.
    """

    path: str
    label: str
    digest: str | None


@dataclass(frozen=True, slots=True)
class Task:
    """One task of one recipe. Flags are expanded. Names of tasks have the prefix ``do_``.

    ``parents``: tasks of the same recipe that come first. ``depends``: (provider name, task) from flag ``depends``.
    ``mcdepends``: (configuration that it holds in, configuration of the other task, provider name there, its task).
    ``sysroot_depends``: provider names whose sysroots (with closure) the task sees at ``/hb/sysroot`` and ``/hb/native``.
    ``outputs``: directories below ``/hb/work`` (relative) whose content is recorded (flag ``sstate-inputdirs``); a task
    without outputs is a work task: it runs when a recorded task after it must run.
    ``deploy``: directory below the build directory where the outputs' content is put when the task is wanted by the
    user or by a wanted task (flag ``sstate-outputdirs``).
    ``builtin``: the engine does the work itself, outside the sandbox ("fetch", "sign").
    """

    name: str
    basehash: str
    parents: tuple[str, ...] = ()
    depends: tuple[tuple[str, str], ...] = ()
    rdepends: tuple[tuple[str, str], ...] = ()
    deptask: tuple[str, ...] = ()
    rdeptask: tuple[str, ...] = ()
    recrdeptask: tuple[str, ...] = ()
    recideptask: tuple[str, ...] = ()
    mcdepends: tuple[tuple[str, str, str, str], ...] = ()
    sysroot_depends: tuple[str, ...] = ()
    files: tuple[FileInput, ...] = ()
    outputs: tuple[str, ...] = ()
    deploy: str | None = None
    builtin: str | None = None
    network: bool = False
    noexec: bool = False
    nostamp: bool = False
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """``id`` is ``FILE`` or ``virtual:<variant>:FILE``, as BitBake writes it; ``mc:<mc>:`` comes before it where the recipe was read
    with the configuration ``mc`` of BBMULTICONFIG."""

    id: str
    file: str
    variant: str
    layer: str
    kind: RecipeKind
    pn: str
    pe: str
    pv: str
    pr: str
    default_preference: int
    layer_priority: int
    provides: tuple[str, ...]
    depends: tuple[str, ...]
    packages: tuple[str, ...]
    packages_dynamic: tuple[str, ...]
    rprovides: Mapping[str, tuple[str, ...]]
    rdepends: Mapping[str, tuple[str, ...]]
    rrecommends: Mapping[str, tuple[str, ...]]
    tasks: Mapping[str, Task]
    skipped: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Any, ...]:
        # Half the time that dataclasses take: a warm start reads thousands.
        return (Recipe, tuple(getattr(self, name) for name in self.__slots__))

    mc: str = ""


def in_configuration(mc: str, name: str) -> str:
    """``mc:<mc>:<name>``, as a name of another configuration is written; the name itself for the default one."""
    return f"mc:{mc}:{name}" if mc else name


def split_configuration(name: str) -> tuple[str, str]:
    """The configuration that a name (of a target, a recipe or a task) is of, "" for the default one, and the name in it."""
    for prefix in ("mc:", "multiconfig:"):
        if name.startswith(prefix) and ":" in name[len(prefix) :]:
            mc, _, rest = name[len(prefix) :].partition(":")
            return mc, rest
    return "", name


@dataclass(frozen=True, slots=True)
class HashInput:
    """One value that goes into a basehash: its hash text, and where it was last set."""

    name: str
    text: str
    location: Location | None


@dataclass(frozen=True, slots=True)
class RecipeInputs:
    """For each task the names that its basehash covers (sorted, the task first); the values once for all tasks."""

    values: Mapping[str, HashInput]
    tasks: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class FunctionScript:
    """One function, ready to run. Shell: a whole script, run by ``/bin/sh``. Python: definitions and a last call,
    run by the task runner with ``d`` and ``bb`` in its names. The directories are made before (the clean ones emptied too),
    and the last one of ``directories`` is the working directory."""

    name: str
    language: Literal["shell", "python"]
    text: str
    directories: tuple[str, ...]
    clean_directories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskPayload:
    """All that a worker needs to run a task, paths as they are inside the sandbox.

    ``functions``: prefuncs, the task, postfuncs in order. ``variables`` and ``flags`` are the expanded values of what
    the Python functions are known to read (their tracked and their excluded dependencies), and nothing else; None: it is unset.
    ``fetch``: for the builtin task, the expanded SRC_URI entries with their checksums.
    """

    recipe: str
    pn: str
    task: str
    functions: tuple[FunctionScript, ...]
    variables: Mapping[str, str | None]
    flags: Mapping[str, Mapping[str, str | None]]
    umask: int = 0o022
