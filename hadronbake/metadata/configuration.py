"""The base configuration, in BitBake's order (language.md §13), from a build directory."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from hadronbake.datastore.dependencies import ParseDependencies, dependencies_of, digest_of
from hadronbake.datastore.embedded import events
from hadronbake.datastore.errors import fail
from hadronbake.datastore.evaluator import collecting_syntax_errors, evaluate_file, inherit, read_all
from hadronbake.datastore.inline import METADATA, at_word, find
from hadronbake.datastore.references import forget_modules
from hadronbake.datastore.store import RENAME_SEEN, DataStore
from hadronbake.diagnostics import Diagnostic, HadronbakeError, closest
from hadronbake.metadata.environment import OriginalEnvironment, let_through, only_environment
from hadronbake.metadata.layers import (
    Layer,
    apply_dynamic_files,
    check_series,
    collect_files,
    read_layers,
    take_series,
)

PROJECT = Path(__file__).resolve().parent.parent.parent
"""The directory that holds ``conf/`` and ``layers/``; the variable HADRONBAKE_DIR."""

_REPARSES = 20
_IGNORED = frozenset({"__depends", "__base_depends", "__included", "BB_ORIGENV", "DATE", "TIME", "DATETIME", "FILE"})


@dataclass(frozen=True, slots=True)
class Configuration:
    """What every recipe starts from: a copy of ``d``. ``digest`` covers all of it, and the files it was read from. ``mc``: its name in
    BBMULTICONFIG; "": it is the default one.

    ``environment``: what was let through; ``original``: all of it; ``reads``: what was read of that.
    ``options``: the files of ``-r`` and ``-R``.
    """

    topdir: str
    d: DataStore
    layers: tuple[Layer, ...]
    environment: Mapping[str, str]
    original: OriginalEnvironment
    options: tuple[Sequence[str], Sequence[str]]
    mc: str
    handlers: Mapping[str, Any]
    reads: tuple[tuple[str, str | None], ...]
    digest: str


def read_again_tracking(known: Configuration) -> Configuration:
    """The same configuration, with the history of every variable."""
    prefiles, postfiles = known.options
    return read_configuration(
        Path(known.topdir), known.original.environ, prefiles=prefiles, postfiles=postfiles, tracking=True, mc=known.mc
    )


def read_others(known: Configuration) -> dict[str, Configuration]:
    """The further configurations that BBMULTICONFIG names, each from the same files with BB_CURRENT_MC set to its name.

    Fires MultiConfigParsed once they are all there. Raises HadronbakeError.
    """
    names = list(dict.fromkeys((known.d.getVar("BBMULTICONFIG") or "").split()))
    for name in names:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.+-]*", name):
            raise HadronbakeError.of(
                "HBM028",
                f"BBMULTICONFIG names {name}, which can't be the name of a configuration",
                known.d.origin("BBMULTICONFIG"),
                hint="it must not begin with a digit, and is made of letters, digits and the characters _ . + -",
            )
    if not names:
        return {}
    prefiles, postfiles = known.options
    topdir, environ = Path(known.topdir), known.original.environ
    others = {
        name: read_configuration(topdir, environ, prefiles=prefiles, postfiles=postfiles, mc=name) for name in names
    }
    events.set_handlers(dict(known.handlers))
    with only_environment(known.environment):
        stores = {"": known.d, **{name: other.d for name, other in others.items()}}
        events.fire(events.MultiConfigParsed(stores), known.d)
    return others


def read_configuration(
    topdir: Path,
    environ: Mapping[str, str],
    *,
    prefiles: Sequence[str] = (),
    postfiles: Sequence[str] = (),
    tracking: bool = False,
    mc: str = "",
) -> Configuration:
    """Read the configuration of the build directory ``topdir``, the default one or that of the name ``mc``.

    Raises HadronbakeError: all syntax errors of all files at once, or else the first other error.
    """
    topdir = topdir.absolute()
    environment = let_through(environ)
    original = OriginalEnvironment(environ)
    with only_environment(environment):
        events.set_handlers({})
        d = _read(topdir, environment, original, prefiles, postfiles, tracking, mc)
        for _ in range(_REPARSES):
            events.fire(events.ConfigParsed(), d)
            if d.getVar("BB_INVALIDCONF", False) is not True:
                break
            events.set_handlers({})
            d = _read(topdir, environment, original, prefiles, postfiles, tracking, mc)
        else:
            raise HadronbakeError.of(
                "HBM001",
                f"the configuration was invalidated {_REPARSES} times: giving up",
                hint="a handler of bb.event.ConfigParsed sets BB_INVALIDCONF each time it runs",
            )
        layers = read_layers(d)
        reads = original.take_reads()
        digest = _digest(d, (*environment.items(), *reads))
        d.setVar("__base_depends", dependencies_of(d))
        d.setVar("__depends", ParseDependencies())
        d.setVar("__included", ())
        options = (prefiles, postfiles)
        handlers = events.get_handlers()
        return Configuration(str(topdir), d, layers, environment, original, options, mc, handlers, reads, digest)


def _read(
    topdir: Path,
    environment: Mapping[str, str],
    original: OriginalEnvironment,
    prefiles: Sequence[str],
    postfiles: Sequence[str],
    tracking: bool,
    mc: str,
) -> DataStore:
    forget_modules()
    d = DataStore()
    if tracking:
        d.enableTracking()
    d.setVar("__depends", ParseDependencies())
    d.setVar("__bbclasstype", "global")
    for name, value in environment.items():
        d.setVar(name, value, op="from env", file="environment", line=0)
    d.setVar("BB_ORIGENV", original)
    d.setVar("BB_CURRENT_MC", mc)
    d.setVar("TOPDIR", str(topdir))
    d.setVar("HADRONBAKE_DIR", str(PROJECT))
    with collecting_syntax_errors() as collected:
        for name in prefiles:
            _configuration_file(name, d, "-r")
        _read_layers(topdir, d)
        bitbake_conf = _along_bbpath("conf/bitbake.conf", d)
        if bitbake_conf is None:
            raise HadronbakeError.of(
                "HBM002",
                "there is no conf/bitbake.conf along BBPATH",
                d.origin("BBPATH"),
                hint=f"BBPATH is {d.getVar('BBPATH')}; "
                'conf/bblayers.conf of a new build directory begins with BBPATH = "${TOPDIR}:${HADRONBAKE_DIR}"',
            )
        if not d.getVar("BB_CACHEDIR"):
            d.setVar("BB_CACHEDIR", "${TOPDIR}/cache")
        evaluate_file(bitbake_conf, d)
        for name in postfiles:
            _configuration_file(name, d, "-R")
        for name in ("base", *(d.getVar("INHERIT") or "").split()):
            origin = d.origin("INHERIT") if name != "base" else None
            inherit(name, origin.file if origin else bitbake_conf, origin.line if origin else 0, d)
        if collected:
            # Nothing can be evaluated, but what can't be read in the recipes can be told in the same run.
            _read_recipes(d)
    if d.getVar(RENAME_SEEN, False):
        raise HadronbakeError.of(
            "HBM019", "the configuration sets variables that have been renamed (see above)", hint="use the new names"
        )
    register_handlers(d)
    return d


def _read_recipes(d: DataStore) -> None:
    try:
        found = collect_files(d, read_layers(d))
    except HadronbakeError:
        # Of the configuration too much is missing.
        return
    for file in found.recipes:
        for path in (file.path, *file.appends):
            read_all(path, d)


def register_handlers(d: DataStore) -> None:
    """Register what ``addhandler`` named. A handler without a body is fatal."""
    known = events.get_handlers()
    for name in d.getVar("__BBHANDLERS", False) or ():
        place = d.getVarFlag(name, "filename", False)
        if not place:
            near = closest(name, (key for key in d if d.getVarFlag(key, "func", False)))
            seen = find(name, None, [path for path in dependencies_of(d) if path.endswith(METADATA)], whole=True)
            place, excerpt = seen.place() if seen is not None else (None, None)
            hint = f"did you mean {near}?" if near else f"write its code: python {name}() {{ … }}"
            message = f"Undefined event handler function '{name}'"
            fail(Diagnostic("HBM003", message, place, excerpt=excerpt, length=len(name), hint=hint))
        if name in known:
            continue
        mask = (d.getVarFlag(name, "eventmask") or "").split()
        line = int(d.getVarFlag(name, "lineno", False) or 0)
        events.register(name, d.getVar(name, False), mask, place, line, d)


def _configuration_file(name: str, d: DataStore, option: str) -> None:
    path = Path(name).absolute()
    if not path.is_file():
        raise HadronbakeError.of("HBM004", f"configuration file {name} (option {option}) doesn't exist")
    evaluate_file(str(path), d)


def _along_bbpath(name: str, d: DataStore) -> str | None:
    dependencies = dependencies_of(d)
    for directory in (d.getVar("BBPATH") or "").split(":"):
        path = os.path.join(directory, name)
        dependencies.note(path)
        if Path(path).is_file():
            return path
    return None


def _read_layers(topdir: Path, d: DataStore) -> None:
    bblayers = topdir / "conf" / "bblayers.conf"
    dependencies_of(d).note(str(bblayers))
    if not bblayers.is_file():
        if d.getVar("BBPATH"):
            # Without layers: the environment says where the configuration is, and that names the recipes.
            return
        raise HadronbakeError.of(
            "HBM005",
            f"{topdir} is no build directory: there is no {bblayers}",
            hint="go to a directory that has one (or whose build/ has one), "
            "or run hbake in an empty directory, which makes build/conf",
        )
    evaluate_file(str(bblayers), d)
    directories = (d.getVar("BBLAYERS") or "").split()
    if not directories:
        raise HadronbakeError.of("HBM006", "BBLAYERS is empty: no layer to read", d.origin("BBLAYERS"))
    missing: list[Diagnostic] = []
    for directory in directories:
        if not Path(directory).expanduser().joinpath("conf/layer.conf").is_file():
            dependencies_of(d).note(os.path.join(directory, "conf/layer.conf"))
            missing.append(_missing_layer(directory, d))
    if missing:
        raise HadronbakeError(*missing)
    series: dict[str, str] = {}
    names: list[str] = []
    for directory in directories:
        # "~" and ".." would make one layer look like two.
        path = os.path.abspath(os.path.expanduser(directory))  # noqa: PTH100, PTH111
        d.setVar("LAYERDIR", path)
        d.setVar("LAYERDIR_RE", re.escape(path))
        evaluate_file(f"{path}/conf/layer.conf", d)
        d.expandVarref("LAYERDIR")
        d.expandVarref("LAYERDIR_RE")
        names = take_series(d, series, names)
    d.delVar("LAYERDIR")
    d.delVar("LAYERDIR_RE")
    check_series(d, series, names)
    apply_dynamic_files(d)
    if not d.getVar("BBPATH"):
        raise HadronbakeError.of(
            "HBM007",
            "BBPATH is not set",
            hint='conf/bblayers.conf of a new build directory begins with BBPATH = "${TOPDIR}:${HADRONBAKE_DIR}"',
        )


def _missing_layer(directory: str, d: DataStore) -> Diagnostic:
    path = Path(directory).expanduser()
    origin = d.origin("BBLAYERS")
    if path.is_dir():
        item = Diagnostic(
            "HBM008",
            f"layer {directory} in BBLAYERS has no conf/layer.conf",
            origin,
            hint="is it a layer's top directory?",
        )
        return at_word(item, directory, d.expand)
    siblings = [str(item) for item in path.parent.iterdir() if item.is_dir()] if path.parent.is_dir() else []
    near = closest(directory, siblings)
    item = Diagnostic(
        "HBM009",
        f"layer directory {directory} in BBLAYERS doesn't exist",
        origin,
        hint=f"did you mean {near}?" if near else "get the layer there, or take it out of BBLAYERS",
    )
    return at_word(item, directory, d.expand)


def _digest(d: DataStore, environment: Iterable[tuple[str, str | None]]) -> str:
    """SHA-256 over every variable with all that is pending on it, what was read of the environment, and each file's content."""
    parts: list[str] = []
    ignored = _IGNORED | set((d.getVar("BB_HASHCONFIG_IGNORE_VARS") or "").split())
    variables = d.variables
    for name in sorted(variables):
        if name not in ignored:
            flags = variables[name].internal_flags()
            parts += (name, repr(sorted(flags.items(), key=itemgetter(0))) if len(flags) > 1 else repr(flags))
    for key, value in sorted(environment):
        parts += ("environment", key, repr(value))
    for path in dependencies_of(d):
        parts += (path, digest_of(path) or "missing")
    return hashlib.sha256(repr(parts).encode(errors="surrogateescape")).hexdigest()
