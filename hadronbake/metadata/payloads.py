"""``TaskPayload``: the scripts of a task, and the values that its Python functions may read."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hadronbake.datastore.emit import python_script, shell_script
from hadronbake.datastore.references import python_references
from hadronbake.datastore.signatures import Analysis
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import HadronbakeError, closest
from hadronbake.metadata.recipe import FunctionScript, TaskPayload

# What the builtin fetch reads beside SRC_URI's flags and the task's own dependencies.
_FETCH = (
    "SRC_URI",
    "PN",
    "BPN",
    "PV",
    "BP",
    "WORKDIR",
    "UNPACKDIR",
    "DL_DIR",
    "FILESPATH",
    "MIRRORS",
    "PREMIRRORS",
    "BB_NO_NETWORK",
    "BB_FETCH_PREMIRRORONLY",
    "BB_ALLOWED_NETWORKS",
    "SRCREV",
    "SRCREV_FORMAT",
)


def make_payload(recipe_id: str, task: str, d: DataStore) -> TaskPayload:
    """All that is needed to run ``task`` of the finalised ``d``. Raises HadronbakeError (no such task, expansion)."""
    known = d.getVar("__BBTASKS", False) or ()
    if task not in known:
        near = closest(task, known)
        raise HadronbakeError.of(
            "HBM050", f"{d.getVar('PN')} has no task {task}", hint=f"did you mean {near}?" if near else None
        )
    names = [*_words(d.getVarFlag(task, "prefuncs")), task, *_words(d.getVarFlag(task, "postfuncs"))]
    functions = [_script(name, task, d) for name in names if name != task or d.getVar(name, False)]
    analysis = Analysis(d)
    wanted: set[str] = set()
    for function in functions:
        if function.language == "python":
            wanted.update(analysis.runtime_names(function.name))
    if d.getVarFlag(task, "builtin"):
        wanted.update(_FETCH)
        wanted.update(name for name in d if name.startswith("SRCREV_"))
        wanted.update(_words(d.getVarFlag(task, "vardeps")))
    variables, flags = _values(wanted, d)
    if d.getVarFlag(task, "builtin"):
        for name in ("SRC_URI", "DEBSRC"):
            flags[name] = _all_flags(name, d)
    umask = d.getVarFlag(task, "umask") or d.getVar("BB_DEFAULT_UMASK")
    if umask and not re.fullmatch("[0-7]{1,4}", umask):
        hint = f'write {task}[umask] = "022"'
        raise HadronbakeError.of(
            "HBM042", f"the umask of {task} is not an octal number: {umask}", d.origin(task), hint=hint
        )
    return TaskPayload(
        recipe=recipe_id,
        pn=d.getVar("PN"),
        task=task,
        functions=tuple(functions),
        variables=variables,
        flags=flags,
        umask=int(umask, 8) if umask else 0o022,
    )


def _words(value: str | None) -> list[str]:
    return (value or "").split()


def _script(name: str, task: str, d: DataStore) -> FunctionScript:
    if not d.getVarFlag(name, "func", False):
        near = closest(name, (key for key in d if d.getVarFlag(key, "func", False)))
        raise HadronbakeError.of(
            "HBM051",
            f"{task} of {d.getVar('PN')} wants the function {name}, which doesn't exist",
            d.origin(task),
            hint=f"did you mean {near}?" if near else None,
        )
    python = bool(d.getVarFlag(name, "python", False))
    text = _python_text(name, d) if python else shell_script(name, d)
    return FunctionScript(
        name=name,
        language="python" if python else "shell",
        text=text,
        directories=tuple(_words(d.getVarFlag(name, "dirs"))),
        clean_directories=tuple(_words(d.getVarFlag(name, "cleandirs"))),
    )


def _python_text(name: str, d: DataStore) -> str:
    """The script, and before it what ``bb.build.exec_func`` needs: the functions that are run by their names."""
    text, definitions = python_script(name, d)
    before = []
    done: set[str] = set()
    waiting = [name, *definitions]
    while waiting:
        body = d.getVar(waiting.pop(), False)
        for called in sorted(python_references(body).execs if isinstance(body, str) else ()):
            if called in done or not _run_by_name(called, d):
                continue
            done.add(called)
            if d.getVarFlag(called, "python", False):
                own, _ = python_script(called, d)
                # Without the call at its end.
                before.append(own.removesuffix(f"\n{called}(d)\n") + f"\nbb.build.add_function({called!r}, {called})\n")
                waiting.append(called)
            else:
                before.append(f"bb.build.add_shell_function({called!r}, {shell_script(called, d)!r})\n")
    return "\n".join([*before, text]) if before else text


def _run_by_name(name: str, d: DataStore) -> bool:
    """Whether it is a function of the metadata that is no ``def``."""
    if not d.getVarFlag(name, "func", False):
        return False
    body = d.getVar(name, False)
    return isinstance(body, str) and not body.startswith("def ")


def _values(names: Iterable[str], d: DataStore) -> tuple[dict[str, str | None], dict[str, dict[str, str | None]]]:
    """Expanded values of variables and of flags (``V[flag]``); None for what is unset."""
    variables: dict[str, str | None] = {}
    flags: dict[str, dict[str, str | None]] = {}
    for name in sorted(names):
        if name.endswith("]") and "[" in name:
            variable, _, flag = name[:-1].partition("[")
            flags.setdefault(variable, {})[flag] = _text(d.getVarFlag(variable, flag))
        elif not d.getVarFlag(name, "func", False) and not name.startswith("hb."):
            variables[name] = _text(d.getVar(name))
    return variables, flags


def _all_flags(name: str, d: DataStore) -> dict[str, str | None]:
    return {flag: _text(d.getVarFlag(name, flag)) for flag in d.getVarFlags(name) or {}}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
