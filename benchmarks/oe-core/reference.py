"""BitBake's side: reads a build directory by BitBake's own library and writes the records. Needs no package of ours.

Run by ``compare.py``, as: reference.py BITBAKE BUILD_DIRECTORY POSTFILE OUT SAMPLE
"""

# mypy: disable-error-code="import-not-found,import-untyped"
from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from records import CONFIGURATION, PROVIDERS, File, Records, Target, chosen, plain, settle, variables_of


def main(bitbake: str, topdir: str, postfile: str, out: str, sample: int) -> None:
    sys.path.insert(0, f"{bitbake}/lib")
    os.chdir(topdir)
    import bb.cache
    import bb.cooker
    import bb.cookerdata
    import bb.parse
    import bb.siggen

    said: list[str] = []
    listen(said)
    settle()
    records = Records(Path(out))
    options = bb.cookerdata.CookerConfiguration()
    options.env = dict(os.environ)
    options.postfile = [postfile]
    bb.utils.clean_environment()
    builder = bb.cookerdata.CookerDataBuilder(options, False)
    builder.parseBaseConfiguration()
    d = builder.data
    bb.parse.siggen = bb.siggen.init(d)
    records.put(CONFIGURATION, Target(variables_of(d.createCopy())))
    collector = bb.cooker.CookerCollectFiles(priorities(d))
    files, _, _ = collector.collect_bbfiles(d, d)
    cache = bb.cache.CacheData([bb.cache.CoreRecipeInfo])
    every = chosen(files, sample)
    for number, path in enumerate(every, 1):
        appends = collector.get_file_appends(path)
        priority, _, layer = collector.calc_bbfile_priority(path)
        try:
            stores = builder.parseRecipeVariants(path, appends, layername=layer)
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
            records.put(path, File({}, appends, layer or "", priority, "\n".join(said)))
            said.clear()
            continue
        targets = {}
        for variant, store in stores.items():
            key = bb.cache.realfn2virtual(path, variant, "")
            info = bb.cache.CoreRecipeInfo(path, store)
            if not info.skipped:
                cache.add_from_recipeinfo(key, [info])
                cache.bbfile_priority[key] = priority
            targets[variant] = target(store)
        records.put(path, File(targets, appends, layer or "", priority))
        print(f"\r{number} of {len(every)}", end="", file=sys.stderr, flush=True)
    records.put(PROVIDERS, providers(d, cache))


def listen(said: list[str]) -> None:
    """Keep what BitBake logs as an error: its exceptions often say nothing."""

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logging.getLogger("BitBake").addHandler(Keeper(logging.ERROR))


def priorities(d: Any) -> list[Any]:
    """Layer patterns with their priorities, as BitBake's cooker works them out."""
    import bb.cooker

    cooker = bb.cooker.BBCooker.__new__(bb.cooker.BBCooker)
    cooker.data = d
    cooker.handleCollections(d.getVar("BBFILE_COLLECTIONS"))
    return list(cooker.bbfile_config_priorities)


def target(d: Any) -> Target:
    skipped = d.getVar("__SKIPPED", False)
    if skipped:
        return Target(skipped=str(skipped))
    needs: Mapping[str, Any] = d.getVar("__siggen_gendeps", False) or {}
    texts: Mapping[str, Any] = d.getVar("__siggen_varvals", False) or {}
    return Target(
        variables_of(d),
        tuple(d.getVar("__BBTASKS", False) or ()),
        {name: tuple(sorted(found)) for name, found in needs.items()},
        {name: None if text is None else str(plain(text)) for name, text in texts.items()},
    )


def providers(d: Any, cache: Any) -> dict[str, dict[str, str | None]]:
    """For each build-time and each run-time name the recipe that would be taken."""
    import bb.data
    import bb.providers

    local = bb.data.createCopy(d)
    bb.data.expandKeys(local)
    for word in (local.getVar("PREFERRED_PROVIDERS") or "").split():
        name, _, recipe = word.partition(":")
        cache.preferred[name] = recipe
    build: dict[str, str | None] = {}
    for name in sorted(cache.providers):
        eligible, _ = bb.providers.filterProviders(list(cache.providers[name]), name, local, cache)
        build[name] = eligible[0] if eligible else None
    run: dict[str, str | None] = {}
    for name in sorted({*cache.packages, *cache.rproviders}):
        found = bb.providers.getRuntimeProviders(cache, name)
        eligible, _ = bb.providers.filterProvidersRunTime(list(dict.fromkeys(found)), name, local, cache)
        run[name] = eligible[0] if eligible else None
    return {"build": build, "run": run}


if __name__ == "__main__":
    bitbake, topdir, postfile, out, sample = sys.argv[1:]
    main(bitbake, topdir, postfile, out, int(sample))
