"""Why a logical line is no statement: what is said about it, where, what was expected, and what the writer may have meant.

The grammar only says that a line can't be read. Here the line is looked at with loose patterns, most telling first. The
patterns never decide what is valid: they are asked after the grammar has refused the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hadronbake.diagnostics import closest
from hadronbake.language.drafts import accepts
from hadronbake.language.statements import FileKind

OPERATORS = ("=", ":=", "?=", "??=", "+=", "=+", ".=", "=.")
COMMON_KEYWORDS = ("include", "require", "include_all", "export", "unset", "addfragments")
RECIPE_KEYWORDS = (
    "inherit",
    "inherit_defer",
    "python",
    "fakeroot",
    "def",
    "addtask",
    "deltask",
    "addhandler",
    "EXPORT_FUNCTIONS",
)
_MEANT = {
    "=:": ":=",
    "=?": "?=",
    "=??": "??=",
    "?=?": "??=",
    "???=": "??=",
    "==": "=",
    "===": "=",
    "+==": "+=",
    "==+": "=+",
    ":==": ":=",
    "::=": ":=",
    ":": "=",
    "?": "?=",
    "<-": "=",
    "=>": "=",
    "->": "=",
}
_ARGUMENT = {
    "include": "a file name",
    "require": "a file name",
    "include_all": "a file name",
    "inherit": "a class name",
    "inherit_defer": "a class name",
    "export": "a variable name",
    "unset": "a variable name",
    "addtask": "a task name",
    "deltask": "a task name",
    "addhandler": "a function name",
    "EXPORT_FUNCTIONS": "a function name",
    "addpylib": "a directory and a namespace",
    "addfragments": "four words: prefix, variable, metadata variables, built-in variable",
    "def": "a function name with parameters",
    "python": "a function header",
    "fakeroot": "a function header",
}
_NAME = r"[A-Za-z0-9_.+/~:{}$-]"
_HEAD = re.compile(rf"(export\s++)?({_NAME}*?)(\[[^\]]*\])?(\s*+)(\?\?=|[:?+.]=|=[+.]?)(\s*+)(.*)", re.S)
_STRANGE = re.compile(rf"(export\s++)?({_NAME}*?)(\[[^\]]*\])?\s*+([^\s\w\"'\[\]{{}}$/]{{1,4}}+)\s*+([\"']|$)")
_WORD = re.compile(r"[A-Za-z_]+")
_FUNCTION = re.compile(r"((?:\w+\s++)*)([^\s(){]*)\s*+\(([^)]*)\)\s*+(\{?)\s*+(.*)", re.S)
_CONFLICT = re.compile(r"(<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|)(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic whose place is an offset into the logical line. ``opens``: what the line seems to begin, so that what
    follows is passed over with it: a function's body, an indented block, or a value up to a closing quote."""

    code: str
    message: str
    offset: int = 0
    length: int = 1
    expected: tuple[str, ...] = ()
    hint: str | None = None
    opens: str | None = None


def quoted(text: str, limit: int = 60) -> str:
    """The text in single quotes, cut in its middle when it is long."""
    if len(text) > limit:
        text = f"{text[: limit - 20]}…{text[-19:]}"
    return f"'{text}'"


def explain(line: str, kind: FileKind) -> Finding:
    """What is wrong with a line that the grammar of this kind of file refuses."""
    if match := _CONFLICT.match(line):
        return Finding(
            "HBL119", "conflict marker of a merge", 0, len(match[1]), hint="settle the merge and remove the markers"
        )
    if line.rstrip("; ") == "}":
        return Finding(
            "HBL133",
            "'}' without a function",
            hint="a function's header ends with '{' and its body with the first '}' in column 1",
        )
    other: FileKind = "recipe" if kind == "conf" else "conf"
    # Read as configuration, a recipe's `addtask = "x"` is an assignment: only addpylib is missing from recipes.
    if (kind == "conf" or line.startswith("addpylib")) and accepts(line, other):
        return _misplaced(line, kind)
    return _keyword(line) or _assignment(line) or _function(line, kind) or _name(line) or _unknown(line, kind)


def _misplaced(line: str, kind: FileKind) -> Finding:
    word = _WORD.match(line)
    if kind == "recipe":
        return Finding(
            "HBL114", "addpylib is not allowed in recipes and classes", 0, 8, hint="it belongs into conf/layer.conf"
        )
    is_function = line.endswith("{")
    what = "a function" if is_function else word[0] if word else "this statement"
    return Finding(
        "HBL114",
        f"{what} is not allowed in a configuration file",
        0,
        len(line) if is_function else len(word[0]) if word else 1,
        hint='inherit classes with INHERIT += "…" here'
        if line.startswith("inherit")
        else "it belongs into a recipe (.bb), an include file (.inc) or a class (.bbclass)",
        opens="function" if is_function else "block" if what == "def" else None,
    )


