"""What Python code refers to, read from its syntax tree: variables, functions, and questions about words in variables."""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import ModuleType
from typing import Any

from hadronbake.datastore.dependencies import digest_of
from hadronbake.datastore.expressions import python_expressions
from hadronbake.datastore.memory import Memory

_GET = (".getVar", ".appendVar", ".prependVar", "oe.utils.conditional")
_GET_FLAG = (".getVarFlag", ".appendVarFlag", ".prependVarFlag")
_CONTAINS = frozenset({"bb.utils.contains", "base_contains"})
_CONTAINS_ANY = frozenset({"bb.utils.contains_any", "bb.utils.filter"})
_EXEC = frozenset({"bb.build.exec_func", "bb.build.exec_task"})

_TEXT_NAME = re.compile(r"\$\{([a-zA-Z0-9\-_+./~:]+)\}")


@dataclass(frozen=True, slots=True)
class CodeReferences:
    """``references``: variables (``V``) and flags (``V[flag]``); ``execs``: called names; ``contains``: variable → word strings asked
    for; ``computed``: calls whose variable name is no literal, so nothing is known of it."""

    references: frozenset[str] = frozenset()
    execs: frozenset[str] = frozenset()
    contains: Mapping[str, frozenset[str]] = field(default_factory=dict)
    computed: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return (CodeReferences, (self.references, self.execs, self.contains, self.computed))


@dataclass(frozen=True, slots=True)
class ModuleFunction:
    """A tracked library function. ``text`` stands for it in hashes: a digest of its source."""

    name: str
    found: CodeReferences
    text: str


_functions: dict[str, ModuleFunction] = {}
# By namespace what reads the functions of a module: done when one of them is asked for. A parse without hashes asks for none.
_unread: dict[str, Callable[[], None]] = {}
_namespaces: set[str] = set()
_state = [0]
Visitor = Callable[[str, list[ast.expr]], tuple[Mapping[str, set[str]], set[str], ast.expr | None]]
_visitors: dict[str, Visitor] = {}
_memory = [Memory()]


@lru_cache(maxsize=1 << 15)
def python_references(code: str) -> CodeReferences:
    """What ``code`` (an expression, a module or the indented body of a function) refers to. Raises SyntaxError."""
    if not code.strip():
        return CodeReferences()
    with bounded():
        found: CodeReferences = _memory[0].get(
            ("code", code, *_texts_of(_visitors)), lambda: _Collector().collect(_parse(code))
        )
    return found


def set_memory(memory: Memory) -> None:
    """Where to look before code is read for what it refers to."""
    _memory[0] = memory


def _texts_of(visitors: Mapping[str, Visitor]) -> Iterator[str]:
    """What stands for them in a question: each one's name, and the content of the file that it is from."""
    for name in sorted(visitors):
        code = getattr(visitors[name], "__code__", None)
        yield name
        # Of one that is from no file nothing is known that another process could compare.
        yield digest_of(code.co_filename) or os.urandom(16).hex() if code else os.urandom(16).hex()


@contextmanager
def bounded() -> Iterator[None]:
    """Within the block code that Python can't take in is a SyntaxError, whatever it raises for it."""
    try:
        yield
    except (MemoryError, RecursionError):
        raise SyntaxError("the code is nested too deeply") from None
    except ValueError as error:
        # NUL characters, lone surrogates.
        raise SyntaxError(str(error)) from None


def module_functions() -> Mapping[str, ModuleFunction]:
    """The tracked library functions by full name (``oe.path.join``), all of them read."""
    while _unread:
        _unread.pop(next(iter(_unread)))()
    return _functions


def module_function(name: str) -> ModuleFunction | None:
    """The tracked library function of that full name."""
    read = _unread.pop(name.rpartition(".")[0], None) if _unread else None
    if read is not None:
        read()
    return _functions.get(name)


def namespaces() -> Collection[str]:
    """The names of the modules that are tracked (``oe.path``)."""
    return _namespaces


def _register(name: str, read: Callable[[], None]) -> None:
    _namespaces.add(name)
    _state[0] += 1
    _unread[name] = read


def module_state() -> int:
    """Another number after every change of what :func:`module_functions` gives."""
    return _state[0]


