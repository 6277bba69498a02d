"""``${NAME}`` of a variable that is never set, in what a task uses: it would stay in the script or the path as it is written.

Lower-case names in shell functions are the shell's own, and so are those that a function sets or that every environment has.
What Python code sets when a task runs counts as set. Classes leave names open on purpose, for recipes to set: there only what is
one keystroke away from a variable that is set is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from hadronbake.datastore import signatures
from hadronbake.datastore.expansion import split_names
from hadronbake.datastore.inline import METADATA, excerpt_of, find
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import Diagnostic, Location, Severity, closest
from hadronbake.metadata.suspects import typing_error

PATHS = ("SRC_URI", "S", "B", "WORKDIR", "D")
"""Variables that are used as URLs and paths as they are: a recipe with an undefined name in one can't be built."""

_FLAGS = (
    "dirs",
    "sysroot-depends",
    "cleandirs",
    "depends",
    "rdepends",
    "file-checksums",
    "sstate-inputdirs",
    "sstate-outputdirs",
    "lockfiles",
)
_ENVIRONMENT = frozenset(
    "HOME PATH PWD OLDPWD USER LOGNAME SHELL TERM LANG LANGUAGE LC_ALL TZ TMPDIR HOSTNAME IFS PPID OPTARG OPTIND OPTERR UID "  # noqa: SIM905
    "EUID RANDOM LINENO SECONDS BASH BASH_SOURCE BASH_VERSION FUNCNAME PIPESTATUS PS1 PS2 PS4 REPLY COLUMNS LINES ENV "
    "MAKEFLAGS MAKELEVEL CONFIG_SHELL DESTDIR D".split()
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_+./-]*\Z")
_SHELL_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*\Z")
# The engine sets them when a task runs.
_AT_RUN_TIME = re.compile(
    r"(?:BB_(?:TASKHASH|UNIHASH|TASKDEPDATA|CURRENTTASK|RUNTASK|RUNFMT|FILENAME|LOGFILE)|\w*CURRTASK)\Z"
)
_SET_BY_PYTHON = re.compile(r"""(?:set|append|prepend)Var\(\s*['"]([^'"]+)['"]|environ\[['"](\w+)['"]""")
_INLINE = re.compile(r"\$\{@.*?\}", re.S)
_LEFT = re.compile(r"(?<!\\)\$\{([a-zA-Z0-9\-_+./~:]+)\}")
_ASSIGNED = re.compile(r"(?:^|[\s;(&|{`\"'])([A-Za-z_]\w*)\+?=", re.M)
_GIVEN = re.compile(
    r"\b(?:for|read(?:\s+-\w+)*|export|local|readonly|getopts\s+\S+|unset|declare|printf\s+-v)\s+([\w \t]+)"
)
_ASKED = re.compile(r"""(?:-[nz]\s+["']?\$\{?(?=\w+\}?)|\[\s+["']?\$\{?(?=\w+\}?["']?\s+!?=))(\w+)""")


def find_undefined(
    d: DataStore, hashed: signatures.Hashes, files: Iterable[str]
) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """Warnings, and errors for whoever builds the recipe, of a finalised ``d``. ``files``: those that were read for it."""
    tasks = tuple(hashed.names)
    found = _suspects(d, hashed)
    warnings: list[Diagnostic] = []
    errors: list[Diagnostic] = []
    if found:
        direct, _ = signatures.generate_dependencies(d, tasks)
        places = tuple(path for path in files if path.endswith(METADATA))
        behind = _behind(direct, [name for name in PATHS if name in d.variables])
        for (holder, name), kind in found.items():
            chain = _chain(holder, tasks, direct)
            item = _diagnostic(d, holder, name, chain, places)
            if kind == "flag" or holder in behind:
                errors.append(replace(item, code="HBM081", severity=Severity.ERROR))
            else:
                warnings.append(item)
    return warnings, errors


