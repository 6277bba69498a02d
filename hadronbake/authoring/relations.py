"""Who needs whom: recipes at build time or at run time, or tasks; forwards, backwards, and the shortest way from one to another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from hadronbake.diagnostics import HadronbakeError
from hadronbake.metadata.recipe import Recipe
from hadronbake.metadata.workspace import Workspace
from hadronbake.planning import graph as planned

Relation = Literal["build-time", "run-time", "tasks"]


class Edge(BaseModel):
    """``source`` needs ``target``; ``why``: by which words, as ``DEPENDS: virtual/libc``."""

    model_config = ConfigDict(frozen=True)

    source: str
    target: str
    why: str


class Node(BaseModel):
    """``name``: of a recipe, or ``recipe:task``. ``file`` is None for a name that no recipe provides: ``state`` says whether the build
    host provides it ("assumed") or nobody ("missing"); else it is "recipe"."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str | None = None
    file: str | None = None
    state: Literal["recipe", "assumed", "missing"] = "recipe"


class Relations(BaseModel):
    """Everything reachable from ``target``; with ``reverse`` everything that reaches it. Edges always go from who needs to what is
    needed."""

    model_config = ConfigDict(frozen=True)

    target: str
    relation: Relation
    reverse: bool
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


class Way(BaseModel):
    """The shortest way from ``target`` to ``to``; no edges: there is none."""

    model_config = ConfigDict(frozen=True)

    target: str
    to: str
    relation: Relation
    edges: tuple[Edge, ...]


class Network:
    """All relations of one kind. ``name`` of a recipe stands for its node."""

    def __init__(self, relation: Relation, nodes: Mapping[str, Node], edges: Iterable[Edge]) -> None:
        self.relation: Relation = relation
        self.nodes = nodes
        self.needs: dict[str, list[Edge]] = {}
        self.needed: dict[str, list[Edge]] = {}
        for edge in edges:
            self.needs.setdefault(edge.source, []).append(edge)
            self.needed.setdefault(edge.target, []).append(edge)

    def around(self, target: str, *, reverse: bool) -> Relations:
        """What ``target`` needs, or with ``reverse`` what needs it, to any depth."""
        table = self.needed if reverse else self.needs
        seen, waiting, edges = {target: None}, deque([target]), []
        while waiting:
            for edge in table.get(waiting.popleft(), ()):
                edges.append(edge)
                other = edge.source if reverse else edge.target
                if other not in seen:
                    seen[other] = None
                    waiting.append(other)
        nodes = tuple(self.nodes[name] for name in seen)
        return Relations(target=target, relation=self.relation, reverse=reverse, nodes=nodes, edges=tuple(edges))

    def way(self, target: str, to: str) -> Way:
        """The shortest way, the first by name among equals."""
        came: dict[str, Edge] = {}
        waiting = deque([target])
        while waiting and to not in came:
            for edge in sorted(self.needs.get(waiting.popleft(), ()), key=lambda edge: edge.target):
                if edge.target not in came and edge.target != target:
                    came[edge.target] = edge
                    waiting.append(edge.target)
        edges: list[Edge] = []
        while to in came and (not edges or edges[-1].source != target):
            edges.append(came[edges[-1].source if edges else to])
        return Way(target=target, to=to, relation=self.relation, edges=tuple(reversed(edges)))


def build_time(workspace: Workspace) -> Network:
    """DEPENDS and the tasks' flag ``depends`` of all recipes."""

    def words(recipe: Recipe) -> Iterator[tuple[str, str]]:
        yield from (("DEPENDS", name) for name in recipe.depends)
        for task in recipe.tasks.values():
            yield from ((f"{task.name}[depends]", name) for name, _ in task.depends)

    return _of_recipes(workspace, "build-time", words, workspace.providers.resolve)


def run_time(workspace: Workspace) -> Network:
    """RDEPENDS and RRECOMMENDS of all packages, and the tasks' flag ``rdepends``."""

    def words(recipe: Recipe) -> Iterator[tuple[str, str]]:
        for variable, packages in (("RDEPENDS", recipe.rdepends), ("RRECOMMENDS", recipe.rrecommends)):
            for package, names in packages.items():
                yield from ((f"{variable}:{package}", name) for name in names)
        for task in recipe.tasks.values():
            yield from ((f"{task.name}[rdepends]", name) for name, _ in task.rdepends)

    return _of_recipes(workspace, "run-time", words, workspace.providers.resolve_runtime)