def register_module(name: str, module: ModuleType, source_digest: str | None = None) -> None:
    """Track the functions and classes of ``module`` under the namespace ``name``: a call of ``name.f`` makes the source of f part
    of the hash.

    With ``source_digest`` that stands for every function of the module (for a package whose functions use much else),
    otherwise each one has the digest of its own source. What is imported from elsewhere is left out.
    """
    visitors = dict(_visitors)
    _register(name, lambda: _read_module(name, module, source_digest, visitors))
    for key, value in vars(module).items():
        visitor = getattr(value, "visitorcode", None) if inspect.isfunction(value) or inspect.isclass(value) else None
        if visitor is not None and value.__module__ == module.__name__:
            _visitors[f"{name}.{key}"] = visitor
            python_references.cache_clear()


def _read_module(name: str, module: ModuleType, source_digest: str | None, visitors: Mapping[str, Visitor]) -> None:
    """``visitors``: those that were known when the module was registered."""
    try:
        source = inspect.getsource(module)
        key = ("module", hashlib.sha256(source.encode()).hexdigest(), *_texts_of(visitors))
        read = _memory[0].get(key, lambda: _functions_of(source, visitors))
    except (OSError, TypeError, SyntaxError):
        return
    members = vars(module)
    for own, (found, digest) in read.items():
        full = f"{name}.{own}"
        value = members.get(own)
        execs = frozenset(_full_name(item, name, read, members) for item in found.execs)
        references = found.references | frozenset(getattr(value, "bb_vardeps", ()))
        references -= frozenset(getattr(value, "bb_vardepsexclude", ()))
        known = replace(found, references=references, execs=execs - {full})
        _functions[full] = ModuleFunction(full, known, source_digest or digest)


def _functions_of(source: str, visitors: Mapping[str, Visitor]) -> dict[str, tuple[CodeReferences, str]]:
    """Of each function and class of a module's source what it refers to as written there, and its digest."""
    lines = source.splitlines(keepends=True)
    functions = {}
    for key, node in {node.name: node for node in _definitions(ast.parse(source).body)}.items():
        first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
        text = "".join(lines[first - 1 : node.end_lineno])
        functions[key] = (_Collector(visitors).collect(node), hashlib.sha256(text.encode()).hexdigest())
    return functions


_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _definitions(statements: Sequence[ast.stmt]) -> Iterator[_Definition]:
    """The functions and classes that a module's code defines, in branches too; of several of one name the last."""
    for node in statements:
        if isinstance(node, _Definition):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.With):
            for part in ("body", "handlers", "orelse", "finalbody"):
                for item in getattr(node, part, ()):
                    yield from _definitions(item.body if isinstance(item, ast.ExceptHandler) else [item])


def _full_name(called: str, name: str, definitions: Mapping[str, Any], members: Mapping[str, Any]) -> str:
    """What a call in the code of the module ``name`` would be written as elsewhere."""
    first, _, rest = called.partition(".")
    if called in definitions:
        return f"{name}.{called}"
    value = members.get(first)
    if isinstance(value, ModuleType) and rest:
        return f"{value.__name__}.{rest}"
    if not rest and (inspect.isfunction(value) or inspect.isclass(value)):
        return f"{value.__module__}.{value.__qualname__}"
    return called


def register_source(name: str, read: Callable[[], tuple[Sequence[str], str]]) -> None:
    """As :func:`register_module`, from source texts alone: the functions of the first one, each with all that the texts refer to.

    ``read`` gives the texts, and the digest that stands for each function.
    """
    _register(name, lambda: _read_source(name, *read()))


def _read_source(name: str, sources: Sequence[str], source_digest: str) -> None:
    found = [python_references(source) for source in sources]
    contains: dict[str, frozenset[str]] = {}
    for item in found:
        for variable, words in item.contains.items():
            contains[variable] = contains.get(variable, frozenset()) | words
    references = frozenset().union(*(item.references for item in found))
    for node in ast.parse(sources[0]).body:
        if isinstance(node, ast.FunctionDef):
            full = f"{name}.{node.name}"
            _functions[full] = ModuleFunction(full, CodeReferences(references, frozenset(), contains), source_digest)


