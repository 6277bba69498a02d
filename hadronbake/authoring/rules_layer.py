"""Rules about layers: files that nothing uses or reaches, layer.conf, names of appends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hadronbake.authoring.rule import FileRule, LayerRule, Problem
from hadronbake.authoring.source import Source
from hadronbake.authoring.surveyed import SurveyedLayers
from hadronbake.diagnostics import Location

_DIFF = re.compile(r"^(?:diff |--- |\+\+\+ |Index: |@@ )")
_HEADER = re.compile(r"^(?:From [0-9a-f]{40} |From:|Date:|Message-I[dD]:|index |new file|deleted file|={10,}|---$)")
_SHARED = frozenset({"BBPATH", "BBFILES", "BBFILE_COLLECTIONS", "BBFILES_DYNAMIC", "BBLAYERS"})


def _patches(layers: SurveyedLayers) -> Iterator[str]:
    for paths in layers.files.values():
        yield from (path for path in paths if path.endswith((".patch", ".diff")))


def _unused_patch(layers: SurveyedLayers) -> Iterator[Problem]:
    used = layers.local_files
    for path in _patches(layers):
        above = Path(path).parents
        if path in used or any(str(directory) in used for directory in above) or Path(path).name in layers.text:
            continue
        # A series file names patches too.
        series = [directory / "series" for directory in list(above)[:2]]
        if any(item.is_file() and Path(path).name in item.read_text(errors="replace") for item in series):
            continue
        yield Problem("no recipe applies this patch", Location(path), hint="remove it, or name it in SRC_URI")


def _silent_patch(layers: SurveyedLayers) -> Iterator[Problem]:
    for path in _patches(layers):
        said = False
        with Path(path).open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if _DIFF.match(line):
                    break
                if line.strip() and not _HEADER.match(line):
                    said = True
                    break
        if not said:
            yield Problem(
                "the patch does not say what it is for",
                Location(path, 1),
                hint="put some words before the first '---' line",
            )


def _unused_include(layers: SurveyedLayers) -> Iterator[Problem]:
    for paths in layers.files.values():
        for path in paths:
            # What is below conf/ is there for others to take.
            if (
                path.endswith(".inc")
                and "/conf/" not in path
                and "/files/" not in path
                and not _included(path, layers.text)
            ):
                yield Problem("nothing includes this file", Location(path), hint="remove it, or require it")


def _included(path: str, text: str) -> bool:
    name = Path(path).name
    for line in re.findall(r"^(?:require|include|include_all)[ \t]+(.*\.inc)", text, re.M):
        for word in line.split():
            parts = re.split(r"\$\{[^}]*\}", word.rpartition("/")[2])
            # A name that is all variable could be any.
            if (len(parts) == 1 or len(parts[0]) > 1) and re.fullmatch(".*".join(map(re.escape, parts)), name):
                return True
    return False


def _unreached(layers: SurveyedLayers) -> Iterator[Problem]:
    masks = [re.compile(mask) for mask in (layers.workspace.configuration.getVar("BBMASK") or "").split()]
    for paths in layers.files.values():
        for path in paths:
            if (
                path.endswith(".bb")
                and path not in layers.recipe_files
                and not any(mask.search(path) for mask in masks)
            ):
                yield Problem(
                    "no pattern of BBFILES matches this recipe",
                    Location(path),
                    hint="look at BBFILES in the layer's conf/layer.conf",
                )


def _wild_append(source: Source) -> Iterator[Problem]:
    if not source.name.endswith(".bbappend") or "%" not in source.name:
        return
    stem = source.name.removesuffix(".bbappend")
    if not re.fullmatch(r"[^%_]+_[^%]*%", stem):
        yield Problem(
            f"'%' in {source.name} stands for more than a version",
            source.at(0, 0),
            hint=f"write {stem.partition('%')[0].rstrip('_-')}_%.bbappend",
        )


def _layer_conf(source: Source) -> bool:
    return source.path.endswith("conf/layer.conf")


def _replaced(source: Source) -> Iterator[Problem]:
    if not _layer_conf(source):
        return
    for item in source.assignments:
        if (
            item.name in _SHARED
            and item.flag is None
            and item.operator in ("=", ":=")
            and f"${{{item.name}}}" not in item.value
        ):
            yield Problem(
                f"{item.name} of the layers read before is thrown away",
                source.find(item, item.name),
                len(item.name),
                'write BBPATH .= ":${LAYERDIR}"' if item.name == "BBPATH" else f"write {item.name} += …",
            )


def _loose_pattern(source: Source) -> Iterator[Problem]:
    if not _layer_conf(source):
        return
    for item in source.assignments:
        if (
            item.name.startswith("BBFILE_PATTERN_")
            and not re.match(r"\^\$\{LAYERDIR(?:_RE)?\}/", item.value)
            and item.value
        ):
            yield Problem(
                "this pattern matches files of other layers too",
                source.find(item, item.name),
                len(item.name),
                f'write {item.name} = "^${{LAYERDIR}}/"',
            )


RULES: tuple[LayerRule | FileRule, ...] = (
    LayerRule(
        "HBW601",
        "a patch that no recipe applies",
        "It looks as if it were in the product, and is carried along for nothing.",
        _unused_patch,
    ),
    LayerRule(
        "HBW602",
        "a patch without a word of explanation",
        "At the next upgrade nobody knows whether it is still needed, nor whether it was sent upstream.",
        _silent_patch,
    ),
    LayerRule("HBW603", "an include file that nothing includes", "What is in it has no effect.", _unused_include),
    LayerRule(
        "HBW604",
        "a recipe that BBFILES doesn't reach",
        "It can't be built; often it lies one directory too deep.",
        _unreached,
        error=True,
    ),
    FileRule(
        "HBW605",
        "a '%' in an append's name that stands for more than a version",
        "foo%.bbappend changes foobar too, and every recipe that will ever begin with foo.",
        _wild_append,
    ),
    FileRule(
        "HBW606",
        "a layer.conf that replaces what belongs to all layers",
        "With '=' the layers read before are lost; what is left depends on the order of BBLAYERS.",
        _replaced,
        error=True,
    ),
    FileRule(
        "HBW607",
        "a BBFILE_PATTERN that matches too much",
        "The first layer whose pattern matches a file owns it: priorities and appends go wrong.",
        _loose_pattern,
    ),
)
