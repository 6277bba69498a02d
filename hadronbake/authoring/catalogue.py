"""What there is: the recipes of a workspace, and the layers with what each of them gives and changes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from hadronbake.datastore.embedded.parsing import vars_from_file
from hadronbake.datastore.store import DataStore
from hadronbake.metadata.layers import Layer, RecipeFile, RecipeFiles, layer_of
from hadronbake.metadata.recipe import in_configuration
from hadronbake.metadata.workspace import Workspace


class RecipeRow(BaseModel):
    """``chosen``: the version that a build of the name would take. ``skipped``: why it can't be built."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    kind: str
    variant: str
    layer: str
    file: str
    appends: tuple[str, ...]
    provides: tuple[str, ...]
    chosen: bool
    skipped: str | None


class AppendRow(BaseModel):
    """``recipes``: the recipe files it changes; none: there is no recipe for it."""

    model_config = ConfigDict(frozen=True)

    file: str
    recipes: tuple[str, ...]


class OverlayRow(BaseModel):
    """Recipe files of one name in several layers: ``file`` is used by default, ``hidden`` are those behind it."""

    model_config = ConfigDict(frozen=True)

    name: str
    file: str
    hidden: tuple[str, ...]


class LayerRow(BaseModel):
    """``recipes``: names of recipe files without ``.bb``. ``appends``: what appends of this layer change. ``overlays``: its recipes
    that take the place of those of other layers. ``classes``, ``machines``, ``distros`` by name."""

    model_config = ConfigDict(frozen=True)

    name: str
    priority: int
    directory: str
    recipes: tuple[str, ...]
    appends: tuple[AppendRow, ...]
    overlays: tuple[OverlayRow, ...]
    classes: tuple[str, ...]
    machines: tuple[str, ...]
    distros: tuple[str, ...]


def recipe_rows(workspace: Workspace) -> tuple[RecipeRow, ...]:
    """All recipes with their variants, by name and version; those of further configurations, as ``mc:NAME:…``, behind the others."""
    rows = []
    for recipe in workspace.recipes.values():
        versions = workspace.providers.versions(recipe.pn) if recipe.skipped is None else []
        rows.append(
            RecipeRow(
                name=in_configuration(recipe.mc, recipe.pn),
                version=f"{recipe.pe}:{recipe.pv}" if recipe.pe else recipe.pv,
                kind=recipe.kind,
                variant=recipe.variant,
                layer=recipe.layer,
                file=recipe.file,
                appends=workspace.file(recipe.id).appends,
                provides=recipe.provides,
                chosen=bool(versions) and versions[0].id == recipe.id,
                skipped=recipe.skipped,
            )
        )
    own = sorted(rows, key=lambda row: (row.name, row.version, row.file))
    return (*own, *(row for other in workspace.others.values() for row in recipe_rows(other)))


def layer_rows(layers: Iterable[Layer], files: RecipeFiles, d: DataStore) -> tuple[LayerRow, ...]:
    """The layers, highest priority first. Needs the configuration only: recipes with mistakes do no harm."""
    known = tuple(layers)
    changed: dict[str, list[str]] = {append: [] for append in files.dangling}
    for file in files.recipes:
        for append in file.appends:
            changed.setdefault(append, []).append(file.path)
    overlays = _overlays(files.recipes, d)
    rows = []
    for layer in sorted(known, key=lambda layer: (-layer.priority, layer.name)):
        own = [append for append in changed if _is_of(append, layer, known)]
        rows.append(
            LayerRow(
                name=layer.name,
                priority=layer.priority,
                directory=layer.directory,
                recipes=tuple(sorted(Path(item.path).stem for item in files.recipes if item.layer == layer.name)),
                appends=tuple(AppendRow(file=path, recipes=tuple(changed[path])) for path in sorted(own)),
                overlays=tuple(item for item in overlays if _is_of(item.file, layer, known)),
                classes=_stems(layer, "classes*/*.bbclass"),
                machines=_stems(layer, "conf/machine/*.conf"),
                distros=_stems(layer, "conf/distro/*.conf"),
            )
        )
    return tuple(rows)


def _is_of(path: str, layer: Layer, layers: tuple[Layer, ...]) -> bool:
    found = layer_of(path, layers)
    return found is not None and found.name == layer.name


def _stems(layer: Layer, pattern: str) -> tuple[str, ...]:
    if not layer.directory:
        return ()
    return tuple(sorted(path.stem for path in Path(layer.directory).glob(pattern)))


def _overlays(files: Iterable[RecipeFile], d: DataStore) -> tuple[OverlayRow, ...]:
    """Recipe names that several layers have. The layer's priority decides, then the version (language.md §18)."""
    by_name: dict[str, list[RecipeFile]] = {}
    for file in files:
        name = vars_from_file(file.path, d)[0] or os.path.basename(file.path)  # noqa: PTH119
        by_name.setdefault(name, []).append(file)
    found = []
    for name, own in sorted(by_name.items()):
        if len({file.layer for file in own}) > 1:
            first, *others = sorted(own, key=lambda file: -file.priority)
            hidden = tuple(file.path for file in others if file.priority < first.priority)
            if hidden:
                found.append(OverlayRow(name=name, file=first.path, hidden=hidden))
    return tuple(found)
