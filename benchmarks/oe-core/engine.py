"""Our side: reads the same build directory by hadronbake and writes the records.

Run by ``compare.py``, as: engine.py BUILD_DIRECTORY POSTFILE OUT SAMPLE [FILE…]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from records import CONFIGURATION, PROVIDERS, File, Records, Target, chosen, settle, variables_of

from hadronbake.datastore.embedded import events
from hadronbake.datastore.signatures import generate_dependencies
from hadronbake.diagnostics import HadronbakeError
from hadronbake.metadata.configuration import Configuration, read_configuration
from hadronbake.metadata.environment import only_environment
from hadronbake.metadata.layers import RecipeFile, collect_files
from hadronbake.metadata.parsing import Messages
from hadronbake.metadata.providers import Providers, preferences_of
from hadronbake.metadata.recipe import Recipe
from hadronbake.metadata.recipes import make_recipe
from hadronbake.metadata.variants import Variant, parse_recipe


def main(topdir: str, postfile: str, out: str, sample: int, only: list[str]) -> None:
    settle()
    records = Records(Path(out))
    configuration = read_configuration(Path(topdir), os.environ, postfiles=[postfile])
    records.put(CONFIGURATION, Target(variables_of(configuration.d.createCopy())))
    files = {item.path: item for item in collect_files(configuration.d, configuration.layers).recipes}
    every = only or chosen(files, sample)
    recipes: dict[str, Recipe] = {}
    for number, path in enumerate(every, 1):
        records.put(path, read_file(files[path], configuration, recipes))
        print(f"\r{number} of {len(every)}", end="", file=sys.stderr, flush=True)
    records.put(PROVIDERS, providers(recipes, configuration))


def read_file(file: RecipeFile, configuration: Configuration, recipes: dict[str, Recipe]) -> File:
    """Parse a recipe file as ``hbake parse`` does; its recipes are added to ``recipes``."""
    with only_environment(configuration.environment), Messages():
        events.set_handlers(dict(configuration.handlers))
        try:
            found, dependencies = parse_recipe(file, configuration.d)
            for variant in found.values():
                recipe = make_recipe(variant, file, dependencies).recipe
                recipes[recipe.id] = recipe
            targets = {name: target(variant) for name, variant in found.items()}
        except HadronbakeError as error:
            return File({}, file.appends, file.layer, file.priority, str(error))
    return File(targets, file.appends, file.layer, file.priority)


def target(variant: Variant) -> Target:
    if variant.skipped is not None:
        return Target(skipped=variant.skipped)
    needs, texts = generate_dependencies(variant.d, variant.tasks)
    return Target(variables_of(variant.d), variant.tasks, needs, texts)


def providers(recipes: Mapping[str, Recipe], configuration: Configuration) -> dict[str, dict[str, str | None]]:
    """For each build-time and each run-time name the recipe that would be taken."""
    known = Providers(recipes, preferences_of(configuration.d))
    built = [recipe for recipe in recipes.values() if recipe.skipped is None]
    build: dict[str, str | None] = {}
    for name in sorted({name for recipe in built for name in (recipe.pn, *recipe.provides)}):
        try:
            build[name] = known.resolve(name)
        except HadronbakeError as error:
            build[name] = f"error: {error}"
    run: dict[str, str | None] = {}
    names = {name for recipe in built for name in recipe.packages or (recipe.pn,)}
    names |= {name for recipe in built for own in recipe.rprovides.values() for name in own}
    for name in sorted(names):
        try:
            run[name] = known.resolve_runtime(name)
        except HadronbakeError as error:
            run[name] = f"error: {error}"
    return {"build": build, "run": run}


if __name__ == "__main__":
    topdir, postfile, out, sample, *only = sys.argv[1:]
    main(topdir, postfile, out, int(sample), only)
