"""Rules about variables, operators and overrides, as far as one file tells."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hadronbake.authoring.known import LIST_VARIABLES, TASK_FLAGS, VARIABLE_FLAGS
from hadronbake.authoring.rule import FileRule, Problem
from hadronbake.authoring.source import Source
from hadronbake.datastore.names import classify
from hadronbake.diagnostics import closest
from hadronbake.language.statements import Assignment, Function

_OLD_STYLE = re.compile(r"_(append|prepend|remove)(?=_|$|:)(_[a-z0-9${}-]+)*")
_OPERATION = re.compile(r":(append|prepend|remove)(?=:|$)")
_HOST_PATH = re.compile(r"(?<![\w.}/$)*-])/(?:home|root|Users|usr/local|opt)/[\w.+-]+")
_REFERENCE_FIRST = re.compile(r"\$\{(?:@.*|[^}\s]*\}(?:\s|$))", re.S)
_REFERENCE_LAST = re.compile(r"(?:^|\s)\$\{[^}\s]*\}$|\$\{@.*\}$", re.S)
_SUMS = ("sha256sum", "sha384sum", "sha512sum", "md5sum", "sha1sum")
_TOOL_PATHS = re.compile(r"(?:--?[\w-]*(?:path|prefix)[\w-]*=|PATH=)\S*$", re.I)


def _old_style(source: Source) -> Iterator[Problem]:
    for statement in source.layout.parsed.statements:
        name = statement.name if isinstance(statement, Assignment | Function) else None
        if name is None or not (match := _OLD_STYLE.search(name)):
            continue
        new = name.replace(match[0], ":" + match[0][1:].replace("_", ":"), 1)
        yield Problem(
            f"'{match[0]}' is the old way to write an operation",
            source.find(statement, name),
            len(name),
            f"write {new}",
        )


def _mixed_operators(source: Source) -> Iterator[Problem]:
    for item in source.assignments:
        if item.flag is None and item.operator not in ("=", ":=") and (match := _OPERATION.search(item.name)):
            yield Problem(
                f"':{match[1]}' together with '{item.operator}'",
                source.find(item, item.name),
                len(item.name),
                f"write {item.name} = "
                + ('" …"' if match[1] == "append" else '"… "' if match[1] == "prepend" else '"…"'),
            )


def _joined_words(source: Source) -> Iterator[Problem]:
    for item in source.assignments:
        info = classify(item.name)
        if item.flag is not None or info.short not in LIST_VARIABLES or not item.value.strip():
            continue
        after = info.operation == "append" or item.operator == ".="
        before = info.operation == "prepend" or item.operator == "=."
        value = item.value.replace("\\n", " ")
        edge = value[0] if after else value[-1] if before else " "
        # What is nothing but a reference may begin or end with a blank itself.
        if edge.isspace() or (after and _REFERENCE_FIRST.match(value)) or (before and _REFERENCE_LAST.search(value)):
            continue
        yield Problem(
            f"{info.short} is a list, and this is joined to its {'last' if after else 'first'} word without a blank",
            source.find(item, item.name),
            len(item.name),
            f"{'begin' if after else 'end'} the value with a blank",
        )


def _weak_after_hard(source: Source) -> Iterator[Problem]:
    hard: dict[tuple[str, str | None], int] = {}
    for item in source.assignments:
        key = (item.name, item.flag)
        if item.operator in ("=", ":="):
            hard.setdefault(key, item.location.line)
        elif item.operator in ("?=", "??=") and key in hard:
            yield Problem(
                f"'{item.operator}' has no effect: {item.name} is set in line {hard[key]}",
                source.find(item, item.name),
                len(item.name),
                "put it before that, or take one of them away",
            )


def _overwritten(source: Source) -> Iterator[Problem]:
    """``=`` after an assignment of the same file that nothing can have used in between."""
    last: dict[tuple[str, str | None], Assignment] = {}
    for statement in source.layout.parsed.statements:
        if not isinstance(statement, Assignment):
            if not isinstance(statement, Function):
                # An included file, a class, an unset: what it does with the value can't be told.
                last.clear()
            continue
        key = (statement.name, statement.flag)
        if classify(statement.name).operation:
            continue
        old = last.get(key)
        if statement.operator == "=" and old is not None:
            yield Problem(
                f"{old.name}{f'[{old.flag}]' if old.flag else ''} is overwritten by line {statement.location.line}",
                source.find(old, old.name),
                len(old.name),
                "take one of them away" if old.operator == "=" else f"'=' forgets what '{old.operator}' added before",
            )
        if statement.operator == ":=":
            # It may use any of them.
            last.clear()
        if statement.operator in ("=", "+=", "=+", ".=", "=."):
            last[key] = statement


def _default_lost(source: Source) -> Iterator[Problem]:
    weak: dict[tuple[str, str | None], int] = {}
    for item in source.assignments:
        key = (item.name, item.flag)
        if item.operator == "??=":
            weak.setdefault(key, item.location.line)
        elif item.operator in ("=", ":=", "?="):
            weak.pop(key, None)
        elif key in weak and not classify(item.name).operation:
            yield Problem(
                f"'{item.operator}' does not see the weak default of line {weak[key]}, and hides it",
                source.find(item, item.name),
                len(item.name),
                f'write {item.name}:{"append" if item.operator in ("+=", ".=") else "prepend"} = "…", or set it with ?=',
            )
            weak.pop(key)


def _override_hides(source: Source) -> Iterator[Problem]:
    seen: set[str] = set()
    for item in source.assignments:
        info = classify(item.name)
        if item.flag is not None or info.operation or not info.parents:
            continue
        if item.operator in ("+=", "=+", ".=", "=.") and item.name not in seen and not _per_package(info.short):
            keyword = "append" if item.operator in ("+=", ".=") else "prepend"
            suffix = info.parents[-1][1]
            yield Problem(
                f"where '{suffix}' is in force this is all that {info.parents[-1][0]} has: the override has no value of its own",
                source.find(item, item.name),
                len(item.name),
                f"to add to {info.parents[-1][0]}, write {info.parents[-1][0]}:{keyword}:{suffix} = "
                + ('" …"' if keyword == "append" else '"… "'),
            )
        seen.add(item.name)


def _per_package(name: str) -> bool:
    """Whether an override of this variable is rather the name of a package, which has a list of its own."""
    return name in (
        *(
            "FILES",
            "RDEPENDS",
            "RRECOMMENDS",
            "RSUGGESTS",
            "RPROVIDES",
            "RCONFLICTS",
            "RREPLACES",
            "CONFFILES",
            "INSANE_SKIP",
        ),
        *(
            "ALLOW_EMPTY",
            "SYSTEMD_SERVICE",
            "ALTERNATIVE",
            "USERADD_PARAM",
            "GROUPADD_PARAM",
            "PKG",
            "DESCRIPTION",
            "SUMMARY",
        ),
        *(
            "SYSTEMD_PACKAGES",
            "SYSUSERS",
            "SYSTEMD_AUTO_ENABLE",
            "DEBIAN_NOAUTONAME",
            "INITSCRIPT_NAME",
            "INITSCRIPT_PARAMS",
        ),
    )


def _unknown_flag(source: Source) -> Iterator[Problem]:
    for item in source.assignments:
        if item.flag is None or "." in item.flag or "${" in item.flag:
            continue
        name = item.name.rpartition(":")[2] if ":" in item.name else item.name
        if name.startswith("do_"):
            if item.flag not in TASK_FLAGS and item.flag not in VARIABLE_FLAGS:
                near = closest(item.flag, TASK_FLAGS)
                yield Problem(
                    f"no task has a flag '{item.flag}' that anything reads",
                    source.find(item, f"[{item.flag}]"),
                    len(item.flag) + 2,
                    f"did you mean [{near}]?" if near else None,
                )
        elif item.flag not in VARIABLE_FLAGS and not item.name.startswith(("PACKAGECONFIG", "ALTERNATIVE")):
            near = closest(item.flag, _SUMS if item.name == "SRC_URI" else VARIABLE_FLAGS)
            if near:
                yield Problem(
                    f"the flag '{item.flag}' looks like a typing error",
                    source.find(item, f"[{item.flag}]"),
                    len(item.flag) + 2,
                    f"did you mean [{near}]?",
                )


def _host_path(source: Source) -> Iterator[Problem]:
    if source.kind == "conf":
        # The user's own configuration names the user's own directories.
        return
    for item in source.assignments:
        text = re.sub(r"\S+://\S+", "", item.value)
        for match in _HOST_PATH.finditer(text):
            before = text[: match.start()].split()
            if before and not text[match.start() - 1].isspace() and _TOOL_PATHS.search(before[-1]):
                continue
            if classify(item.name).short in ("FILES", "CONFFILES", "SUMMARY", "DESCRIPTION", "SYSUSERS"):
                continue
            yield Problem(
                f"{match[0]} is a path of one machine",
                source.find(item, match[0]),
                len(match[0]),
                "name it by a variable of the configuration, or by a path of the sandbox",
            )


def _text_to_function(source: Source) -> Iterator[Problem]:
    for item in source.assignments:
        info = classify(item.name)
        if item.flag is not None or not re.fullmatch(r"do_[a-z0-9_]+", info.short) or not item.value.strip():
            continue
        yield Problem(
            f"a value for the function {info.short}",
            source.find(item, item.name),
            len(item.name),
            f"write it as a function: {item.name}() {{",
        )


def _blank_twice(source: Source) -> Iterator[Problem]:
    for item in source.assignments:
        # A value that goes on in the next line begins with blanks for its layout.
        if item.flag is not None or not item.value.strip() or source.lines[item.location.line - 1].endswith("\\"):
            continue
        if (item.operator == "+=" and item.value[0] == " ") or (item.operator == "=+" and item.value[-1] == " "):
            yield Problem(
                f"'{item.operator}' puts a blank between by itself",
                source.find(item, item.name),
                len(item.name),
                "take the blank at the value's edge away",
            )


def _late_thisdir(source: Source) -> Iterator[Problem]:
    for item in source.assignments:
        info = classify(item.name)
        if info.short != "FILESEXTRAPATHS" or item.flag is not None:
            continue
        if "${THISDIR}" in item.value and item.operator != ":=":
            yield Problem(
                "THISDIR is expanded late here, when it is the recipe's directory",
                source.find(item, item.operator),
                len(item.operator),
                'write FILESEXTRAPATHS:prepend := "${THISDIR}/${PN}:"',
            )
        elif info.operation == "prepend" and not item.value.rstrip().endswith(":"):
            yield Problem(
                "the value does not end with ':'",
                source.find(item, item.name),
                len(item.name),
                "without it this directory and the next one become one name",
            )
        elif not info.operation and item.operator in ("=", ":="):
            yield Problem(
                "this throws away what other appends have added",
                source.find(item, item.name),
                len(item.name),
                "write FILESEXTRAPATHS:prepend",
            )


RULES = (
    FileRule(
        "HBW201",
        "an operation written with an underscore",
        "NAME_append and its like were replaced by NAME:append; the engine refuses the old form when the file is evaluated.",
        _old_style,
        error=True,
    ),
    FileRule(
        "HBW202",
        "an operation together with an adding or weak operator",
        "V:append += adds a blank to a text that is joined without one, and ?= on it doesn't do what it looks like: '=' is all it needs.",
        _mixed_operators,
    ),
    FileRule(
        "HBW203",
        "a word joined to a list without a blank",
        ":append, :prepend, .= and =. add no blank: the last word of the list and the new one become one word.",
        _joined_words,
        error=True,
    ),
    FileRule(
        "HBW204",
        "a default for what is set already",
        "?= and ??= after = in the same file never have an effect.",
        _weak_after_hard,
    ),
    FileRule(
        "HBW205",
        "an assignment that is overwritten in the same file",
        "The first value is never used; often a += was meant, or a line was forgotten in an upgrade.",
        _overwritten,
    ),
    FileRule(
        "HBW206",
        "an adding operator on a weak default",
        "+= and its like don't see a value given by ??=: the default is gone, whatever the order.",
        _default_lost,
    ),
    FileRule(
        "HBW207",
        "+= on an override that has no value",
        'V:override += "x" does not add x to V: it gives the override a value of its own, which takes the place of V\'s.',
        _override_hides,
    ),
    FileRule(
        "HBW208",
        "a flag that nothing reads",
        "A flag with a typing error is silently without effect.",
        _unknown_flag,
    ),
    FileRule(
        "HBW209",
        "a path of one machine",
        "In the sandbox and on other machines it isn't there, or is something else.",
        _host_path,
    ),
    FileRule(
        "HBW210",
        "a value where a function is meant",
        'do_install:append = "…" joins its text to the function\'s last line; the function form begins on a line of its own.',
        _text_to_function,
    ),
    FileRule(
        "HBW211",
        "a blank too many",
        "+= and =+ put a blank between; one more is in the value for ever, and in the hash.",
        _blank_twice,
    ),
    FileRule(
        "HBW212",
        "FILESEXTRAPATHS that doesn't do what it should",
        "It must be prepended with := (THISDIR changes), with a ':' at the end of each directory.",
        _late_thisdir,
        error=True,
    ),
)