def _keyword(line: str) -> Finding | None:
    match = _WORD.match(line)
    if match is None or match[0] not in _ARGUMENT:
        return None
    word, rest = match[0], line[match.end() :]
    if not rest:
        return Finding("HBL113", f"{word} without an argument", 0, len(word), expected=(_ARGUMENT[word],))
    if not rest[0].isspace():
        return None
    start = len(line) - len(rest.lstrip())
    rest = rest.strip()
    if word in ("export", "unset") and _HEAD.match(rest) is None:
        return _export_or_unset(word, rest, start)
    if word == "addtask":
        last = rest.split("#", 1)[0].split()
        if last and last[-1] in ("before", "after"):
            return Finding(
                "HBL117", f"'{last[-1]}' without a task name", line.rindex(last[-1]), len(last[-1]), ("a task name",)
            )
        if rest.startswith("#") or (last and last[0] in ("before", "after")):
            return Finding(
                "HBL117", "addtask without a task name", start, 1, ("a task name before 'before' or 'after'",)
            )
        return Finding("HBL117", "no task name", start, 1, ("names of tasks, then 'before' or 'after' with names",))
    if word == "deltask":
        return Finding("HBL113", "deltask without an argument", 0, 7, ("a task name",))
    if word in ("addpylib", "addfragments") and _HEAD.match(rest) is None:
        count = len(rest.split())
        return Finding(
            "HBL115",
            f"{word} has {count} argument{'s' if count != 1 else ''}",
            start,
            len(rest),
            expected=(_ARGUMENT[word],),
        )
    if word == "def":
        hint = "the header is on one line: def name(parameters):"
        return Finding("HBL136", "not a function definition", 0, len(line), ("def NAME(PARAMETERS):",), hint, "block")
    return None


def _export_or_unset(word: str, rest: str, start: int) -> Finding:
    words = rest.split()
    if len(words) > 1:
        return Finding(
            "HBL116",
            f"{word} takes one variable",
            start + len(words[0]) + 1,
            len(rest) - len(words[0]) - 1,
            expected=("one name",),
            hint=f"write one '{word}' statement for each"
            if not words[1].startswith("#")
            else "a comment needs a line of its own",
        )
    if ":" in rest:
        at = rest.index(":")
        return Finding(
            "HBL116",
            f"{word} does not work on an override: {quoted(rest)}",
            start + at,
            len(rest) - at,
            hint=f'assign it instead: {rest} = ""' if word == "unset" else f'write export {rest} = "…"',
        )
    if "[" in rest:
        message = "a flag can't be exported" if word == "export" else f"{quoted(rest)} is no flag that can be unset"
        expected = (
            ("a name",) if word == "export" else ("NAME[FLAG], where FLAG has two characters or more and no '/'",)
        )
        return Finding("HBL116", message, start + rest.index("["), len(rest) - rest.index("["), expected)
    bad = re.search(r"[^A-Za-z0-9_.+/~{}$-]", rest)
    at = bad.start() if bad else 0
    return Finding("HBL116", f"invalid character in the name {quoted(rest)}", start + at, 1, ("a variable name",))


def _assignment(line: str) -> Finding | None:
    head = _HEAD.match(line)
    if head is None:
        return _strange_operator(line)
    name, flag, operator, value = head[2], head[3], head[5], head[7]
    if not name and value[:1] in ("'", '"'):
        at = head.start(2)
        return Finding(
            "HBL102",
            f"Empty variable name in assignment: {quoted(line)}",
            at,
            max(1, len(operator)),
            ("a variable name before the operator",),
            "'+', '.', ':' and '-' may be part of a name: put a blank after it" if not head[4] and not at else None,
        )
    if flag and not re.fullmatch(r"\[[A-Za-z0-9_.+-][A-Za-z0-9_.+@/-]*\]", flag):
        return _flag(flag, head.start(3))
    if value[:1] in ("'", '"'):
        return _value(line, value, head.start(7))
    if not name:
        return None
    return _strange_operator(line) or _unquoted(line, head)


