"""What the cursor is on: a variable, a flag, an override, a class, a file, a function, a recipe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from hadronbake.lsp.document import DEFINITION, HEADER, Document
from hadronbake.lsp.model import Span

Kind = Literal[
    "variable", "flag", "override", "class", "file", "source", "function", "recipe", "task", "directive", "operator"
]

# The left side of an assignment, as far as it is there: export, name, flag, operator.
ASSIGNMENT = re.compile(
    r"(?P<export>export\s+)?(?P<name>[A-Za-z0-9_.+/~:{}$-]+?)(?:\[(?P<flag>[^\]\s\"']*)\])?\s*"
    r"(?P<operator>\?\?=|[:?+.]=|=[+.]?)"
)
REFERENCE = re.compile(r"\$\{([A-Za-z0-9_.+/~:-]+)\}?")
CALL = re.compile(
    r"(?:\b(?:\w+\.)?(?:get|set|append|prepend|del|rename)Var(?:Flags?)?\(\s*"
    r"|\b(?:bb\.utils|oe\.utils)\.(?:contains|contains_any|filter|conditional|vartrue)\(\s*)"
    r"[\"'](?P<name>[^\"'\s]*)[\"'](?:\s*,\s*[\"'](?P<flag>[^\"'\s]*)[\"'])?"
)
CALLED = re.compile(r"\bexec_(?:func|task)\(\s*[\"']([^\"']+)[\"']")
DIRECTIVE = re.compile(
    r"(inherit_defer|inherit|include_all|include|require|addtask|deltask|addhandler|addpylib|addfragments|EXPORT_FUNCTIONS"
    r"|export|unset|def|python|fakeroot)(?=\s|\(|$)"
)
WORD = re.compile(r"[^\s\"'\\,;|()]+")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.-]*")

_RECIPES = frozenset(
    {"PROVIDES", "RPROVIDES", "RRECOMMENDS", "RSUGGESTS", "RCONFLICTS", "RREPLACES"}
    | {"IMAGE_INSTALL", "PACKAGE_INSTALL", "PREFERRED_PROVIDERS", "ASSUME_PROVIDED"}
)
_CLASSES = frozenset(
    {"INHERIT", "INHERIT_DISTRO", "USER_CLASSES", "PACKAGE_CLASSES", "IMAGE_CLASSES", "KERNEL_CLASSES"}
    | {"BBCLASSEXTEND", "BB_DEFER_BBCLASSES"}
)
_FUNCTION_FLAGS = frozenset({"prefuncs", "postfuncs"})
_VARIABLE_FLAGS = frozenset({"vardeps", "vardepsexclude", "exports"})
_TASK_FLAGS = frozenset({"deptask", "rdeptask", "recrdeptask", "recideptask", "deps"})
_VARIABLE_LISTS = frozenset({"BB_BASEHASH_IGNORE_VARS", "BB_HASHCONFIG_IGNORE_VARS", "BB_ENV_PASSTHROUGH_ADDITIONS"})


@dataclass(frozen=True, slots=True)
class Target:
    """``of``: of a flag and an override the variable, of an included file the keyword."""

    kind: Kind
    name: str
    span: Span
    of: str = ""


def base_name(name: str) -> str:
    """A variable without overrides and operations: ``RDEPENDS:${PN}`` → ``RDEPENDS``."""
    return name.split(":", 1)[0]


def words_of(name: str, flag: str | None) -> Kind | None:
    """What the words in the value of a variable (or of a flag) are names of, if that is known."""
    base = base_name(name)
    if flag is not None:
        if flag in _FUNCTION_FLAGS:
            return "function"
        if flag in _VARIABLE_FLAGS:
            return "variable"
        if flag in _TASK_FLAGS:
            return "task"
        return "recipe" if flag in ("depends", "rdepends", "sysroot-depends") else None
    if base in _RECIPES or base.startswith("PREFERRED_PROVIDER_") or base.endswith("DEPENDS"):
        return "recipe"
    if base in _CLASSES:
        return "class"
    if base in _VARIABLE_LISTS:
        return "variable"
    return "source" if base == "SRC_URI" else None


def target_at(document: Document, line: int, column: int) -> Target | None:
    """What is under (or ends right before) a position."""
    text = document.line(line)
    column = min(column, len(text))
    block = document.block(line)
    if block is None and text.startswith("#"):
        return None
    found = _reference(text, line, column)
    if found is None:
        found = _in_block(text, line, column, block.python) if block is not None else _statement(document, line, column)
    return found


def _on(match: re.Match[str], group: int | str, column: int) -> bool:
    return match.start(group) >= 0 and match.start(group) <= column <= match.end(group)


def _reference(text: str, line: int, column: int) -> Target | None:
    """``${NAME}``, the name in ``d.getVar("NAME")`` and the flag in ``d.getVarFlag("NAME", "flag")``."""
    for match in REFERENCE.finditer(text):
        if match.start() <= column <= match.end(1):
            return Target("variable", match[1], Span.within(line, *match.span(1)))
    for match in CALL.finditer(text):
        if _on(match, "name", column):
            return Target("variable", match["name"], Span.within(line, *match.span("name")))
        if "Flag" in match[0] and _on(match, "flag", column):
            return Target("flag", match["flag"], Span.within(line, *match.span("flag")), match["name"])
    for match in CALLED.finditer(text):
        if _on(match, 1, column):
            return Target("function", match[1], Span.within(line, *match.span(1)))
    return None


def _in_block(text: str, line: int, column: int, python: bool) -> Target | None:
    for match in _IDENTIFIER.finditer(text):
        if match.start() <= column <= match.end():
            if not python and text[: match.start()].endswith("$"):
                return Target("variable", match[0], Span.within(line, *match.span()))
            return Target("function", match[0], Span.within(line, *match.span()))
    return None


def _statement(document: Document, line: int, column: int) -> Target | None:
    logical = document.logical(line, column)
    text = document.line(line)
    first = document.line(logical.first)
    if logical.first == line:
        if header := HEADER.match(text):
            if _on(header, 2, column) and header[2]:
                return _named(header[2], line, header.start(2), column, "function")
        elif (definition := DEFINITION.match(text)) and _on(definition, 1, column):
            return Target("function", definition[1], Span.within(line, *definition.span(1)))
    assignment = ASSIGNMENT.match(first)
    if assignment is not None:
        if logical.first == line and column <= assignment.end():
            return _left_side(assignment, line, column)
        return _value(text, line, column, assignment)
    directive = DIRECTIVE.match(first)
    if directive is None:
        return None
    keyword = directive[1]
    if logical.first == line and column <= directive.end():
        return Target("directive", keyword, Span.within(line, *directive.span(1)))
    for match in WORD.finditer(text, directive.end() if logical.first == line else 0):
        if match.start() <= column <= match.end():
            return _argument(keyword, match, line)
    return None


def _left_side(match: re.Match[str], line: int, column: int) -> Target | None:
    if _on(match, "name", column):
        return _named(match["name"], line, match.start("name"), column, "variable")
    if _on(match, "flag", column):
        return Target("flag", match["flag"], Span.within(line, *match.span("flag")), match["name"])
    if _on(match, "operator", column):
        return Target("operator", match["operator"], Span.within(line, *match.span("operator")))
    if match["export"] and column < match.end("export"):
        return Target("directive", "export", Span.within(line, 0, len("export")))
    return None


def _named(name: str, line: int, start: int, column: int, kind: Kind) -> Target:
    """The part of ``V:o:append`` that the column is on."""
    base = base_name(name)
    end = start + len(base)
    if column <= end:
        return Target(kind, base, Span.within(line, start, end))
    position = end + 1
    for part in name.split(":")[1:]:
        if column <= position + len(part):
            return Target("override", part, Span.within(line, position, position + len(part)), base)
        position += len(part) + 1
    return Target(kind, base, Span.within(line, start, end))


def _value(text: str, line: int, column: int, assignment: re.Match[str]) -> Target | None:
    name, flag = assignment["name"], assignment["flag"]
    kind = words_of(name, flag)
    if kind is None:
        return None
    for match in WORD.finditer(text):
        if not match.start() <= column <= match.end():
            continue
        word, start = match[0], match.start()
        if kind == "source":
            return Target("source", word, Span.within(line, *match.span())) if word.startswith("file:") else None
        if flag in ("depends", "rdepends") and ":" in word:
            recipe, _, task = word.rpartition(":")
            if column > start + len(recipe):
                return Target("task", task, Span.within(line, match.end() - len(task), match.end()))
            word = recipe
        if kind == "class":
            word = word.split(":")[0]
        return Target(kind, word, Span.within(line, start, start + len(word)), base_name(name))
    return None


def _argument(keyword: str, match: re.Match[str], line: int) -> Target | None:
    span = Span.within(line, *match.span())
    word = match[0]
    if keyword in ("inherit", "inherit_defer"):
        return Target("class", word, span, keyword)
    if keyword in ("include", "require", "include_all"):
        return Target("file", word, span, keyword)
    if keyword in ("addtask", "deltask"):
        if word in ("before", "after"):
            return Target("directive", word, span)
        return Target("task", word if word.startswith("do_") else f"do_{word}", span)
    if keyword in ("addhandler", "EXPORT_FUNCTIONS"):
        return Target("function", word, span, keyword)
    if keyword in ("export", "unset"):
        return Target("variable", word.split("[")[0], span)
    return None
