"""The task graph: from recipes, providers and targets to the tasks that are reachable, and what each of them waits for.

Pure. The relations are BitBake's (``deps``, ``depends``, ``rdepends``, ``deptask``, ``rdeptask``, ``recrdeptask``, ``recideptask``)
and one more, the closure of ``sysroot-depends`` (docs/architecture.md, "Sysroots").
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location, closest
from hadronbake.metadata.recipe import Recipe, Task, in_configuration, split_configuration

SYSROOT_TASK = "do_populate_sysroot"

Lookup = Callable[[str], str | None]
"""The id of the recipe that provides a name, or None where nothing does. May raise HadronbakeError with a better reason."""

Place = Callable[[str, str | None, str], Diagnostic | None]
"""Of a recipe's id, one of its tasks or None, and a word of what it depends on: where that is written, as a diagnostic yet without
a text."""


def nowhere(recipe: str, task: str | None, word: str) -> Diagnostic | None:
    return None


@dataclass(frozen=True, slots=True)
class Names:
    """How names are found in one further configuration of BBMULTICONFIG; ``assumed``: those that the build host provides."""

    build_time: Lookup
    run_time: Lookup
    assumed: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One task of the graph. ``pn`` has ``mc:<mc>:`` before it where the recipe is one of the configuration ``mc``. ``deps``: labels of
    all tasks before it, sorted. ``sysroot``: those whose trees make its sysroots. ``inputs``: those of other recipes whose trees it
    sees below ``/hb/inputs``. ``own``: those of its own recipe."""

    label: str
    recipe: str
    pn: str
    task: Task
    deps: tuple[str, ...]
    sysroot: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    mc: str = ""

    @property
    def shared_label(self) -> str:
        """The label without the name of the configuration: what is the same in two configurations is one thing in shared state."""
        return self.relative(self.label)

    def relative(self, label: str) -> str:
        """A label as it is seen from this task's configuration: only those of other ones have a configuration's name."""
        mc, rest = split_configuration(label)
        if mc == self.mc:
            return rest
        return label if mc else f"mc::{label}"

    @property
    def recorded(self) -> bool:
        """Whether its output is kept in shared state."""
        return bool(self.task.outputs) and not self.task.noexec


@dataclass(frozen=True, slots=True)
class TaskGraph:
    """``order`` is topological, dependencies first; ``targets`` are the labels that the user asked for."""

    nodes: Mapping[str, Node]
    order: tuple[str, ...]
    targets: tuple[str, ...]

    def dependents(self) -> dict[str, list[str]]:
        """Label → labels of the tasks that wait for it."""
        found: dict[str, list[str]] = {label: [] for label in self.order}
        for label in self.order:
            for dep in self.nodes[label].deps:
                found[dep].append(label)
        return found


@dataclass(slots=True)
class _Draft:
    """A node while its dependencies are collected: dependency → the reason, for the message about a cycle."""

    recipe: Recipe
    task: Task
    deps: dict[str, str] = field(default_factory=dict)
    sysroot: set[str] = field(default_factory=set)
    inputs: set[str] = field(default_factory=set)


def label_of(recipe: Recipe, task: str) -> str:
    return f"{qualified(recipe)}:{task}"


def qualified(recipe: Recipe) -> str:
    """PN, with ``mc:<mc>:`` before it if it is of another configuration than the default one."""
    return in_configuration(recipe.mc, recipe.pn)


def task_name(name: str) -> str:
    return name if name.startswith("do_") else f"do_{name}"


