"""Inputs made from a seed and a number: bytes, words of the language in random order, and changed pieces of real files."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SUFFIXES = (".bb", ".bbclass", ".inc", ".bbappend", ".conf")
Kind = Literal["recipe", "conf"]

_WORDS = [
    "python",
    "fakeroot",
    "def",
    "addtask",
    "deltask",
    "addhandler",
    "addpylib",
    "addfragments",
    "inherit",
    "inherit_defer",
    "EXPORT_FUNCTIONS",
    "include",
    "require\ninclude_all",
    "export",
    "unset",
    "before",
    "after",
    "do_compile",
    "do_install:append",
    "A",
    "B",
    "C",
    "PN",
    "PV",
    "SRC_URI",
    "FILES:${PN}",
    "A:append",
    "A:prepend",
    "A:remove\nA:x",
    "A:x:y",
    "A:${B}",
    "A:append:x",
    "OVERRIDES",
    "BB",
    "A[f]",
    "B[vardeps]",
    "A[@b]",
    "=",
    ":=",
    "?=",
    "??=",
    "+=",
    "=+",
    ".=",
    "=.",
    "==",
    "=:",
    "",
    '"${A}"',
    '"${B}',
    '${C}"',
    "'${@1}'",
    '"x',
    'y"\n"${@d.getVar(\'A\')}"',
    "\"${@{'a':",
    "1}['a']}\"",
    "\"${@bb.utils.contains('A',",
    "'x',",
    "'${B}',",
    "'',",
    'd)}"',
    "\"${@'${A'",
    "+",
    "'}'}\"",
    '""',
    "''",
    '"',
    "'",
    "${",
    "}",
    "{",
    "}",
    "(\n)",
    "()",
    "{",
    "pass",
    "#",
    "#",
    "x",
    "#",
    "\\",
    "if",
    "for",
    "while",
    "echo",
    "$((",
    "$(",
    "`",
    "<<EOF",
    "EOF",
    "case",
    "esac",
    "fi",
    "done",
    "do_x()",
    "{",
    "${@",
    "${",
    "@",
    "[",
    "]",
    "~",
    "/",
    ":",
    ";",
    ",",
    ".",
    "-",
    "+",
    "$",
    "%",
    "\t",
]
_WORDS = [word for part in _WORDS for word in part.split("\n") if word]
_PIECES = (
    "\n", "\n", "\n", " ", " ", "\t", "\\\n", "\\\n", "\\", '"', "'", '"""', "{", "}", "\n}\n", "(", ")", "[", "]", ":",
    "=", "#", "\n#", "${", "${@", "$", "\r", "\r\n", "\0", "\ufeff", "\u2028", "\x0c", "\x85", "é", "😀", "`", "$(", "${A}",
    "\n  ", "<<E\n", ";", "|", "&", "0", "9" * 30, "(" * 60, "{" * 60, "[" * 60, "${" * 40, "'" * 30, "\\" * 30, " " * 200,
)  # fmt: skip
_BYTES = (b"\xff", b"\xc3", b"\xe2\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\0", b"\x80")


@dataclass(frozen=True, slots=True)
class Input:
    """``made``: how, for the statistics. ``evaluate``: what the statements do is tried too, not only the reading."""

    data: bytes
    kind: Kind
    made: str
    evaluate: bool


@dataclass(frozen=True, slots=True)
class Sample:
    lines: tuple[str, ...]
    kind: Kind