def _unquoted(line: str, head: re.Match[str]) -> Finding:
    value = head[7]
    left = line[: head.end(5)]
    if len(left) > 50:
        left = "… " + head[5]
    if not value:
        return Finding(
            "HBL103", "no value after the operator", head.start(5), len(head[5]), ("a quoted value",), f'{left} ""'
        )
    if value[0] in "“”„«‘’":
        return Finding(
            "HBL103",
            "typographic quotes do not quote a value",
            head.start(7),
            1,
            ('"', "'"),
            "use \" or ' as they are on the keyboard",
        )
    plain = value.strip("\"'")
    shown = plain if len(plain) < 50 else "…"
    quote = "'" if '"' in shown else '"'
    return Finding(
        "HBL103",
        "the value is not quoted",
        head.start(7),
        len(value),
        ('"', "'"),
        f"write {left} {quote}{shown}{quote}",
    )


def _strange_operator(line: str) -> Finding | None:
    match = _STRANGE.match(line)
    if match is None or not match[2] or match[4] in OPERATORS or match[4][0] in "#(":
        return None
    # Without a quote after it, it takes an "=" to look like an operator.
    if not match[5] and "=" not in match[4]:
        return None
    sign = match[4]
    hint: str | None
    if sign in ("-=", "=-"):
        hint = "to remove words from a value, assign to NAME:remove"
    else:
        meant = _MEANT.get(sign) or next((known for known in OPERATORS if sorted(known) == sorted(sign)), None)
        meant = meant or closest(sign, OPERATORS)
        hint = f"did you mean '{meant}'?" if meant else None
    return Finding("HBL108", f"unknown operator '{sign}'", match.start(4), len(sign), OPERATORS, hint)


def _value(line: str, value: str, start: int) -> Finding:
    quote = value[0]
    other = "'" if quote == '"' else '"'
    count = value.count(quote)
    if count == 1:
        if len(value) > 1 and value.endswith(other) and value.count(other) == 1:
            return Finding(
                "HBL107",
                f"the value begins with {quote} and ends with {other}",
                start + len(value) - 1,
                1,
                (quote,),
                "begin and end with the same quote",
            )
        return Finding(
            "HBL104", "the closing quote is missing", start, 1, (f"{quote} at the end of the line",), None, quote
        )
    if value.endswith(quote):
        inner = value.index(quote, 1)
        return Finding(
            "HBL106",
            f"one {quote} inside a value quoted with {quote}",
            start + inner,
            1,
            hint=f"quote the value with {other} instead; there are no escapes"
            if other not in value
            else "there are no escapes; use the other kind of quote inside",
        )
    closing = value.index(quote, 1) if count == 2 else value.rindex(quote)
    tail = value[closing + 1 :]
    at = start + closing + 1 + len(tail) - len(tail.lstrip())
    tail = tail.strip()
    if not tail:
        return Finding(
            "HBL105",
            "the line is continued after the closing quote, by nothing",
            start + closing,
            1,
            ("the end of the line",),
            "remove the backslash",
        )
    if tail.startswith("#"):
        return Finding(
            "HBL105",
            "a comment after the value",
            at,
            len(tail),
            ("the end of the line",),
            "put the comment on a line of its own, above",
        )
    if tail == "\\":
        return Finding("HBL105", "a backslash after the closing quote", at, 1, ("the end of the line",))
    return Finding(
        "HBL105",
        f"text after the closing quote: {quoted(tail)}",
        at,
        len(tail),
        ("the end of the line",),
        "the value goes from the first quote to the same quote at the end of the line",
    )


