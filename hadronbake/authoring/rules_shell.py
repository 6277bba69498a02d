"""Rules about shell functions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hadronbake.authoring.rule import FileRule, Problem
from hadronbake.authoring.shelltext import commands, masked
from hadronbake.authoring.source import Source
from hadronbake.language.statements import Function

_BASH: tuple[tuple[re.Pattern[str], str, str | None], ...] = (
    (re.compile(r"(?:^|[;&|]|\b(?:if|while|until|then|do|else|!)\s)\s*(\[\[)(?=\s)"), "'[[' is bash's", "write [ … ]"),
    (re.compile(r"(?<=\[)\s[^\]=]*?\s(==)(?=\s)|\btest\s[^;|&]*?\s(==)(?=\s)"), "'==' in a test is bash's", "write ="),
    (
        re.compile(r"(?:^|[;&|]|\s)([A-Za-z_]\w*\+?=\()"),
        "an array is bash's",
        "use words in one variable, or the arguments: set -- …",
    ),
    (re.compile(r"(?:^|;)\s*(function)\s+\w"), "'function' is bash's", "write NAME() {"),
    (re.compile(r"(?<![0-9<>&])(&>>?)"), "'&>' is bash's", "write >file 2>&1"),
    (re.compile(r"(?<!<)(<<<)"), "'<<<' is bash's", "use a here-document or printf with a pipe"),
    (re.compile(r"(?:^|\s)([<>]\()"), "process substitution is bash's", "use a pipe or a file"),
    (re.compile(r"(\$\{[A-Za-z_]\w*//?[^}]*\})"), "substitution in ${…} is bash's", "use sed"),
    (re.compile(r"(\$\{[A-Za-z_]\w*(?:\^\^?|,,?)\})"), "change of case in ${…} is bash's", "use tr"),
    (
        re.compile(r"(\$\{[A-Za-z_]\w*:-?\d+(?::\d+)?\})"),
        "a part of a string in ${…} is bash's",
        "use cut, or ${NAME#…}",
    ),
    (re.compile(r"(?:^|\s)(\$'[^']*')"), "$'…' is bash's", "use printf"),
    (re.compile(r"(?<![$\w])(\{\d+\.\.\d+\})"), "{1..3} is bash's", "use seq"),
    (re.compile(r"(?<!\$)(?:^|[;&|]|\b(?:if|while|then|do)\s)\s*(\(\()"), "'((' is bash's", "use $(( … )) in a test"),
)
_BASH_COMMANDS = {
    "source": "write . FILE",
    "pushd": "use a subshell: (cd … && …)",
    "popd": "use a subshell: (cd … && …)",
    "declare": None,
    "typeset": None,
    "let": "use $(( … ))",
    "shopt": None,
    "mapfile": None,
    "readarray": None,
    "select": None,
}
_NETWORK = frozenset({"wget", "curl", "scp", "sftp", "ftp", "ssh"})
_NETWORK_CALL = re.compile(
    r"^\s*(?:git\s+(?:-C\s+\S+\s+)?(?:clone|fetch|pull|ls-remote)|(?:pip3?|python3\s+-m\s+pip)\s+(?:install|download)|npm\s+(?:install|ci)"
    r"|yarn\s+install|cargo\s+(?:install|fetch|update)|go\s+(?:get|install|mod\s+download)|gem\s+install|apt(?:-get)?\s+\w+|bundle\s+install)\b"
)
_LOCAL = re.compile(r"\bgit\b.*\s(?:[\"']?\$|/|\.)|--no-index|--no-deps|file://")
_INSTALLERS = frozenset({"install", "cp", "mv", "mkdir", "touch", "ln"})
_OUTSIDE = re.compile(
    r"[\"']?(?:\$\{(?:base_|exec_)?(?:prefix|bindir|sbindir|libdir|libexecdir|includedir|datadir|mandir|docdir|sysconfdir|localstatedir|"
    r"systemd_unitdir|systemd_system_unitdir|systemd_user_unitdir|nonarch_libdir|nonarch_base_libdir|sharedstatedir|servicedir)\}|"
    r"/(?:usr|etc|var|lib|bin|sbin|opt|boot|srv)(?:/|$))"
)
_REMOVE = re.compile(r"(?:(?<=\s)|(?<=\s\"))\$([A-Za-z_]\w*)/")
_TEST = re.compile(r"(?:^|[;&|)]|\b(?:if|while|until|!)\s)\s*(?:\[|test)\s(.*?)(?:\s\]|$|;|&&|\|\|)")
_BARE = re.compile(r"(?<![\w\"'$_])\$(?:\{([a-z_][a-z0-9_]*)\}|([A-Za-z_]\w*|[1-9@*]))(?![\w\"'])")


def _functions(source: Source) -> Iterator[tuple[Function, int, list[str], tuple[str, ...]]]:
    for function in source.of_type(Function):
        if not function.python:
            start, lines = source.body(function)
            yield function, start, lines, masked("\n".join(lines))


def _bashisms(source: Source) -> Iterator[Problem]:
    for _, start, lines, code in _functions(source):
        if lines and re.match(r"#!.*\bbash\b", lines[0]):
            continue
        for index, line in enumerate(code):
            for pattern, message, hint in _BASH:
                if match := pattern.search(line):
                    group = next(number for number in range(1, pattern.groups + 1) if match[number] is not None)
                    yield Problem(message, source.at(start + index, match.start(group) + 1), len(match[group]), hint)
        for index, offset, word, rest in commands(code):
            if word in _BASH_COMMANDS:
                yield Problem(
                    f"'{word}' is bash's", source.at(start + index, offset + 1), len(word), _BASH_COMMANDS[word]
                )
            elif (
                word in ("echo", "read")
                and (option := re.match(r"\s+(-[neE]*e[neE]*|-[a-z]*[apnt][a-z]*)(?=\s)", rest))
                and (word == "read" or "e" in option[1])
            ):
                hint = "use printf" if word == "echo" else None
                yield Problem(f"'{word} {option[1]}' is bash's", source.at(start + index, offset + 1), len(word), hint)


def _installed_outside(source: Source) -> Iterator[Problem]:
    for function, start, lines, code in _functions(source):
        name = (function.name or "").split(":")[0]
        if not (name.endswith("do_install") or name.startswith("do_install")):
            continue
        for index, offset, word, _ in commands(code):
            if word not in _INSTALLERS or lines[index].rstrip().endswith("\\"):
                continue
            words = _words(lines[index][offset:])
            targets = [item for item in words[1:] if not item.startswith("-")]
            if word in ("install", "mkdir", "touch") and (
                word != "install" or re.search(r"\s-[a-zA-Z]*d", lines[index][offset:])
            ):
                # All arguments are made.
                made = targets
            else:
                made = targets[-1:] if len(targets) > 1 else []
            for target in made:
                if _OUTSIDE.match(target):
                    yield Problem(
                        f"{word} writes to {target}, outside of ${{D}}",
                        source.at(start + index, lines[index].index(target, offset) + 1),
                        len(target),
                        f"write ${{D}}{target}",
                    )
                    break


def _words(line: str) -> list[str]:
    """The words of a simple command."""
    simple = re.split(r"\s(?:&&|\|\||[;|])(?:\s|$)|;|\s#", line, maxsplit=1)[0]
    return re.findall(r"(?:\"[^\"]*\"|'[^']*'|\$\{[^}]*\}|[^\s\"'])+", simple)


def _network(source: Source) -> Iterator[Problem]:
    allowed = {
        item.name
        for item in source.assignments
        if item.flag == "network" and item.value.strip() in ("1", "true", "yes")
    }
    for function, start, lines, code in _functions(source):
        if (function.name or "").split(":")[0] in allowed:
            continue
        for index, offset, word, _ in commands(code):
            match = _NETWORK_CALL.match(lines[index][offset:])
            if match and _LOCAL.search(lines[index][offset:]):
                continue
            if word in _NETWORK or match:
                shown = " ".join(match[0].split()) if match else word
                yield Problem(
                    f"'{shown}' needs the network, which a task has not",
                    source.at(start + index, offset + 1),
                    len(shown),
                    "name the source in SRC_URI; it is fetched before, and its checksum is checked",
                )


def _unguarded_remove(source: Source) -> Iterator[Problem]:
    for _, start, lines, code in _functions(source):
        for index, offset, word, rest in commands(code):
            if word != "rm" or not re.search(r"\s-\w*[rR]", rest):
                continue
            end = offset + len(word) + len(rest)
            for match in _REMOVE.finditer(lines[index], offset, end):
                yield Problem(
                    f"if {match[1]} is empty this removes from the root directory",
                    source.at(start + index, match.start() + 1),
                    len(match[0]),
                    f"write ${{{match[1]}:?}}/",
                )


def _unquoted_test(source: Source) -> Iterator[Problem]:
    for _, start, _, code in _functions(source):
        for index, line in enumerate(code):
            for test in _TEST.finditer(line):
                for match in _BARE.finditer(line, test.start(1), test.end(1)):
                    if not match[2]:
                        continue
                    yield Problem(
                        f"{match[0]} is not quoted in a test",
                        source.at(start + index, match.start() + 1),
                        len(match[0]),
                        f'write "{match[0]}"',
                    )
                    break


def _privilege(source: Source) -> Iterator[Problem]:
    for _, start, _, code in _functions(source):
        for index, offset, word, _ in commands(code):
            if word in ("sudo", "su", "doas"):
                yield Problem(
                    f"'{word}' in a task",
                    source.at(start + index, offset + 1),
                    len(word),
                    "tasks are root in their sandbox already",
                )


RULES = (
    FileRule(
        "HBW401",
        "what only bash understands",
        "Tasks are run by /bin/sh, which is not bash everywhere: the build fails on some machines, or does something else without a word.",
        _bashisms,
    ),
    FileRule(
        "HBW402",
        "do_install writes outside of ${D}",
        "What it writes there is lost with the sandbox, or the build fails; the package lacks the file.",
        _installed_outside,
        error=True,
    ),
    FileRule(
        "HBW403",
        "a task uses the network",
        "Only do_fetch has the network. What comes from it by other ways has no checksum, so no build could be repeated.",
        _network,
        error=True,
    ),
    FileRule(
        "HBW404",
        "rm -r with a shell variable that may be empty",
        "With an empty variable $dir/* is /*.",
        _unguarded_remove,
    ),
    FileRule(
        "HBW405",
        "a shell variable without quotes in a test",
        "Empty, or with a blank in it, it makes the test a syntax error, which 'if' takes for false.",
        _unquoted_test,
    ),
    FileRule(
        "HBW406",
        "sudo in a task",
        "A build must not need rights on the machine; in the sandbox there is no sudo.",
        _privilege,
        error=True,
    ),
)
