"""A reader of POSIX shell text that finds which commands it may call.

A recursive descent over the text, without building a tree: lists, pipes, groups, subshells, ``if``, ``for``, ``while``, ``until``,
``case``, functions, here-documents, command substitution in words, nested quoting, arithmetic, ``eval``. What only bash knows
(arrays, ``<(…)``, ``[[``) is read as well as can be; no text is an error. Each character is looked at a bounded number of times.
"""

from __future__ import annotations

import re
from functools import lru_cache

_BLANKS = re.compile(r"(?:[ \t\r]|\\\n)+")
_PLAIN = re.compile(r"[^\s;&|()<>'\"\\`$]+")
_QUOTED = re.compile(r"[^\"\\`$]+")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]\s]*\])?\+?=")
_REDIRECTION = re.compile(r"&>>?|<<<|<<-?|<>|>>|>\||[<>]&|[<>]")
_COMMENT = re.compile(r"[^\n]*")
_FUNCTION = re.compile(r"[ \t]*\([ \t]*\)")
_ESCAPED = re.compile(r"\\([\\`$])")
_ESCAPED_IN_QUOTES = re.compile(r"\\([\\`$\"])")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

# After these another command begins; "in command position" a word is a command or one of the reserved words.
_OPENING = frozenset({"if", "then", "else", "elif", "do", "while", "until", "!", "{"})
_CLOSING = frozenset({"fi", "done", "}", "esac"})
_MAX_DEPTH = 60


class _TooDeep(Exception):
    pass


@lru_cache(maxsize=1 << 14)
def shell_references(code: str) -> frozenset[str]:
    """The names of the commands that ``code`` calls: the command words of all simple commands, without the functions
    that are defined in the same text and without words that begin with an expansion."""
    reader = _Reader(code, set(), set(), 0)
    reader.read()
    return frozenset(reader.commands - reader.functions)


_CLOSED_BY = {"if": "fi", "do": "done", "{": "}", "case": "esac", "(": ")", "'": "'", '"': '"'}
_OPENED_BY = {"fi": "if", "done": "do", "}": "{", "esac": "case"}


@lru_cache(maxsize=1 << 14)
def find_unclosed(code: str) -> tuple[int, str, str] | None:
    """Where ``code`` opens what it never closes (a quote, ``if``, ``do``, ``{``, ``case``, ``(``), that, and what would close it."""
    reader = _Reader(code, set(), set(), 0)
    reader.read()
    if reader.uncertain or not reader.opened:
        return None
    # An open quote hides all that follows, and what is around it.
    what, at = next((item for item in reversed(reader.opened) if item[0] in "'\""), reader.opened[0])
    return at, what, _CLOSED_BY[what]


class _Word:
    """``text`` is without quotes, with ``$_`` in the place of each expansion; ``literal``: there is none. ``bare``: nothing was quoted."""

    __slots__ = ("bare", "end", "literal", "start", "text")

    def __init__(self, text: str, literal: bool, bare: bool, start: int, end: int) -> None:
        self.text = text
        self.literal = literal
        self.bare = bare
        self.start = start
        self.end = end