def _function(line: str, kind: FileKind) -> Finding | None:
    brief = "NAME() {"
    match = _FUNCTION.match(line)
    if match is None or "=" in match[2]:
        header = re.fullmatch(r"((?:python|fakeroot)\s++)*([\w.+:{}$-]+)\s*+\{", line)
        if header and not line.endswith("${"):
            return Finding("HBL132", "a function header without '()'", len(line) - 1, 1, (brief,), opens="function")
        return None
    words, name, parameters, brace, rest = match.groups()
    for word in re.finditer(r"\w+", words):
        if word[0] not in ("python", "fakeroot"):
            meant = closest(word[0], ("python", "fakeroot", "def"))
            return Finding(
                "HBL134",
                f"'{word[0]}' before a function",
                word.start(),
                len(word[0]),
                ("python", "fakeroot"),
                f"did you mean '{meant}'?"
                if meant
                else "shell functions have no keyword"
                if word[0] in ("function", "shell", "sh")
                else None,
                "function" if brace and not rest else None,
            )
    at = match.start(2)
    bad = re.search(r"[^A-Za-z0-9_.+:{}$-]", name)
    if bad:
        return Finding(
            "HBL135",
            f"invalid character '{bad[0]}' in the function name {quoted(name)}",
            at + bad.start(),
            1,
            ("letters, digits and _.+:{}$-",),
            opens="function" if brace else None,
        )
    if not brace:
        hint = (
            "a function definition needs the keyword: def …"
            if line.endswith(":")
            else "'{' is on the line of the header"
        )
        return Finding("HBL132", "a function header without '{'", match.end(3) + 1, 1, (brief,), hint, "function")
    if parameters.strip():
        return Finding(
            "HBL132",
            "a task function takes no parameters",
            match.start(3),
            len(parameters),
            ("()",),
            opens="function" if not rest else None,
        )
    if rest.endswith("}"):
        return Finding(
            "HBL131",
            "a function on one line",
            match.start(4),
            len(line) - match.start(4),
            ("'{' at the end of the line",),
            "the body begins on the next line, and '}' stands alone on the last",
        )
    comment = rest.startswith("#")
    return Finding(
        "HBL131",
        "a comment after '{'" if comment else "text after '{'",
        match.start(5),
        len(rest),
        ("the end of the line",),
        "put the comment above the function" if comment else "the body begins on the next line",
        "function",
    )


def _flag(flag: str, start: int) -> Finding:
    inner = flag[1:-1]
    if not inner:
        return Finding("HBL110", "empty flag name", start, 2, ("NAME[FLAG]",))
    if inner[0] in "\"'":
        return Finding(
            "HBL110", "a quoted flag name", start + 1, len(inner), hint=f"write [{inner.strip(chr(34) + chr(39))}]"
        )
    bad = re.search(r"[^A-Za-z0-9_.+@/-]", inner) or re.match(r"[@/]", inner)
    at = bad.start() if bad else 0
    where = "at the beginning of" if bad and bad[0] in "@/" else "in"
    shown = inner[at] if bad else inner
    return Finding(
        "HBL110", f"'{shown}' {where} the flag name {quoted(inner)}", start + 1 + at, 1, ("letters, digits and _.+-",)
    )


def _name(line: str) -> Finding | None:
    """A good operator and value, but something before it that is no name."""
    match = re.match(rf"(?:export\s++)?({_NAME}*+)(.*?)(\?\?=|[:?+.]=|=[+.]?)\s*+[\"']", line)
    if match is None:
        return None
    strange = match[2].rstrip()
    if not strange:
        return None
    if strange[0] == "[":
        if "]" not in strange:
            return Finding("HBL110", "']' missing after the flag name", match.start(2) + len(strange), 1, ("]",))
        return Finding(
            "HBL110",
            "text between the flag and the operator",
            match.start(2) + strange.index("]") + 1,
            1,
            ("an operator",),
        )
    if strange[0].isspace():
        first = match[1]
        meant = closest(first, ("export",))
        if meant:
            return Finding(
                "HBL101", f"unparsed line: {quoted(line)}", match.start(1), len(first), hint=f"did you mean '{meant}'?"
            )
        if strange.lstrip().startswith("["):
            return Finding(
                "HBL110", "a blank before the flag", match.end(1), 1, hint="write NAME[FLAG], without a blank"
            )
        return Finding(
            "HBL109",
            "a blank in the variable name",
            match.end(1),
            len(strange) - len(strange.lstrip()),
            ("an operator",),
        )
    return Finding(
        "HBL109",
        f"invalid character '{strange[0]}' in the variable name",
        match.end(1),
        1,
        ("letters, digits and _.+/~:{}$-",),
        hint="'#' begins a comment only in column 1" if strange[0] == "#" else None,
    )


def _unknown(line: str, kind: FileKind) -> Finding:
    keywords = COMMON_KEYWORDS + (RECIPE_KEYWORDS if kind == "recipe" else ("addpylib",))
    word = re.match(r"\S+", line)
    first = word[0] if word else ""
    meant = closest(first, keywords) if len(first) < 40 else None
    expected = ("an assignment", "a function", "a directive") if kind == "recipe" else ("an assignment", "a directive")
    if first in ("if", "for", "while", "import", "from", "echo", "return"):
        hint: str | None = "code belongs into a function"
    elif first.startswith(("//", "/*")) or first == ";":
        hint = "a comment begins with '#' in column 1"
    elif meant:
        hint = f"did you mean '{meant}'?"
    else:
        hint = None
    return Finding("HBL101", f"unparsed line: {quoted(line)}", 0, len(first) if meant else len(line), expected, hint)
