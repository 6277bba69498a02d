"""The task graph: from recipes, providers and targets to the tasks that are reachable, and what each of them waits for.

Pure. The relations are BitBake's (``deps``, ``depends``, ``rdepends``, ``deptask``, ``rdeptask``, ``recrdeptask``, ``recideptask``)
and one more, the closure of ``sysroot-depends`` (docs/architecture.md, "Sysroots").
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location, closest
from hadronbake.metadata.recipe import Recipe, Task

SYSROOT_TASK = "do_populate_sysroot"

Lookup = Callable[[str], str | None]
"""The id of the recipe that provides a name, or None where nothing does. May raise HadronbakeError with a better reason."""


@dataclass(frozen=True, slots=True)
class Node:
    """One task of the graph. ``deps``: labels of all tasks before it, sorted. ``sysroot``: those whose trees make its
    sysroots. ``inputs``: those of other recipes whose trees it sees below ``/hb/inputs``. ``own``: those of its own recipe."""

    label: str
    recipe: str
    pn: str
    task: Task
    deps: tuple[str, ...]
    sysroot: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

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
    return f"{recipe.pn}:{task}"


def task_name(name: str) -> str:
    return name if name.startswith("do_") else f"do_{name}"


def build(
    recipes: Mapping[str, Recipe],
    build_time: Lookup,
    run_time: Lookup,
    targets: Sequence[str],
    default_task: str = "do_build",
    assumed: Collection[str] = (),
) -> TaskGraph:
    """The graph of everything that ``targets`` (``PN``, ``PN:do_task``, or another name that is provided) need.

    ``assumed``: names that the build host provides (ASSUME_PROVIDED). Raises HBP001 (nothing provides a name), HBP002 (no
    such task), HBP003 (two recipes of one name), HBP004 (a cycle), all findings of one kind at once.
    """
    return _Builder(recipes, build_time, run_time, frozenset(assumed)).build(targets, default_task)


class _Builder:
    def __init__(
        self, recipes: Mapping[str, Recipe], build_time: Lookup, run_time: Lookup, assumed: frozenset[str]
    ) -> None:
        self.recipes = recipes
        self.build_time = build_time
        self.run_time = run_time
        self.assumed = assumed
        self.drafts: dict[str, _Draft] = {}
        self.waiting: list[str] = []
        self.by_pn: dict[str, Recipe] = {}
        self.errors: dict[str, Diagnostic] = {}
        self.build_cache: dict[str, Recipe | None] = {}
        self.run_cache: dict[str, Recipe | None] = {}
        self.neighbours: dict[str, tuple[Recipe, ...]] = {}

    def build(self, targets: Sequence[str], default_task: str) -> TaskGraph:
        wanted = [found for target in targets if (found := self.target(target, default_task)) is not None]
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

    def target(self, target: str, default_task: str) -> str | None:
        name, task = target, default_task
        if ":" in target:
            front, _, back = target.rpartition(":")
            if front and back and "/" not in back:
                name, task = front, task_name(back)
        recipe = self.provider(name, None, None)
        if recipe is None:
            if name in self.assumed:
                self.error(f"'{name}' is provided by the build host (ASSUME_PROVIDED); there is nothing to build", None)
            return None
        return self.add(recipe, task, f"the target {target}", recipe.tasks.get(task, None))

    def add(self, recipe: Recipe, name: str, wanted_by: str, task: Task | None) -> str | None:
        """Makes the task a node; where there is no such task that is an error."""
        if task is None:
            near = closest(name, recipe.tasks)
            self.fail(
                Diagnostic(
                    "HBP002",
                    f"{recipe.pn} has no task {name}",
                    Location(recipe.file),
                    hint=f"did you mean {near}?" if near else None,
                    notes=((None, f"wanted by {wanted_by}"),),
                )
            )
            return None
        return self.ensure(recipe, task)

    def ensure(self, recipe: Recipe, task: Task) -> str:
        label = label_of(recipe, task.name)
        other = self.by_pn.setdefault(recipe.pn, recipe)
        if other.id != recipe.id:
            self.fail(
                Diagnostic(
                    "HBP003",
                    f"two recipes of the name '{recipe.pn}' are needed by one build",
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
                if self.add(found, wanted, f"{label}[{kind}]", found.tasks.get(wanted)):
                    self.link(draft, found, found.tasks[wanted], f"[{kind}]")
        if task.deptask:
            self.linked(draft, self.depends(recipe), task.deptask, "[deptask]")
        if task.rdeptask:
            self.linked(draft, self.runtime_depends(recipe), task.rdeptask, "[rdeptask]")
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
        stack = list(draft.deps)
        for name in draft.task.recideptask:
            if name in draft.recipe.tasks:
                stack.append(self.ensure(draft.recipe, draft.recipe.tasks[name]))
        while stack:
            current = stack.pop()
            if current not in seen:
                seen.add(current)
                reached.setdefault(self.drafts[current].recipe.id, self.drafts[current].recipe)
                stack.extend(self.drafts[current].deps)
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

    def provider(self, name: str, recipe: Recipe | None, task: Task | None) -> Recipe | None:
        return self.find(name, recipe, task, self.build_time, self.build_cache, "PROVIDES", True)

    def runtime(self, name: str, recipe: Recipe, task: Task | None, needed: bool = True) -> Recipe | None:
        return self.find(name, recipe, task, self.run_time, self.run_cache, "RPROVIDES", needed)

    def find(
        self,
        name: str,
        recipe: Recipe | None,
        task: Task | None,
        lookup: Lookup,
        cache: dict[str, Recipe | None],
        what: str,
        needed: bool,
    ) -> Recipe | None:
        if name in self.assumed:
            return None
        if name not in cache:
            try:
                found = lookup(name)
                cache[name] = self.recipes[found] if found is not None else None
            except HadronbakeError as error:
                if not needed:
                    return None
                cache[name] = None
                for item in error.diagnostics:
                    self.errors[f"{what} {name} {item.message}"] = self.required_by(item, recipe, task)
        result = cache[name]
        if result is None and needed and not any(key.startswith(f"{what} {name} ") for key in self.errors):
            known = {alias for other in self.recipes.values() for alias in (other.pn, *other.provides)}
            if what == "RPROVIDES":
                known = {alias for other in self.recipes.values() for alias in (*other.packages, *other.rprovides)}
            near = closest(name, known)
            hint = f"did you mean '{near}'?" if near else "is the layer that has it in BBLAYERS?"
            message = f"nothing {what} '{name}'"
            self.errors[f"{what} {name} "] = self.required_by(Diagnostic("HBP001", message, hint=hint), recipe, task)
        return result

    def required_by(self, item: Diagnostic, recipe: Recipe | None, task: Task | None) -> Diagnostic:
        if recipe is None:
            return item
        where = task.location if task is not None and task.location is not None else Location(recipe.file)
        note = f"required by {recipe.pn}" + (f":{task.name}" if task is not None else "")
        return Diagnostic(
            item.code,
            item.message,
            item.location,
            item.severity,
            item.excerpt,
            item.length,
            item.expected,
            item.hint,
            (*item.notes, (where, note)),
        )

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
            draft.recipe.pn,
            draft.task,
            tuple(sorted(draft.deps)),
            tuple(sorted(draft.sysroot)),
            tuple(sorted(draft.inputs)),
            own,
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
        for label, dep in itertools.pairwise(labels):
            draft = self.drafts[label]
            notes.append((draft.task.location, f"{label} waits for {dep}: {draft.deps[dep]}"))
        return HadronbakeError(
            Diagnostic(
                "HBP004",
                "tasks wait for each other: " + " → ".join(labels),
                Location(first.recipe.file),
                hint="take one of these relations away",
                notes=tuple(notes),
            )
        )