class _Reader:
    def __init__(self, text: str, commands: set[str], functions: set[str], depth: int) -> None:
        self.text = text
        self.end = len(text)
        self.at = 0
        self.commands = commands
        self.functions = functions
        self.depth = depth
        # Redirection targets are read, but what they call is not wanted.
        self.silent = 0
        self.pending: list[tuple[str, bool]] = []
        # The place from which on no closing brace of an expansion was found.
        self.no_brace = self.end + 1
        # What is open, with its place. ``uncertain``: more closing words than opening ones, or too deep to know.
        self.opened: list[tuple[str, int]] = []
        self.uncertain = False

    def read(self) -> None:
        if self.depth > _MAX_DEPTH:
            return
        try:
            while self.at < self.end:
                self._commands()
                # A closing parenthesis or ";;" without its opening: go on after it.
                self.at += 1
        except (_TooDeep, RecursionError):
            self.uncertain = True

    # -- commands ------------------------------------------------------------------------------------------------------

    def _commands(self, in_case: bool = False) -> str:
        """Read commands until what ends them: ``)``, and in a case branch ``;;`` or ``esac``. Gives that, "" at the end of text.

        ``)`` is left unread, the others are consumed.
        """
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _TooDeep
        try:
            return self._sequence(in_case)
        finally:
            self.depth -= 1

    def _sequence(self, in_case: bool) -> str:
        text = self.text
        # "command": a command word or reserved word may come; "closed": after a compound command, reserved words only;
        # "arguments": after a command word.
        state = "command"
        eval_words: list[str] | None = None
        while True:
            self._skip_blanks()
            if self.at >= self.end:
                self._finish_eval(eval_words)
                return ""
            char = text[self.at]
            if char in "\n;&|()":
                if char == "&" and text.startswith("&>", self.at):
                    self._redirection()
                    continue
                self._finish_eval(eval_words)
                eval_words = None
                if char == ")":
                    return ")"
                if char == "(":
                    self._group()
                    state = "closed"
                    continue
                if char == "\n":
                    self._newline()
                elif char == ";" and text.startswith(";;", self.at):
                    self.at += 3 if text.startswith(";;&", self.at) else 2
                    if in_case:
                        return ";;"
                else:
                    self.at += 1
                    if char == ";" and in_case and text.startswith("&", self.at):
                        self.at += 1
                        return ";;"
                state = "command"
                continue
            if char == "#":
                self.at = _end(_COMMENT, text, self.at)
                continue
            if char in "<>":
                self._redirection()
                continue
            word = self._word(state == "command")
            if word.text.isdigit() and word.bare and text[self.at : self.at + 1] in ("<", ">"):
                continue
            if state == "arguments":
                if eval_words is not None:
                    eval_words.append(word.text)
                continue
            if word.bare and word.literal:
                reserved = self._reserved(word)
                if reserved == "esac" and in_case:
                    return "esac"
                if reserved:
                    state = reserved
                    continue
            if state == "closed":
                continue
            state, eval_words = self._command_word(word)

    def _reserved(self, word: _Word) -> str:
        """Handle a reserved word: gives the state after it, "esac", or "" if it is none."""
        text = word.text
        if text in _OPENING:
            if text in _CLOSED_BY:
                self.opened.append((text, word.start))
            return "command"
        if text == "esac":
            return "esac"
        if text in _CLOSING:
            self._close(_OPENED_BY[text])
            return "closed"
        if text == "case":
            self.opened.append(("case", word.start))
            self._case()
            return "closed"
        if text == "for":
            self._for()
            return "command"
        if text == "function":
            self._skip_blanks()
            self.functions.add(self._word(False).text)
            self.at = _end(_FUNCTION, self.text, self.at)
            return "command"
        return ""

    def _close(self, what: str) -> None:
        """Of what is open the innermost of its kind."""
        at = next((index for index in reversed(range(len(self.opened))) if self.opened[index][0] == what), None)
        if at is None:
            self.uncertain = True
        else:
            del self.opened[at]

    def _command_word(self, word: _Word) -> tuple[str, list[str] | None]:
        raw = self.text[word.start : word.end]
        if _ASSIGNMENT.match(raw):
            if raw.endswith("=") and self.text.startswith("(", self.at):
                self._array()
            return "command", None
        if word.bare:
            match = _FUNCTION.match(self.text, self.at)
            if match:
                self.functions.add(word.text)
                self.at = match.end()
                return "command", None
        if not self.silent and word.text and not word.text.startswith("$_"):
            self.commands.add(word.text)
        if word.text == "[[":
            self._conditional()
        return "arguments", [] if word.text == "eval" else None

    def _finish_eval(self, words: list[str] | None) -> None:
        if words and not self.silent:
            # "eval eval a" is "eval a"; taken at once a long row of them costs nothing.
            first = next((index for index, word in enumerate(words) if word != "eval"), len(words))
            words = words[first:]
            _Reader(" ".join(words), self.commands, self.functions, self.depth + 1).read()

    def _group(self) -> None:
        """``( … )``, at the opening parenthesis."""
        self.opened.append(("(", self.at))
        self.at += 1
        while True:
            ended = self._commands()
            if ended in (")", ""):
                self.at += 1
                if ended:
                    self._close("(")
                return

    def _array(self) -> None:
        """The words of ``name=( … )``."""
        self.at += 1
        while self.at < self.end and self.text[self.at] != ")":
            if self.text[self.at] in " \t\r\n;&|(<>":
                self.at += 1
            elif self.text[self.at] == "#":
                self.at = _end(_COMMENT, self.text, self.at)
            else:
                self._word(False)
        self.at += 1

    def _conditional(self) -> None:
        """The rest of ``[[ … ]]``; its operators are no separators."""
        while self.at < self.end:
            self._skip_blanks()
            char = self.text[self.at : self.at + 1]
            if char == "\n":
                self._newline()
            elif char in "()<>&|;":
                self.at += 1
            elif self._word(False).text == "]]":
                return

    def _case(self) -> None:
        self._skip_lines()
        self._word(False)
        self._skip_lines()
        self._word(False)
        while self.at < self.end:
            self._skip_lines()
            if self.text.startswith("(", self.at):
                self.at += 1
                self._skip_lines()
            elif self._is_next("esac"):
                self.at += 4
                self._close("case")
                return
            # The pattern: words with bars between them.
            while self.at < self.end and self.text[self.at] != ")":
                if self.text[self.at] in "\n;&<>( \t\r|":
                    self.at += 1
                else:
                    self._word(False)
            self.at += 1
            ended = self._commands(in_case=True)
            while ended == ")":
                self.at += 1
                ended = self._commands(in_case=True)
            if ended == "esac":
                self._close("case")
            if ended in ("esac", ""):
                return

    def _for(self) -> None:
        self._skip_blanks()
        if self.text.startswith("((", self.at):
            self._arithmetic(self.at)
            return
        self._word(False)
        self._skip_lines()
        if self._is_next("in"):
            self.at += 2
            while self.at < self.end:
                self._skip_blanks()
                if self.text[self.at : self.at + 1] in ("\n", ";", ""):
                    return
                if self.text[self.at] in "&|()<>":
                    self.at += 1
                else:
                    self._word(False)

    def _is_next(self, word: str) -> bool:
        after = self.at + len(word)
        return self.text.startswith(word, self.at) and (after >= self.end or self.text[after] in " \t\r\n;&|()<>")

    # -- between words -------------------------------------------------------------------------------------------------

    def _skip_blanks(self) -> None:
        self.at = _end(_BLANKS, self.text, self.at)

    def _skip_lines(self) -> None:
        """Blanks, newlines and comments."""
        while self.at < self.end:
            self._skip_blanks()
            if self.text.startswith("\n", self.at):
                self._newline()
            elif self.text.startswith("#", self.at):
                self.at = _end(_COMMENT, self.text, self.at)
            else:
                return

    def _newline(self) -> None:
        """At a newline; the bodies of the here-documents that were announced before it follow."""
        self.at += 1
        for delimiter, strip in self.pending:
            while self.at < self.end:
                newline = self.text.find("\n", self.at)
                if newline < 0:
                    newline = self.end
                line = self.text[self.at : newline]
                self.at = newline + 1
                if (line.lstrip("\t") if strip else line) == delimiter:
                    break
        self.pending.clear()

    def _redirection(self) -> None:
        match = _REDIRECTION.match(self.text, self.at)
        assert match is not None
        operator = match.group()
        self.at = match.end()
        if operator in "<>" and self.text.startswith("(", self.at):
            self._group()
            return
        self._skip_blanks()
        if self.text[self.at : self.at + 1] in ("", "\n", ";", "|", "(", ")", "<", ">"):
            return
        if self.text[self.at] == "&":
            self.at += 1
            return
        self.silent += 1
        word = self._word(False)
        self.silent -= 1
        if operator in ("<<", "<<-"):
            self.pending.append((word.text, operator == "<<-"))

    # -- words ---------------------------------------------------------------------------------------------------------

    def _word(self, command: bool) -> _Word:
        """Read one word; there is at least one character of it. With ``command`` an assignment's name is no pattern."""
        text, start = self.text, self.at
        pieces: list[str] = []
        literal = bare = True
        while self.at < self.end:
            match = _PLAIN.match(text, self.at)
            if match:
                pieces.append(match.group())
                self.at = match.end()
                continue
            char = text[self.at]
            if char == "\\":
                escaped = text[self.at + 1 : self.at + 2]
                if escaped != "\n":
                    pieces.append(escaped)
                    bare = False
                self.at += 2
            elif char == "'":
                close = text.find("'", self.at + 1)
                if close < 0:
                    self.opened.append(("'", self.at))
                    close = self.end
                pieces.append(text[self.at + 1 : close])
                bare = False
                self.at = close + 1
            elif char == '"':
                bare = False
                literal &= self._double_quoted(pieces)
            elif char in "$`":
                literal &= self._expansion(pieces, False)
            else:
                break
        self.at = min(self.at, self.end)
        if self.at == start:
            # A character that no word can begin with; the caller must go on in any case.
            self.at += 1
        return _Word("".join(pieces), literal, bare, start, self.at)

    def _double_quoted(self, pieces: list[str]) -> bool:
        """At the opening quote. Whether the content is literal."""
        text = self.text
        literal = True
        self.opened.append(('"', self.at))
        self.at += 1
        while self.at < self.end:
            match = _QUOTED.match(text, self.at)
            if match:
                pieces.append(match.group())
                self.at = match.end()
                continue
            char = text[self.at]
            if char == '"':
                self.at += 1
                self._close('"')
                return literal
            if char == "\\":
                escaped = text[self.at + 1 : self.at + 2]
                if escaped != "\n":
                    pieces.append(escaped if escaped in ("$", "`", '"', "\\") else "\\" + escaped)
                self.at += 2
            else:
                literal &= self._expansion(pieces, True)
        return literal

    def _expansion(self, pieces: list[str], quoted: bool) -> bool:
        """At ``$`` or a backquote. Whether it is just a character."""
        if self._skip_expansion(quoted):
            pieces.append("$_")
            return False
        pieces.append("$")
        self.at += 1
        return True

    def _skip_expansion(self, quoted: bool) -> bool:
        text, at = self.text, self.at
        if text[at] == "`":
            self._backquoted(quoted)
            return True
        following = text[at + 1 : at + 2]
        if following == "(":
            if text.startswith("((", at + 1) and self._arithmetic(at + 1):
                return True
            self.at = at + 1
            self._group()
            return True
        if following == "{":
            if self._parameter():
                return True
        elif following == "'" and not quoted:
            # $'…' of bash; its escapes may hide a quote.
            self.at = at + 2
            while self.at < self.end and text[self.at] != "'":
                self.at += 2 if text[self.at] == "\\" else 1
            self.at += 1
            return True
        elif following.isalnum() or following in ("_", "@", "*", "#", "?", "-", "$", "!"):
            self.at = at + 2
            return True
        return False

    def _backquoted(self, quoted: bool) -> None:
        text = self.text
        close = self.at + 1
        while close < self.end and text[close] != "`":
            close += 2 if text[close] == "\\" else 1
        inner = text[self.at + 1 : close]
        self.at = close + 1
        if not self.silent:
            inner = (_ESCAPED_IN_QUOTES if quoted else _ESCAPED).sub(r"\1", inner)
            reader = _Reader(inner, self.commands, self.functions, self.depth + 1)
            reader.read()

    def _parameter(self) -> bool:
        """At ``${``: skip to the closing brace. False, without moving, if there is none."""
        if self.at >= self.no_brace:
            return False
        text, at, depth = self.text, self.at + 2, 1
        in_double = False
        while at < self.end:
            char = text[at]
            if char == "\\":
                at += 1
            elif char == '"':
                in_double = not in_double
            elif char == "'" and not in_double:
                close = text.find("'", at + 1)
                if close < 0:
                    break
                at = close
            elif char == "{" and text[at - 1] == "$":
                depth += 1
            elif char == "}":
                depth -= 1
                if depth == 0:
                    self.at = at + 1
                    return True
            at += 1
        self.no_brace = self.at
        return False

    def _arithmetic(self, opening: int) -> bool:
        """``opening`` is the place of ``((``. If it is closed by ``))`` read it as arithmetic, with the commands in it."""
        text, at, depth = self.text, opening, 0
        while at < self.end:
            char = text[at]
            if char == "(":
                depth += 1
            elif char == ")":
                depth -= 1
                if depth == 1:
                    if text.startswith("))", at):
                        break
                    return False
            at += 1
        else:
            return False
        self.at = opening + 2
        pieces: list[str] = []
        while self.at < at:
            if text[self.at] in "$`":
                self._expansion(pieces, True)
            else:
                self.at += 1
        self.at = max(self.at, at + 2)
        return True


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
