"""What could be written at the cursor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hadronbake.language.known import documented, variable_meaning
from hadronbake.language.parser import KINDS
from hadronbake.language.statements import Assignment, Function, PythonDefinition
from hadronbake.lsp.context import Known
from hadronbake.lsp.cursor import ASSIGNMENT, words_of
from hadronbake.lsp.files import source_directories
from hadronbake.lsp.hover import leading_comment, recipe_text
from hadronbake.lsp.model import Span

ProposalKind = Literal["variable", "flag", "override", "class", "recipe", "file", "function", "keyword", "snippet"]
_MOST = 3000


@dataclass(frozen=True, slots=True)
class Proposal:
    """``label`` is put in the place of ``span``, or ``insert`` if that is given (a snippet in the protocol's syntax)."""

    label: str
    kind: ProposalKind
    span: Span
    detail: str = ""
    documentation: str = ""
    insert: str | None = None


_NAME = r"[A-Za-z0-9_.+/~:{}$-]*"
_PYTHON_NAME = re.compile(
    r"(?:\b(?:get|set|append|prepend|del|rename)Var(?:Flags?)?|\b(?:bb|oe)\.utils\.(?:contains|contains_any|filter|conditional|vartrue))"
    r"\(\s*[\"']([^\"'\s]*)$"
)
_PYTHON_FLAG = re.compile(r"\b(?:get|set|append|prepend|del)VarFlag\(\s*[\"']([^\"'\s]*)[\"']\s*,\s*[\"']([^\"'\s]*)$")
_PYTHON_CALL = re.compile(r"(?<![\w.])((?:d|bb)\.[\w.]*)$")
_DIRECTIVE = re.compile(
    r"(inherit_defer|inherit|include_all|include|require|addtask|deltask|EXPORT_FUNCTIONS|addhandler|export|unset)\s"
)
_LAST_WORD = re.compile(r"[^\s\"']*$")
_SCHEMES = ("file://", "https://", "git://")


def complete(known: Known, line: int, column: int) -> list[Proposal]:
    """The proposals for a position, filtered by what stands before it; none in a comment or a text that names nothing."""
    return list(_unique(_proposals(known, line, column)))[:_MOST]


def _unique(proposals: Iterable[Proposal]) -> Iterator[Proposal]:
    seen = set()
    for item in proposals:
        if item.label not in seen:
            seen.add(item.label)
            yield item


def _proposals(known: Known, line: int, column: int) -> Iterator[Proposal]:
    document = known.document
    before = document.line(line)[:column]
    block = document.block(line)
    if block is None and before.startswith("#"):
        return
    reference = re.search(r"\$\{([A-Za-z0-9_.+/~:-]*)$", before)
    if reference is not None:
        yield from _variables(known, line, reference.start(1), column)
        return
    inline = before.rfind("${@") > before.rfind("}")
    if inline or (block is not None and block.python):
        yield from _python(known, line, before)
        return
    if block is not None:
        yield from _shell(known, line, before)
        return
    logical = document.logical(line, column)
    yield from _statement(known, line, column, logical.before, before, logical.first == line)


def _python(known: Known, line: int, before: str) -> Iterator[Proposal]:
    column = len(before)
    if found := _PYTHON_FLAG.search(before):
        yield from _flags(known, found[1], line, found.start(2), column)
    elif found := _PYTHON_NAME.search(before):
        yield from _variables(known, line, found.start(1), column)
    elif found := _PYTHON_CALL.search(before):
        for name, text in documented("calls").items():
            if name.startswith(found[1]):
                yield Proposal(name, "function", Span.within(line, found.start(1), column), "", text)


def _shell(known: Known, line: int, before: str) -> Iterator[Proposal]:
    word = re.search(r"(?:^|[\s;&|(])([A-Za-z_][\w-]*)$", before)
    if word is None:
        return
    span = Span.within(line, word.start(1), len(before))
    for name, python in _functions(known):
        if not python and name.startswith(word[1]):
            yield Proposal(name, "function", span, "shell function")


def _functions(known: Known) -> Iterator[tuple[str, bool]]:
    for item in known.document.parsed.statements:
        if isinstance(item, Function) and item.name:
            yield item.name.split(":")[0], item.python
        elif isinstance(item, PythonDefinition):
            yield item.name, True
    if known.view is not None:
        for name, value in known.view.values.items():
            if value.function and ":" not in name:
                yield name, value.function == "python"


def _statement(known: Known, line: int, column: int, logical: str, before: str, first: bool) -> Iterator[Proposal]:
    assignment = ASSIGNMENT.match(logical)
    quoted = assignment is not None and re.match(r"\s*[\"']", logical[assignment.end() :])
    if assignment is not None and quoted:
        yield from _in_value(known, line, column, before, assignment["name"], assignment["flag"])
        return
    if directive := _DIRECTIVE.match(logical):
        yield from _arguments(known, directive[1], line, column, before)
        return
    if not first:
        return
    left = re.match(rf"(?:export\s+)?({_NAME})$", before)
    flag = re.match(rf"({_NAME})\[([^\]\s\"']*)$", before)
    if flag:
        yield from _flags(known, flag[1], line, flag.start(2), column)
    elif left and ":" in left[1]:
        yield from _overrides(known, line, left.start(1) + left[1].rindex(":") + 1, column)
    elif left:
        yield from _beginnings(known, line, left.start(1), column)


def _variables(known: Known, line: int, start: int, column: int) -> Iterator[Proposal]:
    prefix = known.document.line(line)[start:column]
    span = Span.within(line, start, column)
    for name in _variable_names(known):
        if _fits(prefix, name):
            value = known.value(name)
            shown = " ".join((value.value or "").split())[:80] if value is not None else ""
            yield Proposal(name, "variable", span, shown, variable_meaning(name) or "")


def _variable_names(known: Known) -> Iterator[str]:
    for item in known.document.parsed.statements:
        if isinstance(item, Assignment):
            yield item.name.split(":", 1)[0]
    if known.view is not None:
        for name, value in known.view.values.items():
            if not value.function and ":" not in name and not name.startswith("_"):
                yield name
    yield from documented("variables")


def _fits(prefix: str, name: str) -> bool:
    """Capitals need not be typed; editors sort by how well it fits."""
    return prefix.lower() in name.lower()


def _flags(known: Known, variable: str, line: int, start: int, column: int) -> Iterator[Proposal]:
    span = Span.within(line, start, column)
    prefix = known.document.line(line)[start:column]
    value = known.value(variable)
    own = value.flags if value is not None else {}
    for name in [*own, *documented("flags")]:
        if _fits(prefix, name):
            detail = " ".join(own[name].split())[:80] if name in own else ""
            yield Proposal(name, "flag", span, detail, documented("flags").get(name, ""))


def _overrides(known: Known, line: int, start: int, column: int) -> Iterator[Proposal]:
    span = Span.within(line, start, column)
    prefix = known.document.line(line)[start:column]
    active = reversed(known.view.overrides) if known.view is not None else ()
    used = [
        part
        for item in known.document.parsed.statements
        if isinstance(item, Assignment) and item.flag is None
        for part in item.name.split(":")[1:]
    ]
    for name in ("append", "prepend", "remove", "${PN}", "${PN}-dev", *active, *used, *documented("overrides")):
        if _fits(prefix, name):
            force = "in force" if known.view is not None and name in known.view.overrides else ""
            yield Proposal(name, "override", span, force, documented("overrides").get(name, ""))


def _beginnings(known: Known, line: int, start: int, column: int) -> Iterator[Proposal]:
    span = Span.within(line, start, column)
    prefix = known.document.line(line)[start:column]
    conf = known.document.kind == "conf"
    for name, text in documented("directives").items():
        if name.startswith(prefix) and (not conf or name in _IN_CONF) and name not in ("before", "after"):
            yield Proposal(name, "keyword", span, "", text)
    if not conf:
        for name in dict.fromkeys([*documented("tasks"), *(name for name, _ in _functions(known))]):
            if name.startswith(prefix) and prefix and name.startswith("do_"):
                text = documented("tasks").get(name, "")
                yield Proposal(name, "snippet", span, "task", text, f"{name}() {{\n    $0\n}}")
    if prefix:
        yield from _variables(known, line, start, column)


_IN_CONF = frozenset({"include", "require", "include_all", "export", "unset", "addpylib", "addfragments"})


def _arguments(known: Known, keyword: str, line: int, column: int, before: str) -> Iterator[Proposal]:
    word = _LAST_WORD.search(before)
    start = word.start() if word is not None else column
    prefix = before[start:]
    span = Span.within(line, start, column)
    if keyword in ("inherit", "inherit_defer"):
        yield from _classes(known, prefix, span)
    elif keyword in ("include", "require", "include_all"):
        yield from _includes(known, prefix, span)
    elif keyword in ("export", "unset"):
        yield from _variables(known, line, start, column)
    elif keyword in ("addtask", "deltask"):
        names = [*(name for name, _ in _functions(known) if name.startswith("do_")), *documented("tasks")]
        words = ["before", "after"] if keyword == "addtask" else []
        for name in dict.fromkeys([*words, *names]):
            if _fits(prefix, name):
                yield Proposal(name, "function", span, "", documented("tasks").get(name, ""))
    else:
        own = f"{Path(known.document.path).stem}_" if keyword == "EXPORT_FUNCTIONS" else ""
        for name, _ in _functions(known):
            if name.startswith(own + prefix):
                yield Proposal(name.removeprefix(own), "function", span)


def _classes(known: Known, prefix: str, span: Span) -> Iterator[Proposal]:
    for name, path in sorted(known.snapshot.classes.items()):
        if _fits(prefix, name):
            yield Proposal(name, "class", span, "class", leading_comment(path))


def _includes(known: Known, prefix: str, span: Span) -> Iterator[Proposal]:
    directory, _, _ = prefix.rpartition("/")
    for start in (str(Path(known.document.path).parent), *known.snapshot.search):
        try:
            entries = sorted(Path(start, directory).iterdir())
        except OSError:
            continue
        for path in entries:
            label = f"{directory}/{path.name}" if directory else path.name
            if not label.startswith(prefix) or path.name.startswith("."):
                continue
            if path.is_dir():
                yield Proposal(f"{label}/", "file", span)
            elif path.suffix in KINDS and path.suffix not in (".bb", ".bbappend") and str(path) != known.document.path:
                yield Proposal(label, "file", span)


def _in_value(known: Known, line: int, column: int, before: str, name: str, flag: str | None) -> Iterator[Proposal]:
    word = _LAST_WORD.search(before)
    start = word.start() if word is not None else column
    prefix = before[start:]
    span = Span.within(line, start, column)
    kind = words_of(name, flag)
    if kind == "recipe" and flag is not None and ":" in prefix:
        after = Span.within(line, start + prefix.index(":") + 1, column)
        for task, text in documented("tasks").items():
            yield Proposal(task, "function", after, "", text)
    elif kind == "recipe":
        runtime = name.startswith(("RDEPENDS", "RRECOMMENDS", "RSUGGESTS", "IMAGE_INSTALL", "PACKAGE_INSTALL"))
        for other, recipe in sorted(known.snapshot.chosen.items()):
            if _fits(prefix, other) and (not runtime or other in recipe.packages or other == recipe.name):
                detail = recipe.version if other == recipe.name else f"{recipe.name} {recipe.version}"
                yield Proposal(other, "recipe", span, detail, recipe_text(recipe, other))
    elif kind == "class":
        yield from _classes(known, prefix, span)
    elif kind == "variable":
        yield from _variables(known, line, start, column)
    elif kind == "function":
        for other, _ in _functions(known):
            if _fits(prefix, other):
                yield Proposal(other, "function", span)
    elif kind == "task":
        for task, text in documented("tasks").items():
            if _fits(prefix, task):
                yield Proposal(task, "function", span, "", text)
    elif kind == "source":
        yield from _sources(known, prefix, span)


def _sources(known: Known, prefix: str, span: Span) -> Iterator[Proposal]:
    for scheme in _SCHEMES:
        if scheme.startswith(prefix):
            yield Proposal(scheme, "keyword", span)
    if not prefix.startswith("file://"):
        return
    for directory in source_directories(known):
        try:
            entries = sorted(Path(directory).iterdir())
        except OSError:
            continue
        for path in entries:
            if f"file://{path.name}".startswith(prefix):
                yield Proposal(f"file://{path.name}", "file", span, directory)