def _suspects(d: DataStore, hashed: signatures.Hashes) -> dict[tuple[str, str], str]:
    """(name of what holds it, undefined name) → "variable", "function" or "flag"."""
    found: dict[tuple[str, str], str] = {}
    variables = d.variables
    functions: dict[str, set[str]] = {}
    for holder in {*hashed.texts, *PATHS}:
        variable = variables.get(holder)
        if variable is None or (variable.flags and variable.flags.get("python")):
            continue
        met = d.expansion(holder)
        # What is undefined is still there when all is expanded.
        if type(met.value) is not str or "${" not in met.value or type(met.raw) is not str:
            continue
        left = set(_LEFT.findall(_INLINE.sub("", met.value))) & split_names(met.raw)[1]
        left = {name for name in left if _VARIABLE.match(name) and d.getVar(name) is None}
        if not left:
            continue
        if variable.flags and variable.flags.get("func"):
            functions[holder] = {name for name in left if _SHELL_VARIABLE.match(name) and name not in _ENVIRONMENT}
        else:
            found.update({(holder, name): "variable" for name in left if name not in _ENVIRONMENT})
    if functions or found:
        # Functions of one script share their variables, and what they call them can't be told apart.
        own: set[str] = set()
        for holder in hashed.texts:
            variable = variables.get(holder)
            if (
                variable is not None
                and variable.flags
                and variable.flags.get("func")
                and not variable.flags.get("python")
            ):
                own |= _set_by(str(d.expansion(holder).value))
        found.update({(holder, name): "function" for holder, names in functions.items() for name in names - own})
        found = {key: kind for key, kind in found.items() if key[1] not in own}
    if found:
        given = frozenset().union(*(_set_by_python(text) for text in _python_texts(d)))
        found = {
            key: kind
            for key, kind in found.items()
            if key[1] not in given and not _AT_RUN_TIME.match(key[1]) and not _left_open(*key, d)
        }
    for task in hashed.names:
        for flag in _FLAGS:
            value: Any = d.getVarFlag(task, flag) if flag in variables[task].flags else None
            if isinstance(value, str) and "${" in value:
                # What is undefined in a variable that the flag names is told there.
                written = split_names(str(d.getVarFlag(task, flag, False)))[1]
                found.update({(f"{task}[{flag}]", name): "flag" for name in _LEFT.findall(value) if name in written})
    return dict(sorted(found.items()))


def _left_open(holder: str, name: str, d: DataStore) -> bool:
    """Whether a class may mean the name to be set by whoever uses it, or not at all."""
    origin = d.origin(holder)
    if origin is None or not origin.file.endswith(".bbclass"):
        return False
    known = (item for item, variable in d.variables.items() if variable.exists and ":" not in item)
    return typing_error(name, known) is None


def _python_texts(d: DataStore) -> Iterator[str]:
    for variable in d.variables.values():
        if variable.flags and variable.flags.get("python") and isinstance(variable.value, str):
            yield variable.value
    for body, _, _ in d.getVar("__BBANONFUNCS", False) or ():
        yield body


@lru_cache(maxsize=1 << 12)
def _set_by_python(text: str) -> frozenset[str]:
    return frozenset(name for names in _SET_BY_PYTHON.findall(text) for name in names if name)


@lru_cache(maxsize=1 << 12)
def _set_by(text: str) -> frozenset[str]:
    """The variables that a shell function sets, and those that it looks whether they are set."""
    names = {*_ASSIGNED.findall(text), *_ASKED.findall(text)}
    for match in _GIVEN.finditer(text):
        names.update(match[1].split())
    return frozenset(names)


def _behind(direct: Mapping[str, Iterable[str]], names: Iterable[str]) -> set[str]:
    """All that the values of ``names`` depend on, and themselves."""
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(direct.get(name, ()))
    return seen


def _chain(holder: str, tasks: Iterable[str], direct: Mapping[str, Iterable[str]]) -> list[str]:
    """The shortest way from what holds the name to a task: what needs it, what needs that …"""
    above: dict[str, str | None] = dict.fromkeys(tasks)
    frontier = list(above)
    while frontier and holder not in above:
        following = []
        for name in frontier:
            for needed in direct.get(name, ()):
                if needed not in above:
                    above[needed] = name
                    following.append(needed)
        frontier = following
    chain: list[str] = []
    at = above.get(holder)
    while at is not None:
        chain.append(at)
        at = above[at]
    return chain


def _diagnostic(d: DataStore, holder: str, name: str, chain: list[str], files: tuple[str, ...]) -> Diagnostic:
    seen = find("${" + name + "}", _origin(holder, d), files)
    place, excerpt = seen.place() if seen is not None else (_origin(holder, d), None)
    if excerpt is None and place is not None:
        excerpt = excerpt_of(place)
    variable = d.variables.get(name)
    near = closest(name, (item for item in d.variables if item not in (holder, name) and ":" not in item))
    if variable is not None and variable.variants:
        hint = f"it is set for other overrides only: {', '.join(sorted(variable.variants)[:3])}"
    elif near is not None:
        hint = f"did you mean {near}?"
    elif d.getVarFlag(holder, "func", False):
        hint = f"set {name}; a variable of the shell's is written ${name}, without braces, or in lower case"
    else:
        hint = f"set {name}, or take it out"
    return Diagnostic(
        "HBM080",
        f"{name} is used in {holder}, but it is set nowhere",
        place,
        severity=Severity.WARNING,
        excerpt=excerpt,
        length=len(name) + 3 if seen is not None else 1,
        notes=tuple((_origin(item, d), f"needed by {item}") for item in chain),
        hint=hint,
    )


def _origin(name: str, d: DataStore) -> Location | None:
    return d.origin(name.split("[", 1)[0] if name.endswith("]") else name)
