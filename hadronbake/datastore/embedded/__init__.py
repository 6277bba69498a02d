"""The module ``bb`` that Python in recipes sees, written anew; ``register`` puts it into ``sys.modules``.

Kept light (no grammar, no store), since the task runner in the sandbox imports it too.
"""

from __future__ import annotations

import builtins
import os
import sys
from types import ModuleType
from typing import Any

__all__ = ["register"]


def _module(name: str, doc: str, **names: Any) -> ModuleType:
    module = ModuleType(name, doc)
    module.__dict__.update(names)
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, module)
    return module


def _public(*modules: ModuleType) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for module in modules:
        own = {k: v for k, v in vars(module).items() if not k.startswith("_") and not isinstance(v, ModuleType)}
        names.update({k: v for k, v in own.items() if getattr(v, "__module__", module.__name__) == module.__name__})
    return names


def register() -> ModuleType:
    """Make ``import bb`` (and ``bb.utils`` …) give our modules; gives ``bb``. Calling it again changes nothing."""
    known = sys.modules.get("bb")
    if known is not None and getattr(known, "__hadronbake__", False):
        return known
    from hadronbake import __version__
    from hadronbake.datastore import errors

    from . import (
        events,
        fetchcommands,
        files,
        logs,
        parsing,
        process,
        rewriting,
        siggen,
        stubs,
        tasks,
        uris,
        versions,
        words,
    )

    messages = ("plain", "note", "verbnote", "debug", "warn", "warnonce", "error", "erroronce", "fatal")
    bb = _module(
        "bb",
        "What BitBake's package of this name offers to metadata, provided by hadronbake.",
        __hadronbake__=True,
        __version__="2.19.0",
        __file__=__file__,
        __path__=[],
        hadronbake_version=__version__,
        BBHandledException=errors.BBHandledException,
        BBLogger=logs.BBLogger,
        mainlogger=logs.mainlogger,
        **{name: getattr(logs, name) for name in messages},
    )
    context = stubs.context
    _module(
        "bb.utils",
        "Helper functions.",
        **_public(versions, words, files, rewriting),
        **stubs.utilities(),
        get_file_layer=parsing.get_file_layer,
        get_collection_res=parsing.get_collection_res,
    )
    _module(
        "bb.data",
        "Functions over a datastore.",
        init=parsing.init_data,
        createCopy=parsing.create_copy,
        inherits_class=parsing.inherits_class,
        expandKeys=stubs.expand_keys,
        expand=lambda text, d, varname=None: d.expand(text, varname),
        getVar=lambda name, d, expand=True: d.getVar(name, expand),
        setVar=lambda name, value, d: d.setVar(name, value),
        update_data=lambda d: None,
        emit_func=lambda *args, **options: context("emit_function_to")(*args, **options),
        emit_env=lambda *args, **options: context("emit_environment_to")(*args, **options),
        emit_var=lambda *args, **options: context("emit_variable_to")(*args, **options),
    )
    sys.modules["bb.data"].__getattr__ = stubs.lazy_analysis  # type: ignore[method-assign]
    _module("bb.data_smart", "The datastore's class and errors.", ExpansionError=errors.ExpansionError)
    sys.modules["bb.data_smart"].__getattr__ = lambda name: stubs.lazy_store(name)  # type: ignore[method-assign]
    _module("bb.build", "Tasks.", **_public(tasks))
    # The very module: metadata may replace names in it, and BitBake's own tests load it anew.
    sys.modules["bb.event"] = bb.event = events  # type: ignore[attr-defined]
    _module("bb.process", "Running commands.", **_public(process))
    _module(
        "bb.parse",
        "The parse.",
        **_public(parsing),
        ParseError=errors.ParseError,
        SkipRecipe=errors.SkipRecipe,
        SkipPackage=errors.SkipRecipe,
        siggen=siggen.SignatureGeneratorBasicHash(),
        BBHandler=stubs.handler_module(),
    )
    fetching = {name: getattr(fetchcommands, name) for name in ("runfetchcmd", "get_fetcher_environment")}
    fetching["FETCH_EXPORT_VARS"] = fetchcommands.FETCH_EXPORT_VARS
    for name in ("bb.fetch2", "bb.fetch"):
        _module(name, "URIs.", **_public(uris), **fetching, __path__=[])
    stubs.register_rest(_module)
    # Python libraries of layers use these two without importing them.
    builtins.bb, builtins.os = bb, os  # type: ignore[attr-defined]
    return bb
