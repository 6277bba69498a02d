"""Statements → operations on a datastore: assignments, inclusion, classes, functions, tasks, handlers (language.md §3, §9-§12).

What must live as long as a recipe is kept in the datastore itself, under the names that BitBake uses
(``__BBTASKS``, ``__inherit_cache`` …), so that a copy of the datastore is a copy of all of it.
"""

# ruff: noqa: PTH100, PTH113, PTH117, PTH119, PTH112, PTH120, PTH122, PTH208
from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hadronbake.datastore import operations
from hadronbake.datastore.context import exec_definition, python_context
from hadronbake.datastore.dependencies import MISSING, State, dependencies_of, state_of
from hadronbake.datastore.embedded import register, tasks
from hadronbake.datastore.errors import BBHandledException, ExpansionError, ParseError, fatal
from hadronbake.datastore.expansion import split_names
from hadronbake.datastore.fragments import add_fragments
from hadronbake.datastore.inline import at_word, excerpt_of
from hadronbake.datastore.nofile import in_place_of, why_unreadable
from hadronbake.datastore.references import register_module
from hadronbake.diagnostics import Diagnostic, Location, Severity, closest
from hadronbake.language import statements as st
from hadronbake.language.statements import ParsedFile, Statement

if TYPE_CHECKING:
    from hadronbake.datastore.store import DataStore

python_context.setdefault("bb", register())

_GENERATED = "    # Export function set\n"
# Files within files. What is deeper and comes again is taken for endless: no system follows more than 40 links.
_DEPTH = 30
_DEEPEST = 300

# path → (state, statements); a process reads each file once.
_parsed: dict[str, tuple[State, ParsedFile]] = {}
# How a file that is not known yet is read; the parse cache puts itself in between.
_reader: list[Callable[[str], ParsedFile]] = []
# Syntax errors found within ``collecting_syntax_errors``, the innermost block last.
_collected: list[list[Diagnostic]] = []
# The files being evaluated, outermost first: a guard against recursion.
_stack: list[str] = []


