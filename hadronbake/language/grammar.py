"""The lark parser of one logical line. The grammar is in ``grammar.lark``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

from lark import Lark, Token, Transformer, UnexpectedInput

from hadronbake.language.drafts import DefinitionHeader, Draft, FunctionHeader, LineResult
from hadronbake.language.statements import (
    AddFragments,
    AddHandler,
    AddPylib,
    AddTask,
    Assignment,
    DelTask,
    Export,
    ExportFunctions,
    FileKind,
    Include,
    Inherit,
    Unset,
)


def _task(name: str) -> str:
    return name if name.startswith("do_") else f"do_{name}"


class _Drafts(Transformer[Token, LineResult]):
    """Tree → draft; the methods are named as the rules of the grammar. Names are interned: there are many, often the same."""

    def assignment(self, parts: list[Any]) -> Draft:
        exported, name, flag, operator, value = parts
        end = name.end_pos if flag is None else flag.end_pos + 1
        crowded = None
        if operator.start_pos == end or value.start_pos == operator.end_pos:
            crowded = (operator.start_pos, len(operator))
        return Draft(
            Assignment,
            (
                sys.intern(str(name)),
                None if flag is None else sys.intern(str(flag)),
                sys.intern(str(operator)),
                value[1:-1],
                exported is not None,
            ),
            crowded,
        )

    def function(self, parts: list[Any]) -> FunctionHeader:
        words, name = parts
        words = () if words is None else words.split()
        return FunctionHeader(
            None if name is None else sys.intern(str(name)), "python" in words or name is None, "fakeroot" in words
        )

    def definition(self, parts: list[Any]) -> DefinitionHeader:
        return DefinitionHeader(str(parts[0]))

    def export_functions(self, parts: list[Any]) -> Draft:
        return Draft(ExportFunctions, (tuple(map(str, parts)),))

    def names(self, parts: list[Any]) -> tuple[str, tuple[str, ...]]:
        return "names", tuple(_task(str(part)) for part in parts)

    def before(self, parts: list[Any]) -> tuple[str, tuple[str, ...]]:
        return "before", tuple(_task(str(part)) for part in parts)

    def after(self, parts: list[Any]) -> tuple[str, tuple[str, ...]]:
        return "after", tuple(_task(str(part)) for part in parts)

    def addtask(self, parts: list[Any]) -> Draft:
        relations: dict[str, list[str]] = {"names": [], "before": [], "after": []}
        for part in parts:
            if part is not None:
                relations[part[0]].extend(part[1])
        return Draft(
            AddTask,
            tuple(tuple(dict.fromkeys(relations[relation])) for relation in ("names", "before", "after")),
        )

    def deltask(self, parts: list[Any]) -> Draft:
        return Draft(DelTask, (str(parts[0]).rstrip(),))

    def addhandler(self, parts: list[Any]) -> Draft:
        return Draft(AddHandler, (tuple(map(str, parts)),))

    def inherit(self, parts: list[Any]) -> Draft:
        return Draft(Inherit, (str(parts[0]), False))

    def inherit_defer(self, parts: list[Any]) -> Draft:
        return Draft(Inherit, (str(parts[0]), True))

    def include(self, parts: list[Any]) -> Draft:
        return Draft(Include, ("include", str(parts[0])))

    def require(self, parts: list[Any]) -> Draft:
        return Draft(Include, ("require", str(parts[0])))

    def include_all(self, parts: list[Any]) -> Draft:
        return Draft(Include, ("include_all", str(parts[0])))

    def export(self, parts: list[Any]) -> Draft:
        return Draft(Export, (str(parts[0]),))

    def unset(self, parts: list[Any]) -> Draft:
        name, flag = parts
        return Draft(Unset, (str(name), None if flag is None else str(flag)))

    def addpylib(self, parts: list[Any]) -> Draft:
        return Draft(AddPylib, tuple(map(str, parts)))

    def addfragments(self, parts: list[Any]) -> Draft:
        return Draft(AddFragments, tuple(map(str, parts)))


@cache
def line_parser() -> Callable[[str, FileKind], LineResult | None]:
    """The function that reads one logical line by the grammar of a kind of file; None where it is no statement of it."""
    lark = Lark(
        Path(__file__).with_name("grammar.lark").read_text(),
        start=["recipe", "conf"],
        parser="lalr",
        lexer="contextual",
        maybe_placeholders=True,
        transformer=_Drafts(),
    )

    def parse_line(line: str, kind: FileKind) -> LineResult | None:
        try:
            return cast(LineResult, lark.parse(line, start=kind))
        except UnexpectedInput:
            return None

    return parse_line
