"""Which build directory says what a file means; for a layer that no build uses, one made for the purpose."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from hadronbake.language.parser import parse_file
from hadronbake.language.statements import Assignment
from hadronbake.metadata.configuration import PROJECT
from hadronbake.metadata.template import find_build_directory


def find_site(path: Path, roots: Iterable[Path], environ: Mapping[str, str]) -> Path | None:
    """The build directory for a file: one above it or beside what is above it, else that of an editor's root directory, else
    a small one of its own for the layer. None: the file is in no layer."""
    for start in (path.parent, *roots):
        if (found := find_build_directory(start)) is not None:
            return found
    layer = find_layer(path)
    return make_site(layer, environ) if layer is not None else None


def find_layer(path: Path) -> Path | None:
    """The layer directory that a file is in."""
    return next((item for item in path.parents if (item / "conf" / "layer.conf").is_file()), None)


def make_site(layer: Path, environ: Mapping[str, str]) -> Path:
    """A build directory in the cache that uses the layer and what it depends on; its files are written if they aren't so yet."""
    cache = Path(environ.get("HB_CACHE") or Path("~/.cache/hadronbake").expanduser())
    topdir = cache / "lsp" / hashlib.sha256(os.fsencode(layer)).hexdigest()[:16]
    for name, text in site_texts(layer).items():
        target = topdir / "conf" / name
        if not target.is_file() or target.read_text() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    return topdir


def site_texts(layer: Path) -> dict[str, str]:
    """File name → text. The project's own configuration and layer come in unless one of the layers brings a bitbake.conf."""
    layers = _with_needed(layer)
    search, machine = "${TOPDIR}", 'MACHINE ??= "qemux86-64"\n'
    if not any((item / "conf" / "bitbake.conf").is_file() for item in layers):
        core = PROJECT / "layers" / "hadron-core"
        layers = [core, *(item for item in layers if item != core)]
        search, machine = f"${{TOPDIR}}:{PROJECT}", ""
    listed = " \\\n    ".join(str(item) for item in layers)
    return {
        "bblayers.conf": f'BBPATH = "{search}"\nBBFILES ?= ""\nBBLAYERS = " \\\n    {listed} \\\n"\n',
        "local.conf": machine,
    }


def _with_needed(layer: Path) -> list[Path]:
    """The layer after those that it depends on, as far as they are near it."""
    near = {
        name: path.parent.parent
        for start in (layer.parent, layer.parent.parent, *layer.parent.glob("*/"))
        for path in sorted(start.glob("*/conf/layer.conf"))
        for name in _words(path, "BBFILE_COLLECTIONS")
    }
    found: list[Path] = []

    def add(item: Path) -> None:
        if item in found:
            return
        found.append(item)
        for name in _words(item / "conf" / "layer.conf", "LAYERDEPENDS_"):
            if name in near:
                add(near[name])

    add(layer)
    return found[::-1]


def _words(path: Path, variable: str) -> list[str]:
    return [
        word
        for item in parse_file(path).statements
        if isinstance(item, Assignment) and item.flag is None and item.name.startswith(variable)
        for word in item.value.split()
        if "$" not in word and "(" not in word
    ]