class SyntaxErrors(ParseError):
    """A file (or several) could not be read; all their diagnostics."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        place = diagnostics[0].location or Location("")
        super().__init__(diagnostics[0].message, place.file, place.line, diagnostics=diagnostics)


class ConfusingComments(SyntaxErrors, BBHandledException):
    """Nothing but comments mixed up with continued lines, which BitBake reports in this way."""


def _syntax_errors(diagnostics: tuple[Diagnostic, ...]) -> SyntaxErrors:
    confusing = all(item.code in ("HBL121", "HBL122") for item in diagnostics)
    return ConfusingComments(diagnostics) if confusing else SyntaxErrors(diagnostics)


def set_reader(reader: Callable[[str], ParsedFile]) -> None:
    """Use ``reader(path)`` to read a file that this process has not read yet."""
    _reader[:] = [reader]


def read(path: str, d: DataStore | None = None) -> ParsedFile:
    """The statements of a file, from this process's memory if the file is unchanged; notes the dependency in ``d``.

    Raises OSError if it cannot be read, SyntaxErrors if it has errors (all of them).
    """
    path = os.path.abspath(path)
    state = dependencies_of(d).note(path) if d is not None else state_of(path)
    known = _parsed.get(path)
    if known is None or known[0] != state or state == MISSING:
        if not os.path.isfile(path):
            raise FileNotFoundError(2, "No such file", path)
        if _reader:
            parsed = _reader[0](path)
        else:
            from hadronbake.language.parser import parse_file

            parsed = parse_file(Path(path))
        known = _parsed[path] = (state, parsed)
    parsed = known[1]
    errors = tuple(item for item in parsed.diagnostics if item.severity == "error")
    for item in parsed.diagnostics:
        if item.severity != "error" and not errors:
            _warn_once(item)
    if errors:
        raise _syntax_errors(errors)
    return parsed


@contextmanager
def collecting_syntax_errors() -> Iterator[list[Diagnostic]]:
    """Within the block a file with syntax errors or a missing one is left out and the evaluation goes on; at the end all are raised.

    Other errors that come of the gaps are then dropped: they would only distract.
    """
    _collected.append([])
    try:
        yield _collected[-1]
    except Exception:
        found = _collected.pop()
        if found:
            raise _syntax_errors(tuple(dict.fromkeys(found))) from None
        raise
    except BaseException:
        _collected.pop()
        raise
    found = _collected.pop()
    if found:
        raise _syntax_errors(tuple(dict.fromkeys(found)))


def read_all(path: str, d: DataStore) -> None:
    """Within ``collecting_syntax_errors``: add those of a file that nothing else is wanted of."""
    with suppress(OSError):
        try:
            read(path, d)
        except SyntaxErrors as error:
            _collected[-1].extend(error.diagnostics)


def _read_and_evaluate(path: str, d: DataStore) -> None:
    try:
        parsed = read(path, d)
    except OSError as error:
        raise _error("HBD113", f"{path} can't be read: {why_unreadable(path, error)}", Location(path)) from error
    except SyntaxErrors as error:
        if not _collected:
            raise
        _collected[-1].extend(error.diagnostics)
        return
    evaluate(parsed, d)


def _raise_or_collect(error: ParseError) -> None:
    """A missing file is as good as one with syntax errors: what else is wrong is looked for, too."""
    if not _collected:
        raise error
    _collected[-1].extend(error.diagnostics)


_warned: set[Diagnostic] = set()
warnings: list[Diagnostic] = []
"""Warnings of the evaluation since the list was last emptied (by whoever reports them)."""


def _warn_once(item: Diagnostic) -> None:
    if item not in _warned:
        _warned.add(item)
        warnings.append(item)


def evaluate(parsed: ParsedFile, d: DataStore) -> None:
    """Carry out the statements of a file in order. Errors: ParseError, ExpansionError, BBHandledException, SkipRecipe.

    While they run, ``FILE`` is the file's path, except for a class, which leaves it alone.
    """
    keeps_file = parsed.path.endswith(".bbclass")
    before = d.getVar("FILE", False)
    if not keeps_file:
        d.setVar("FILE", parsed.path, parsing=True)
    _stack.append(parsed.path)
    try:
        with d.inchistory.include(parsed.path) if d.tracking else nullcontext():
            for statement in parsed.statements:
                try:
                    _ACTIONS[type(statement)](statement, d)
                except ExpansionError as error:
                    # Of a text that is no variable's (yet).
                    if error.location is None:
                        error.location = statement.location
                    raise
    finally:
        _stack.pop()
        if not keeps_file and before is not None:
            d.setVar("FILE", before, parsing=True)


def evaluate_file(path: str, d: DataStore) -> None:
    """Read and evaluate."""
    _read_and_evaluate(path, d)


def _error(
    code: str,
    message: str,
    location: Location,
    *,
    word: str | None = None,
    d: DataStore | None = None,
    hint: str | None = None,
    notes: tuple[tuple[Location | None, str], ...] = (),
) -> ParseError:
    """``word``: what is wrong, which the caret shows if it stands there, as it is or (``d``) with names in it."""
    item = Diagnostic(
        code,
        message,
        location,
        excerpt=excerpt_of(location),
        hint=hint,
        notes=notes,
    )
    diagnostic = at_word(item, word, d.expand if d is not None else None)
    return ParseError(message, location.file, location.line, diagnostics=(diagnostic,))


# Assignments


def _assignment(statement: st.Assignment, d: DataStore) -> None:
    name, operator = statement.name, statement.operator
    if operator in _DISCOURAGED and any(word in name for word in (":append", ":prepend", ":remove")):
        _warn_once(
            Diagnostic(
                "HBD102",
                f"{name} {operator} is not a recommended operator combination, please replace it",
                statement.location,
                severity=Severity.WARNING,
                hint=f'write {name} = " …" with the blank in the value',
            )
        )
    operations.assign(d, name, statement.flag, operator, statement.value, statement.location, statement.export)


_DISCOURAGED = frozenset({"+=", "=+", ".=", "=."})


def _export(statement: st.Export, d: DataStore) -> None:
    operations.set_export(d, statement.name, statement.location)


def _unset(statement: st.Unset, d: DataStore) -> None:
    operations.unset(d, statement.name, statement.flag, statement.location)


# Other files


def _include(statement: st.Include, d: DataStore) -> None:
    names = (d.expand(statement.paths) or "").split()
    if statement.keyword == "include_all":
        for name in names:
            for directory in (d.getVar("BBPATH") or "").split(":"):
                _include_one(os.path.join(directory, name), statement, d, required=False)
        return
    for name in names:
        _include_one(name, statement, d, required=statement.keyword == "require")


def _include_one(name: str, statement: st.Include, d: DataStore, *, required: bool) -> None:
    parent = statement.location.file
    if name == parent:
        return
    if os.path.splitext(name)[1] not in (".bb", ".inc", ".conf", ".bbclass"):
        raise _error(
            "HBD104",
            f"not a BitBake file: {name}",
            statement.location,
            hint="only .bb, .inc, .conf and .bbclass files can be included",
        )
    dependencies = dependencies_of(d)
    tried = [name]
    if not os.path.isabs(name):
        path = f"{os.path.dirname(parent)}:{d.getVar('BBPATH') or ''}"
        tried = [os.path.abspath(os.path.join(directory or ".", name)) for directory in path.split(":")]
    found = next((path for path in tried if dependencies.note(path) != MISSING and os.path.isfile(path)), None)
    if found is None:
        if required:
            near = _similar_file(name, tried)
            error = _error(
                "HBD103",
                f"Could not include required file {name}",
                statement.location,
                word=name,
                d=d,
                notes=(
                    *_values(statement.paths, d),
                    *((None, f"looked for {path}{in_place_of(path)}") for path in dict.fromkeys(tried)),
                ),
                hint=f"did you mean {near}?" if near else "write include instead of require if the file may be missing",
            )
            _raise_or_collect(error)
        return
    # Not at each level: to resolve all paths takes long. What is endless gets to the next multiple.
    if len(_stack) % _DEPTH == 0 and os.path.realpath(found) in map(os.path.realpath, _stack):
        raise _error(
            "HBD101",
            f"{found} includes itself without end",
            statement.location,
            word=name,
            d=d,
            notes=tuple((None, f"included by {path}") for path in _cycle(found)),
        )
    if len(_stack) >= _DEEPEST:
        raise _error(
            "HBD101", f"files are included in one another more than {_DEEPEST} levels deep", statement.location
        )
    included = d.getVar("__included", False) or ()
    if found in included:
        _warn_once(
            Diagnostic(
                "HBD105",
                f"Duplicate inclusion for {found} in {d.getVar('FILE')}",
                statement.location,
                severity=Severity.WARNING,
            )
        )
    else:
        d.setVar("__included", (*included, found), parsing=True)
    _read_and_evaluate(found, d)


def _cycle(path: str) -> list[str]:
    """The files that include one another up to ``path`` again, the last one first."""
    real = os.path.realpath(path)
    found: list[str] = []
    for outer in reversed(_stack):
        found.append(outer)
        if os.path.realpath(outer) == real:
            break
    return found


def _values(text: str, d: DataStore) -> tuple[tuple[Location | None, str], ...]:
    """Notes that say what the variables are that a name was made of."""
    names = split_names(text)[1]
    return tuple((d.origin(name), f'{name} is "{d.getVar(name)}"') for name in sorted(names) if d.origin(name))


def _similar_file(name: str, tried: list[str]) -> str | None:
    """The name, written as ``name`` is, of a file beside one of those looked for."""
    directories = dict.fromkeys(os.path.dirname(path) for path in tried)
    there = {item for directory in directories if os.path.isdir(directory) for item in os.listdir(directory)}
    near = closest(os.path.basename(name), there)
    return os.path.join(os.path.dirname(name), near) if near else None


def _inherit(statement: st.Inherit, d: DataStore) -> None:
    place = statement.location
    if statement.deferred:
        inherit_defer(statement.classes, place.file, place.line, d)
    else:
        inherit(statement.classes, place.file, place.line, d)


def inherit_defer(classes: str, filename: str, lineno: int, d: DataStore) -> None:
    """Record classes for finalisation, as written."""
    deferred = d.getVar("__BBDEFINHERITS", False) or ()
    d.setVar("__BBDEFINHERITS", [*deferred, (classes, filename, lineno)], parsing=True)


def inherit(classes: str, filename: str, lineno: int, d: DataStore, *, deferred: bool = False) -> None:
    """Evaluate each class that this datastore has not had yet. The context is the variable ``__bbclasstype``."""
    names = (d.expand(classes) or "").split()
    later = (d.getVar("BB_DEFER_BBCLASSES") or "").split() if names else []
    for name in names:
        if name in later and not deferred:
            inherit_defer(name, filename, lineno, d)
            continue
        try:
            path = _find_class(name, filename, lineno, d)
        except ParseError as error:
            _raise_or_collect(error)
            continue
        inherited = d.getVar("__inherit_cache", False) or ()
        if path not in inherited:
            d.setVar("__inherit_cache", [*inherited, path], parsing=True)
            _read_and_evaluate(path, d)


def _class_directories(d: DataStore) -> list[str]:
    return [f"classes-{d.getVar('__bbclasstype', False) or 'recipe'}", "classes"]


def _find_class(name: str, filename: str, lineno: int, d: DataStore) -> str:
    dependencies = dependencies_of(d)
    if os.path.isabs(name):
        if dependencies.note(name) != MISSING:
            return name
        raise _error("HBD106", f"Could not inherit file {name}", Location(filename, lineno))
    path = (d.getVar("BBPATH") or "").split(":")
    for directory in _class_directories(d):
        below = name if name.endswith(".bbclass") else f"{directory}/{name}.bbclass"
        for start in path:
            candidate = os.path.abspath(os.path.join(start, below))
            if dependencies.note(candidate) != MISSING:
                return candidate
    known = {
        item.stem
        for start in path
        for kind in ("classes-recipe", "classes-global", "classes")
        for item in Path(start, kind).glob("*.bbclass")
    }
    near = closest(name, known)
    if name in known:
        # There, but not in this context: globally (INHERIT) or by a recipe.
        hint = f"there is a class of that name, but not in {' or '.join(_class_directories(d))}"
    else:
        hint = f"did you mean {near}?" if near else f"BBPATH is {':'.join(path)}"
    raise _error(
        "HBD106",
        f"Could not inherit file classes/{name}.bbclass",
        Location(filename, lineno),
        word=name,
        d=d,
        hint=hint,
    )


# Functions


def _function(statement: st.Function, d: DataStore) -> None:
    place = statement.location
    if statement.name is None or statement.name == "__anonymous":
        anonymous = d.getVar("__BBANONFUNCS", False) or ()
        d.setVar("__BBANONFUNCS", [*anonymous, (statement.body, place.file, place.line)], parsing=True)
        return
    name = statement.name
    where = {"file": place.file, "line": place.line}
    if d.getVar(name, False):
        d.delVarFlag(name, "python")
        d.delVarFlag(name, "fakeroot")
    if statement.python:
        d.setVarFlag(name, "python", "1")
    if statement.fakeroot:
        d.setVarFlag(name, "fakeroot", "1")
    d.setVarFlag(name, "func", 1)
    d.setVar(name, statement.body, parsing=True, op="set", detail=statement.body, **where)
    d.setVarFlag(name, "filename", place.file)
    d.setVarFlag(name, "lineno", str(place.line))


def _definition(statement: st.PythonDefinition, d: DataStore) -> None:
    place, name = statement.location, statement.name
    d.setVarFlag(name, "func", 1)
    d.setVarFlag(name, "python", 1)
    d.setVar(name, statement.text, parsing=True, op="set", detail=statement.text, file=place.file, line=place.line)
    d.setVarFlag(name, "filename", place.file)
    d.setVarFlag(name, "lineno", str(place.line))
    try:
        exec_definition(statement.text, name, place.file, place.line)
    except SyntaxError as error:
        raise python_error(error, name, place) from error


def python_error(error: SyntaxError, name: str, place: Location) -> ParseError:
    """A syntax error in embedded Python, at its own line."""
    where = Location(error.filename or place.file, error.lineno or place.line, 0)
    if error.text is not None and error.offset and where.file == place.file:
        where = replace(where, column=max(error.offset, 1))
    return _error("HBD107", f"Python syntax error in {name}: {error.msg}", where)


def _export_functions(statement: st.ExportFunctions, d: DataStore) -> None:
    class_name = os.path.splitext(os.path.basename(statement.location.file))[0]
    place = {"file": statement.location.file, "line": statement.location.line}
    for name in statement.names:
        called = f"{class_name}_{name}"
        own = d.getVar(name, False)
        if own and _GENERATED not in own:
            continue
        if own:
            d.delVarFlag(name, "python")
            d.delVarFlag(name, "func")
        for flag in ("func", "python"):
            value = d.getVarFlag(called, flag, False)
            if value:
                d.setVarFlag(name, flag, value)
        for flag in ("dirs", "cleandirs", "fakeroot"):
            value = d.getVarFlag(name, flag, False)
            if value:
                d.setVarFlag(called, flag, value)
        d.setVarFlag(name, "filename", "autogenerated")
        d.setVarFlag(name, "lineno", 1)
        if d.getVarFlag(called, "python", False):
            body = f"{_GENERATED}    bb.build.exec_func('{called}', d)\n"
        else:
            if "-" in class_name:
                fatal(
                    "HBD108",
                    f"class {class_name} exports the shell function {called}, whose name would hold a dash",
                    statement.location,
                    hint="a dash is illegal in names of shell functions: rename the class, or don't use EXPORT_FUNCTIONS",
                )
            body = f"{_GENERATED}    {called}\n"
        d.setVar(name, body, parsing=True, op="set", detail=body, **place)


# Tasks, handlers, libraries, fragments


def _addtask(statement: st.AddTask, d: DataStore) -> None:
    for task in statement.tasks:
        tasks.addtask(task, statement.before, statement.after, d)
        if d.getVarFlag(task, "_place", False) is None:
            d.setVarFlag(task, "_place", statement.location)


def _deltask(statement: st.DelTask, d: DataStore) -> None:
    for task in (d.expand(statement.tasks) or "").split():
        tasks.deltask(task, d)


def _addhandler(statement: st.AddHandler, d: DataStore) -> None:
    handlers = d.getVar("__BBHANDLERS", False) or ()
    for name in statement.names:
        d.setVarFlag(name, "handler", 1)
    d.setVar("__BBHANDLERS", [*handlers, *statement.names], parsing=True)


def _addpylib(statement: st.AddPylib, d: DataStore) -> None:
    for name in (d.getVar("BB_GLOBAL_PYMODULES") or "").split():
        python_context.setdefault(name, importlib.import_module(name))
    directory = d.expand(statement.directory)
    if directory not in sys.path:
        sys.path.append(directory)
    namespace = statement.namespace
    try:
        module = importlib.import_module(namespace)
        python_context[namespace] = module
        for item in getattr(module, "BBIMPORTS", ()):
            submodule = importlib.import_module(f"{namespace}.{item}")
            register_module(f"{namespace}.{item}", submodule)
    except Exception as error:
        raise _error(
            "HBD109", f"cannot import {namespace} from {directory}: {type(error).__name__}: {error}", statement.location
        ) from error
    dependencies = dependencies_of(d)
    for name, loaded in list(sys.modules.items()):
        if name == namespace or name.startswith(f"{namespace}."):
            path = getattr(loaded, "__file__", None)
            if path:
                dependencies.note(path)


def _addfragments(statement: st.AddFragments, d: DataStore) -> None:
    add_fragments(statement, d, _read_and_evaluate)


_ACTIONS: dict[type[Statement], Callable[[Any, Any], None]] = {
    st.Assignment: _assignment,
    st.Export: _export,
    st.Unset: _unset,
    st.Include: _include,
    st.Inherit: _inherit,
    st.Function: _function,
    st.PythonDefinition: _definition,
    st.ExportFunctions: _export_functions,
    st.AddTask: _addtask,
    st.DelTask: _deltask,
    st.AddHandler: _addhandler,
    st.AddPylib: _addpylib,
    st.AddFragments: _addfragments,
}
