"""Why the two sides may differ: the documented list. What no entry fits is unexplained."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from differences import ABSENT, Difference
from records import CONFIGURATION


@dataclass(frozen=True)
class Cause:
    """``fits`` says whether a difference is of this cause; ``reason`` is printed."""

    name: str
    reason: str
    fits: Callable[[Difference], bool]


def _variable(*patterns: str) -> Callable[[Difference], bool]:
    names = re.compile("|".join(f"(?:{item})" for item in patterns))
    return lambda item: item.kind in ("value", "raw", "flag", "only") and bool(names.fullmatch(item.name))


def _line_of_definition(item: Difference) -> bool:
    return (
        item.kind == "flag"
        and item.name.endswith("[lineno]")
        and str(item.left).isdigit()
        and int(str(item.left)) + 1 == int(str(item.right))
    )


def _private(name: str) -> bool:
    return name.startswith("oe.") and any(part.startswith("_") for part in name.split("."))


def _private_library(item: Difference) -> bool:
    """Dependencies on private library functions, which the reference does not follow."""
    if item.kind != "needs":
        return False
    if item.left == ABSENT:
        return True
    return item.left == [] and isinstance(item.right, list) and bool(item.right) and all(map(_private, item.right))


def _same_anonymous(item: Difference) -> bool:
    if item.name != "__BBANONFUNCS" or not isinstance(item.left, list) or not isinstance(item.right, list):
        return False
    left = [re.match(r"__anon_(\d+)_+(.*)", str(name)) for name in item.left]
    # BitBake counts to the line of the closing brace.
    right = [(str(line + 1 + body.count("\n")), re.sub(r"\W", "_", file).strip("_")) for body, file, line in item.right]
    return [match and match.groups() for match in left] == right


def _lost_filter(item: Difference) -> bool:
    if not (item.variant.startswith("native") or "/nativesdk-" in item.file):
        return False
    if item.kind == "value":
        # Of a variant's own name: RDEPENDS:<package>:class-nativesdk. The filter adds prefix or suffix, and sorts.
        return ":" in item.name and _unprefixed(str(item.left).split()) == _unprefixed(str(item.right).split())
    if item.kind != "needs":
        return False
    if ABSENT in (item.left, item.right):
        return bool(_PACKAGE_VARIABLE.fullmatch(item.name))
    left, right = (set(map(str, side)) for side in (item.left, item.right) if isinstance(side, list))
    return left == {name.replace(":nativesdk-", ":") for name in right}


def _unprefixed(words: list[str]) -> list[str]:
    return sorted(word.removeprefix("nativesdk-").removesuffix("-native") for word in words)


def _order_of_tasks(item: Difference) -> bool:
    """Images ask for the tasks between two (bb.build.tasksbetween), which BitBake gives in the order of a set."""
    if item.name in ("do_sdk_depends[depends]", "_task_deps"):
        return _words(item.left) == _words(item.right)
    return False


def _words(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _words(item) for key, item in value.items()}
    return sorted(value.split()) if isinstance(value, str) else value


_PACKAGE_VARIABLE = re.compile(r"[A-Za-z_]+:[a-z0-9.+-]+")


def _questions(text: object) -> tuple[str, frozenset[str]]:
    """A hash text without the answers at its end, and these."""
    lines = str(text).split("\n")
    end = len(lines)
    while end and re.fullmatch(r"\S+\{.*\} = (Set|Unset)", lines[end - 1]):
        end -= 1
    return "\n".join(lines[:end]), frozenset(lines[end:])


def _more_answers(item: Difference) -> bool:
    if item.kind != "text":
        return False
    (left, few), (right, more) = _questions(item.left), _questions(item.right)
    return left == right and few < more


CAUSES: tuple[Cause, ...] = (
    Cause(
        "bookkeeping",
        "the engine's own records: what was parsed and hashed. (__BBTASKS, __BBHANDLERS, __inherit_cache are compared.)",
        _variable(
            r"__anon_\d+_.*",
            r"__siggen_\w+",
            r"__depends|__base_depends|__included|__exportlist|__DEPENDS_WRITTEN",
            r"__BBAPPEND|__BBMULTICONFIG|__BBHANDLERS_MC|__BBSRCREV_SEEN",
        ),
    ),
    Cause(
        "anonymous functions",
        "__BBANONFUNCS: BitBake keeps names made of file and line, hadronbake text, file and line; order and lines agree",
        _same_anonymous,
    ),
    Cause(
        "class type",
        "__bbclasstype is set to recipe for the configuration in BitBake, for each recipe in hadronbake",
        lambda item: item.name == "__bbclasstype" and not item.variant and item.file == CONFIGURATION,
    ),
    Cause(
        "engine",
        "variables that name the engine: where it is, and the whole environment as an object",
        _variable("HADRONBAKE_DIR", "BB_ORIGENV"),
    ),
    Cause(
        "files",
        "BBINCLUDED, the files that the engine looked at: their order is the engine's, and hadronbake adds Python libraries",
        _variable("BBINCLUDED"),
    ),
    Cause(
        "order of tasks",
        "do_sdk_depends of images names the tasks between two others; BitBake lists them in the order of a set",
        _order_of_tasks,
    ),
    Cause(
        "filtered variables",
        "PACKAGES, PROVIDES and the like of native and nativesdk recipes pass through filters; BitBake forgets a filter when its "
        "dependency analysis has looked at the variable before, so names without prefix or suffix get into its dependencies",
        _lost_filter,
    ),
    Cause(
        "ignored by a recipe",
        "a recipe or class that adds to BB_BASEHASH_IGNORE_VARS is heeded by hadronbake; BitBake reads the configuration's",
        lambda item: item.kind == "ignored",
    ),
    Cause(
        "line of def",
        "flag lineno of a def block: BitBake gives the line before, hadronbake the block's first line",
        _line_of_definition,
    ),
    Cause(
        "environment",
        "HOME, USER and the like are exported to tasks by BitBake; in hadronbake's sandbox they have values of their own",
        _variable(r"(HOME|LOGNAME|PWD|SHELL|USER|LC_ALL|BB_TASKHASH|BBSERVER)\[export\]"),
    ),
    Cause(
        "library text",
        "what stands for a library function in a hash: a digest of its source on both sides, made in different ways",
        lambda item: item.kind == "text" and item.name.startswith("oe.") and bool(item.left and item.right),
    ),
    Cause(
        "private library functions",
        "hadronbake follows calls of a library's private functions too, so that a change of these changes the hash",
        _private_library,
    ),
    Cause(
        "unset",
        "the hash text of a variable without a value is None in hadronbake, so that it differs from an empty one",
        lambda item: item.kind == "text" and item.left == "" and item.right is None,
    ),
    Cause(
        "set while read",
        "OE-Core's code sets __CACHED_SOURCE_DATE_EPOCH when SOURCE_DATE_EPOCH is expanded, which each engine does in its own order",
        lambda item: item.kind == "only" and item.name == "__CACHED_SOURCE_DATE_EPOCH",
    ),
    Cause(
        "library questions",
        "a function that asks for words by several calls of a library function (oe.qa.handle_error): BitBake keeps the "
        "last question of each variable, hadronbake all",
        _more_answers,
    ),
)


def cause_of(difference: Difference) -> Cause | None:
    """The first cause that fits; None: unexplained."""
    return next((cause for cause in CAUSES if cause.fits(difference)), None)