def build(
    recipes: Mapping[str, Recipe],
    build_time: Lookup,
    run_time: Lookup,
    targets: Sequence[str],
    default_task: str = "do_build",
    assumed: Collection[str] = (),
    others: Mapping[str, Names] | None = None,
    place: Place = nowhere,
) -> TaskGraph:
    """The graph of everything that ``targets`` (``PN``, ``PN:do_task``, or another name that is provided) need.

    ``assumed``: names that the build host provides (ASSUME_PROVIDED). ``others``: the further configurations (BBMULTICONFIG), whose
    targets have ``mc:<mc>:`` before them; ``mc:*:`` stands for all of them and the default one. ``place`` says where errors are.

    Raises HBP001 (nothing provides a name), HBP002 (no such task), HBP003 (two recipes of one name), HBP004 (a cycle), HBP005 (no
    such configuration), all findings of one kind at once.
    """
    names = {"": Names(build_time, run_time, frozenset(assumed)), **(others or {})}
    return _Builder(recipes, names, place).build(targets, default_task)


class _Builder:
    def __init__(self, recipes: Mapping[str, Recipe], names: Mapping[str, Names], place: Place) -> None:
        self.recipes = recipes
        self.names = names
        self.place = place
        self.drafts: dict[str, _Draft] = {}
        self.waiting: list[str] = []
        self.by_pn: dict[str, Recipe] = {}
        self.errors: dict[str, Diagnostic] = {}
        self.found: dict[tuple[str, str, str], Recipe | None] = {}
        self.neighbours: dict[str, tuple[Recipe, ...]] = {}

    def build(self, targets: Sequence[str], default_task: str) -> TaskGraph:
        written = [name for target in targets for name in self.configurations(target)]
        wanted = [found for target in written if (found := self.target(target, default_task)) is not None]
        recursive: set[str] = set()
        while True:
            while self.waiting:
                label = self.waiting.pop()
                self.relations(label)
                if self.drafts[label].task.recrdeptask:
                    recursive.add(label)
            for label in sorted(recursive):
                self.recurse(label)
            if not self.waiting:
                break
        self.check_recipes()
        if self.errors:
            raise HadronbakeError(*self.errors.values())
        # So that do_a[recrdeptask] = "do_a do_b" can work where recipes need each other at run time.
        selfish = {label for label in recursive if self.drafts[label].task.name in self.drafts[label].task.recrdeptask}
        for label in selfish:
            draft = self.drafts[label]
            for dep in selfish & draft.deps.keys():
                del draft.deps[dep]
                draft.inputs.discard(dep)
        order = self.sort(wanted)
        return TaskGraph({label: self.node(label) for label in order}, order, tuple(dict.fromkeys(wanted)))

    def configurations(self, target: str) -> list[str]:
        mc, name = split_configuration(target)
        return [in_configuration(other, name) for other in sorted(self.names)] if mc == "*" else [target]

    def target(self, target: str, default_task: str) -> str | None:
        mc, name = split_configuration(target)
        if not self.known(mc, None):
            return None
        task = default_task
        if ":" in name:
            front, _, back = name.rpartition(":")
            if front and back and "/" not in back:
                name, task = front, task_name(back)
        recipe = self.provider(name, None, None, mc)
        if recipe is None:
            if name in self.names[mc].assumed:
                self.error(f"'{name}' is provided by the build host (ASSUME_PROVIDED); there is nothing to build", None)
            return None
        return self.add(recipe, task, f"the target {target}", recipe.tasks.get(task, None))

    def add(
        self, recipe: Recipe, name: str, wanted_by: str, task: Task | None, asker: _Draft | None = None
    ) -> str | None:
        """Makes the task a node; where there is no such task that is an error, at the flag of ``asker`` that names it."""
        if task is None:
            near = closest(name, recipe.tasks)
            place = self.place(asker.recipe.id, asker.task.name, name) if asker is not None else None
            self.fail(
                replace(
                    place or Diagnostic("", "", Location(recipe.file)),
                    code="HBP002",
                    message=f"{qualified(recipe)} has no task {name}",
                    hint=f"did you mean {near}?" if near else f"it has {_some(recipe.tasks)}",
                    notes=((None, f"wanted by {wanted_by}"),),
                )
            )
            return None
        return self.ensure(recipe, task)

    def ensure(self, recipe: Recipe, task: Task) -> str:
        label = label_of(recipe, task.name)
        other = self.by_pn.setdefault(qualified(recipe), recipe)
        if other.id != recipe.id:
            self.fail(
                Diagnostic(
                    "HBP003",
                    f"two recipes of the name '{qualified(recipe)}' are needed by one build",
                    Location(recipe.file),
                    hint="choose one with PREFERRED_VERSION or PREFERRED_PROVIDER",
                    notes=((Location(other.file), "the other one"),),
                )
            )
        if label not in self.drafts:
            self.drafts[label] = _Draft(recipe, task)
            self.waiting.append(label)
        return label

    def link(self, draft: _Draft, recipe: Recipe, task: Task, reason: str, mounted: bool = True) -> None:
        label = self.ensure(recipe, task)
        if draft.recipe is recipe and draft.task.name == task.name:
            return
        draft.deps.setdefault(label, reason)
        if mounted and recipe.id != draft.recipe.id and task.outputs and not task.noexec and task.name != SYSROOT_TASK:
            draft.inputs.add(label)

    def relations(self, label: str) -> None:
        draft = self.drafts[label]
        recipe, task = draft.recipe, draft.task
        for name in task.parents:
            # BitBake's way: a parent that was named but never added as a task doesn't count.
            if name in recipe.tasks:
                self.link(draft, recipe, recipe.tasks[name], "comes first")
        for kind, pairs in (("depends", task.depends), ("rdepends", task.rdepends)):
            for name, wanted in pairs:
                find = self.provider if kind == "depends" else self.runtime
                found = find(name, recipe, task)
                if found is None:
                    continue
                if self.add(found, wanted, f"{label}[{kind}]", found.tasks.get(wanted), draft):
                    self.link(draft, found, found.tasks[wanted], f"[{kind}]")
        if task.deptask:
            self.linked(draft, self.depends(recipe), task.deptask, "[deptask]")
        if task.rdeptask:
            self.linked(draft, self.runtime_depends(recipe), task.rdeptask, "[rdeptask]")
        for here, mc, name, wanted in task.mcdepends:
            # A recipe may say what it needs in each configuration that it might be built in.
            if here != recipe.mc or not self.known(mc, draft):
                continue
            other = self.provider(name, recipe, task, mc)
            if other is not None and self.add(other, wanted, f"{label}[mcdepends]", other.tasks.get(wanted)):
                self.link(draft, other, other.tasks[wanted], "[mcdepends]")
        for found in self.closure(recipe, task):
            self.link(draft, found, found.tasks[SYSROOT_TASK], "[sysroot-depends]")
            draft.sysroot.add(label_of(found, SYSROOT_TASK))

    def linked(self, draft: _Draft, recipes: Iterable[Recipe], names: tuple[str, ...], reason: str) -> None:
        for recipe in recipes:
            for name in names:
                if name in recipe.tasks:
                    self.link(draft, recipe, recipe.tasks[name], reason)

    def recurse(self, label: str) -> None:
        """``recrdeptask``: its tasks of every recipe that is needed, at build time or run time, or by a task before it."""
        draft = self.drafts[label]
        reached: dict[str, Recipe] = {}
        pending = [draft.recipe]
        while pending:
            for found in self.around(pending.pop()):
                if found.id not in reached:
                    reached[found.id] = found
                    pending.append(found)
        seen: set[str] = set()
        # Other configurations have their own.
        stack = [dep for dep in draft.deps if self.drafts[dep].recipe.mc == draft.recipe.mc]
        for name in draft.task.recideptask:
            if name in draft.recipe.tasks:
                stack.append(self.ensure(draft.recipe, draft.recipe.tasks[name]))
        while stack:
            current = stack.pop()
            if current not in seen:
                seen.add(current)
                reached.setdefault(self.drafts[current].recipe.id, self.drafts[current].recipe)
                deps = self.drafts[current].deps
                stack.extend(dep for dep in deps if self.drafts[dep].recipe.mc == draft.recipe.mc)
        reached.pop(draft.recipe.id, None)
        self.linked(draft, reached.values(), draft.task.recrdeptask, "[recrdeptask]")

    def around(self, recipe: Recipe) -> tuple[Recipe, ...]:
        if recipe.id not in self.neighbours:
            found = {other.id: other for other in (*self.depends(recipe), *self.runtime_depends(recipe))}
            self.neighbours[recipe.id] = tuple(found.values())
        return self.neighbours[recipe.id]

    def closure(self, recipe: Recipe, task: Task) -> list[Recipe]:
        """The recipes whose sysroots the task sees, sorted by PN, the recipe itself left out."""
        seen: dict[str, Recipe] = {}
        stack = [found for name in task.sysroot_depends if (found := self.provider(name, recipe, task)) is not None]
        while stack:
            current = stack.pop()
            if current.id in seen:
                continue
            seen[current.id] = current
            stack.extend(other for other in self.depends(current) if other.kind == current.kind)
        seen.pop(recipe.id, None)
        return sorted((found for found in seen.values() if SYSROOT_TASK in found.tasks), key=lambda found: found.pn)

    def depends(self, recipe: Recipe) -> list[Recipe]:
        found = (self.provider(name, recipe, None) for name in recipe.depends)
        return [other for other in found if other is not None and other.id != recipe.id]

    def runtime_depends(self, recipe: Recipe) -> list[Recipe]:
        found: dict[str, Recipe] = {}
        for names, needed in ((recipe.rdepends, True), (recipe.rrecommends, False)):
            for package in sorted(names):
                for name in names[package]:
                    other = self.runtime(name, recipe, None, needed)
                    if other is not None and other.id != recipe.id:
                        found[other.id] = other
        return list(found.values())

    def known(self, mc: str, wanted_by: _Draft | None) -> bool:
        """Whether there is such a configuration; if not that is an error."""
        if mc in self.names:
            return True
        near = closest(mc, self.names)
        there = ", ".join(sorted(self.names.keys() - {""})) or "none"
        missing = Diagnostic(
            "HBP005",
            f"there is no configuration '{mc}'",
            hint=f"did you mean '{near}'?" if near else f"BBMULTICONFIG names: {there}",
        )
        by = (wanted_by.recipe, wanted_by.task) if wanted_by is not None else (None, None)
        self.fail(self.required_by(missing, by[0], by[1], mc))
        return False

    def provider(self, name: str, recipe: Recipe | None, task: Task | None, mc: str | None = None) -> Recipe | None:
        """``mc``: the configuration to look in; None: the recipe's own."""
        if mc is None:
            mc = recipe.mc if recipe is not None else ""
        return self.find(name, recipe, task, mc, "PROVIDES", True)

    def runtime(self, name: str, recipe: Recipe, task: Task | None, needed: bool = True) -> Recipe | None:
        return self.find(name, recipe, task, recipe.mc, "RPROVIDES", needed)

    def find(
        self,
        name: str,
        recipe: Recipe | None,
        task: Task | None,
        mc: str,
        what: str,
        needed: bool,
    ) -> Recipe | None:
        names = self.names[mc]
        if name in names.assumed:
            return None
        lookup = names.build_time if what == "PROVIDES" else names.run_time
        key = (what, mc, name)
        about = f"{what} {in_configuration(mc, name)} "
        if key not in self.found:
            try:
                found = lookup(name)
                self.found[key] = self.recipes[found] if found is not None else None
            except HadronbakeError as error:
                if not needed:
                    return None
                self.found[key] = None
                for item in error.diagnostics:
                    self.errors[f"{about}{item.message}"] = self.required_by(item, recipe, task, name)
        result = self.found[key]
        if result is None and needed and not any(written.startswith(about) for written in self.errors):
            there = [other for other in self.recipes.values() if other.mc == mc]
            known = {alias for other in there for alias in (other.pn, *other.provides)}
            if what == "RPROVIDES":
                known = {
                    alias for other in there for alias in (*other.packages, *itertools.chain(*other.rprovides.values()))
                }
            near = closest(name, known)
            hint = f"did you mean '{near}'?" if near else "is the layer that has it in BBLAYERS?"
            message = f"nothing {what} '{in_configuration(mc, name)}'"
            self.errors[about] = self.required_by(Diagnostic("HBP001", message, hint=hint), recipe, task, name)
        return result

    def required_by(self, item: Diagnostic, recipe: Recipe | None, task: Task | None, name: str) -> Diagnostic:
        if recipe is None:
            return item
        where = task.location if task is not None and task.location is not None else Location(recipe.file)
        note = f"required by {qualified(recipe)}" + (f":{task.name}" if task is not None else "")
        if item.location is None:
            place = self.place(recipe.id, task.name if task is not None else None, name)
            if place is not None:
                item = replace(item, location=place.location, excerpt=place.excerpt, length=place.length)
        return replace(item, notes=(*item.notes, (where, note)))

    def check_recipes(self) -> None:
        """Names that no task of this build follows are checked all the same: a typing error in RDEPENDS is one today."""
        for recipe in list(self.by_pn.values()):
            self.around(recipe)

    def error(self, message: str, hint: str | None) -> None:
        self.fail(Diagnostic("HBP001", message, hint=hint))

    def fail(self, diagnostic: Diagnostic) -> None:
        self.errors.setdefault(f"{diagnostic.code} {diagnostic.message}", diagnostic)

    def node(self, label: str) -> Node:
        draft = self.drafts[label]
        own = tuple(sorted(dep for dep in draft.deps if self.drafts[dep].recipe.id == draft.recipe.id))
        return Node(
            label,
            draft.recipe.id,
            qualified(draft.recipe),
            draft.task,
            tuple(sorted(draft.deps)),
            tuple(sorted(draft.sysroot)),
            tuple(sorted(draft.inputs)),
            own,
            draft.recipe.mc,
        )

    def sort(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Dependencies first, by depth-first search; the same for the same graph. Raises HBP004 for a cycle."""
        order: list[str] = []
        state: dict[str, int] = {}
        for target in wanted:
            path: list[str] = []
            stack: list[tuple[str, bool]] = [(target, False)]
            while stack:
                label, leaving = stack.pop()
                if leaving:
                    path.pop()
                    state[label] = 2
                    order.append(label)
                elif state.get(label) == 1:
                    raise self.cycle([*path[path.index(label) :], label])
                elif label not in state:
                    state[label] = 1
                    path.append(label)
                    stack.append((label, True))
                    # One on the path is put in too, so that it is found again and the cycle is seen.
                    stack.extend(
                        (dep, False) for dep in sorted(self.drafts[label].deps, reverse=True) if state.get(dep) != 2
                    )
        return tuple(order)

    def cycle(self, labels: list[str]) -> HadronbakeError:
        first = self.drafts[labels[0]]
        notes: list[tuple[Location | None, str]] = []
        shown: Diagnostic | None = None
        for label, dep in itertools.pairwise(labels):
            draft = self.drafts[label]
            reason, where = draft.deps[dep], draft.task.location
            if reason != "comes first":
                word = dep if reason in ("[depends]", "[rdepends]") else self.drafts[dep].recipe.pn
                place = self.place(draft.recipe.id, draft.task.name if word == dep else None, word)
                shown = shown or place
                where = place.location if place is not None else where
            notes.append((where, f"{label} waits for {dep}: {reason}"))
        return HadronbakeError(
            replace(
                shown or Diagnostic("", "", Location(first.recipe.file)),
                code="HBP004",
                message="tasks wait for each other: " + " → ".join(labels),
                hint="take one of these relations away",
                notes=tuple(notes),
            )
        )


def _some(names: Iterable[str]) -> str:
    """The first names of many, in order."""
    known = sorted(names)
    return ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