def forget_modules() -> None:
    """Drop all tracked functions (another configuration begins)."""
    _functions.clear()
    _unread.clear()
    _namespaces.clear()
    _state[0] += 1
    if _visitors:
        _visitors.clear()
        python_references.cache_clear()


def text_references(text: str) -> CodeReferences:
    """What a text with ``${}`` refers to, without evaluating anything."""
    collector = _Collector()
    collector.add_text(text)
    return collector.result()


def _parse(code: str) -> ast.Module:
    stripped = code.lstrip("\n")
    if stripped[:1] in (" ", "\t"):
        try:
            return ast.parse("if 1:\n" + stripped)
        except IndentationError as error:
            # An inline expression may begin with a blank.
            try:
                return ast.parse(stripped.strip(), mode="exec")
            except SyntaxError:
                raise error from None
    return ast.parse(code)


def _dotted(node: ast.expr) -> str | None:
    """``a.b.c`` of a name or attribute, None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    return ".".join(reversed(parts))


def _literal(arguments: list[ast.expr], index: int) -> str | None:
    if index < len(arguments):
        argument = arguments[index]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            return argument.value
    return None


class _Collector:
    def __init__(self, visitors: Mapping[str, Visitor] = _visitors) -> None:
        self.visitors = visitors
        self.references: set[str] = set()
        self.execs: set[str] = set()
        self.contains: dict[str, set[str]] = {}
        self.computed: list[str] = []

    def collect(self, tree: ast.AST) -> CodeReferences:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                self._call(node)
        return self.result()

    def result(self) -> CodeReferences:
        contains = {name: frozenset(words) for name, words in self.contains.items()}
        return CodeReferences(frozenset(self.references), frozenset(self.execs), contains, tuple(self.computed))

    def add_text(self, text: str) -> None:
        self.references.update(_TEXT_NAME.findall(text))
        for start, end in python_expressions(text):
            code = text[start:end]
            try:
                self._merge(python_references(code))
            except SyntaxError:
                continue

    def _merge(self, other: CodeReferences) -> None:
        self.references |= other.references
        self.execs |= other.execs
        for name, words in other.contains.items():
            self.contains.setdefault(name, set()).update(words)

    def _call(self, node: ast.Call) -> None:
        name = _dotted(node.func)
        if name is None:
            return
        arguments = node.args
        if name in self.visitors:
            contains, execs, unknown = self.visitors[name](name, arguments)
            for variable, words in contains.items():
                self.contains.setdefault(variable, set()).update(words)
            self.execs |= set(execs)
            if unknown is not None:
                self._note(node, unknown)
        elif name.endswith(_GET_FLAG):
            self._flag(node, arguments)
        elif name.endswith(_GET):
            read = _literal(arguments, 0)
            if read is None:
                self._note(node, arguments[0] if arguments else None)
            else:
                self.references.add(read)
        elif name in _CONTAINS or name in _CONTAINS_ANY:
            self._words(node, name, arguments)
        elif name.endswith(".expand"):
            text = _literal(arguments, 0)
            if text is not None:
                self.add_text(text)
        elif name in _EXEC:
            function = _literal(arguments, 0)
            if function is None:
                self._note(node, arguments[0] if arguments else None)
            else:
                self.execs.add(function)
        else:
            self.execs.add(name)

    def _flag(self, node: ast.Call, arguments: list[ast.expr]) -> None:
        variable, flag = _literal(arguments, 0), _literal(arguments, 1)
        if variable is not None and flag is not None:
            self.references.add(f"{variable}[{flag}]")
        else:
            self._note(node, arguments[0] if arguments else None)

    def _words(self, node: ast.Call, name: str, arguments: list[ast.expr]) -> None:
        variable = _literal(arguments, 0)
        if variable is None:
            self._note(node, arguments[0] if arguments else None)
            return
        words = _literal(arguments, 1)
        if words is None:
            self.references.add(variable)
            return
        self.contains.setdefault(variable, set()).update(words.split() if name in _CONTAINS_ANY else [words])

    def _note(self, node: ast.Call, argument: ast.expr | None) -> None:
        shown = ast.unparse(argument) if argument is not None else ""
        self.computed.append(f"{ast.unparse(node.func)}({shown})")