def _of_recipes(
    workspace: Workspace,
    relation: Relation,
    words: Callable[[Recipe], Iterator[tuple[str, str]]],
    resolve: Callable[[str], str],
) -> Network:
    """Of several recipes of one name the one that a build takes counts."""
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str], dict[str, None]] = {}
    for recipe in workspace.recipes.values():
        if recipe.skipped is not None or workspace.providers.versions(recipe.pn)[0].id != recipe.id:
            continue
        nodes[recipe.pn] = Node(name=recipe.pn, version=recipe.pv, file=recipe.file)
        for variable, name in words(recipe):
            try:
                other = workspace.recipes[resolve(name)].pn
            except HadronbakeError:
                if variable.startswith("RRECOMMENDS"):
                    continue
                other = name
                state: Literal["assumed", "missing"] = "assumed" if workspace.providers.assumed(name) else "missing"
                nodes.setdefault(name, Node(name=name, state=state))
            if other != recipe.pn:
                edges.setdefault((recipe.pn, other), {})[f"{variable}: {name}"] = None
    for name in {target for _, target in edges} - nodes.keys():
        nodes[name] = Node(name=name)
    return Network(
        relation,
        nodes,
        (Edge(source=source, target=target, why=", ".join(why)) for (source, target), why in sorted(edges.items())),
    )


def tasks(workspace: Workspace, targets: Iterable[str]) -> Network:
    """The tasks that a build of the targets would have. Raises HadronbakeError as the build would."""
    providers = workspace.providers
    recipes = workspace.everywhere()
    others = {
        mc: planned.Names(own.providers.resolve, own.providers.resolve_runtime, own.providers.preferences.assumed)
        for mc, own in workspace.others.items()
    }
    graph = planned.build(
        recipes,
        providers.resolve,
        providers.resolve_runtime,
        tuple(targets),
        assumed=providers.preferences.assumed,
        others=others,
    )
    nodes = {}
    edges = []
    for label in graph.order:
        node = graph.nodes[label]
        recipe = recipes[node.recipe]
        nodes[label] = Node(name=label, version=recipe.pv, file=recipe.file)
        for dep in node.deps:
            why = (
                "comes first" if dep in node.own else "in its sysroot" if dep in node.sysroot else "its output is used"
            )
            if dep not in (*node.own, *node.sysroot, *node.inputs):
                why = "by a flag"
            edges.append(Edge(source=label, target=dep, why=why))
    return Network("tasks", nodes, edges)


def all_targets(workspace: Workspace) -> list[str]:
    """The names of all recipes that have a task do_build."""
    found = {
        recipe.pn for recipe in workspace.recipes.values() if recipe.skipped is None and "do_build" in recipe.tasks
    }
    return sorted(found)


def tree(relations: Relations) -> Iterator[str]:
    """The relations as an indented tree; what was shown above is not shown again."""
    below: dict[str, list[Edge]] = {}
    for edge in relations.edges:
        below.setdefault(edge.target if relations.reverse else edge.source, []).append(edge)
    nodes = {node.name: node for node in relations.nodes}
    shown: set[str] = set()
    stack = [(relations.target, 0, "")]
    while stack:
        name, depth, why = stack.pop()
        again = name in shown and bool(below.get(name))
        state = {"recipe": "", "assumed": "  (the build host provides it)", "missing": "  (nobody provides it)"}
        text = "  (above)" if again else state[nodes[name].state]
        yield f"{'  ' * depth}{name}{f'  [{why}]' if why else ''}{text}"
        if not again:
            shown.add(name)
            for edge in sorted(below.get(name, ()), key=lambda edge: (edge.source, edge.target), reverse=True):
                stack.append((edge.source if relations.reverse else edge.target, depth + 1, edge.why))


def dot(relations: Relations) -> Iterator[str]:
    """The relations for Graphviz."""

    def name(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    yield f"digraph {name(relations.target)} {{"
    yield "    node [shape=box];"
    for node in relations.nodes:
        style = "" if node.state == "recipe" else " [style=dashed]"
        yield f"    {name(node.name)}{style};"
    for edge in relations.edges:
        yield f"    {name(edge.source)} -> {name(edge.target)};"
    yield "}"