def samples(directories: Iterable[Path]) -> list[Sample]:
    """The recipes, classes and configuration files below the directories, in order of their names."""
    found = []
    for directory in directories:
        for path in sorted(directory.rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                lines = tuple(path.read_text(errors="replace").splitlines(keepends=True))
                if lines:
                    found.append(Sample(lines, "conf" if path.suffix == ".conf" else "recipe"))
    return found


def make(known: Sequence[Sample], seed: int, number: int) -> Input:
    """The input of that number: always the same for the same samples."""
    r = random.Random(f"{seed}:{number}")
    choice = r.random()
    kind: Kind = r.choice(("recipe", "recipe", "conf"))
    if choice < 0.10:
        return Input(r.randbytes(r.randrange(300)), kind, "bytes", False)
    if choice < 0.20:
        return Input(_near_plain(r).encode(), kind, "lines", False)
    if choice < 0.35 or not known:
        return Input(_words(r), kind, "words", r.random() < 0.5)
    sample = r.choice(known)
    start = r.randrange(len(sample.lines))
    # Mostly short pieces: a mistake needs few lines, and more of them can be tried.
    length = r.choice((1, 2, 3, 4, 6, 8, 12, 40))
    text = "".join(sample.lines[start : start + length])
    for _ in range(r.choice((0, 1, 1, 2, 3, 6))):
        text = r.choice(_CHANGES)(r, text, known)
    data = text.encode("utf-8", "surrogatepass")
    if r.random() < 0.03:
        at = r.randrange(len(data) + 1)
        data = data[:at] + r.choice(_BYTES) + data[at:]
    return Input(data, sample.kind, "file", r.random() < 0.4)


def _words(r: random.Random) -> bytes:
    lines = []
    for _ in range(r.randrange(1, 8)):
        count = r.randrange(1, 8)
        if r.random() < 0.6:
            name, operator = (
                r.choice(("A", "B", "C", "A:x", "B:append", "A[f]", "OVERRIDES", "C:remove")),
                r.choice(("=", "+=", ":=", "?=")),
            )
            lines.append(f'{name} {operator} "{" ".join(r.choices(_WORDS, k=count))}"')
        else:
            lines.append((" " if r.random() < 0.8 else "").join(r.choices(_WORDS, k=count)))
    return "\n".join(lines).encode()


_BLANKS = ("", " ", " ", " ", "\t", "  ", "\xa0", "\x0c", "\u2028", "\\\n", " \\\n")
_HEADS = (
    "A", "A:x", "a", "A:append", "A${B}", "${A}", "A+", "A?", "A.", "A:", "0", "~", "A/b", "-", "", "export", "export A", "inherit",
    "inherit_defer", "include", "include_all", "require", "addtask", "deltask", "addhandler", "EXPORT_FUNCTIONS", "def", "python",
    "fakeroot", "unset", "python x", "python python", "python fakeroot", "fakeroot python", "fakeroot x", "do_x", "do_x:append",
    "pythonx", "fakerootx", "defx", "exports", "é", "#", "addpylib", "addfragments", "before", "python\tx", "export\tA",
)  # fmt: skip
_MIDDLES = (
    "=", "=", ":=", "?=", "??=", "+=", "=+", ".=", "=.", "==", "?", "+", "()", "( )", "() {", "(){", "[f]", "[f] =", "[]", "[f@]",
    "[@f]", "[f/g] =", "[f.] ??=", "[a b] =", "x", "x y", "x.inc", "=x", "",
)  # fmt: skip
_TAILS = (
    '""', "''", '"x"', "'x'", '"a\'b"', "'a\"b'", '"a"b"', "'a'b'", '"a"b"c"', '"', "'", "\"x'", '"${@d["a"]}"', '"# x"', "x", "{", "}",
    "() {", "# x", " # x", "a b", "(", "=", "é", '"é"', '"\t"', "", "a\xa0b", '"x" # y', "\\", '"x" \\',
)  # fmt: skip


def _near_plain(r: random.Random) -> str:
    """Lines that are of the plainest forms, or nearly."""
    lines = []
    for _ in range(r.randrange(1, 13)):
        pieces = [r.choice(_HEADS), r.choice(_MIDDLES), r.choice(_TAILS)]
        lines.append(
            r.choice(_BLANKS).join(pieces) if r.random() < 0.5 else "".join(p + r.choice(_BLANKS) for p in pieces)
        )
        if "{" in lines[-1] and r.random() < 0.7:
            lines.append("}")
    return "\n".join(lines)


def _cut(r: random.Random, text: str, known: Sequence[Sample]) -> str:
    start = r.randrange(len(text) + 1)
    return text[:start] + text[start + r.choice((1, 1, 2, 5, 30)) :]


def _put(r: random.Random, text: str, known: Sequence[Sample]) -> str:
    at = r.randrange(len(text) + 1)
    return text[:at] + r.choice(_PIECES) + text[at:]


def _put_word(r: random.Random, text: str, known: Sequence[Sample]) -> str:
    at = r.randrange(len(text) + 1)
    return text[:at] + r.choice(_WORDS) + text[at:]


def _change(r: random.Random, text: str, known: Sequence[Sample]) -> str:
    at = r.randrange(len(text) + 1)
    return text[:at] + r.choice(_PIECES) + text[at + 1 :]


def _repeat(r: random.Random, text: str, known: Sequence[Sample]) -> str:
    start = r.randrange(len(text) + 1)
    end = start + r.choice((1, 3, 10, 40))
    return text[:end] + text[start:end] * r.choice((1, 2, 20, 200)) + text[end:]


def _splice(r: random.Random, text: str, known: Sequence[Sample]) -> str:
    other = r.choice(r.choice(known).lines)
    at = r.randrange(len(text) + 1)
    return text[:at] + other[r.randrange(len(other)) :] + text[at:]


def _shuffle(r: random.Random, text: str, known: Sequence[Sample]) -> str:
    lines = text.splitlines(keepends=True)
    r.shuffle(lines)
    return "".join(lines)


_CHANGES: tuple[Callable[[random.Random, str, Sequence[Sample]], str], ...] = (
    _cut, _cut, _put, _put, _put_word, _change, _change, _repeat, _splice, _shuffle,
)  # fmt: skip
