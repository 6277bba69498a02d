"""Which commands a shell text calls (§16)."""

import random
import time

import pytest

from hadronbake.datastore.shellcode import find_unclosed, shell_references


@pytest.mark.parametrize(
    ("code", "commands"),
    [
        ("a", "a"),
        ("a b c", "a"),
        ("a; b & c && d || e | f\ng", "a b c d e f g"),
        ("! a", "a"),
        ("a=1 b='x y' c d", "c"),
        ("a=1", ""),
        ("a+=1 b", "b"),
        ("(a; b)", "a b"),
        ("{ a; b; }", "a b"),
        ("( (a) | (b) )", "a b"),
        ("if a; then b; elif c; then d; else e; fi", "a b c d e"),
        ("if a\nthen\nb\nfi", "a b"),
        ("while a; do b; done", "a b"),
        ("until false; do echo true; done", "false echo"),
        ("while read x; do a; done < $(b)", "read a"),
        ("for x in a b $(c); do d; done", "c d"),
        ("for x; do a; done", "a"),
        ("for x\nin a\ndo\nb\ndone", "b"),
        ("for if in then; do else; done", ""),
        ("case $x in a) b;; c|d) e; f ;; *) g; esac", "b e f g"),
        ("case $(a) in (b) c ;; esac; d", "a c d"),
        ("case a in\n# comment )\nb)\n c\n ;;\nesac", "c"),
        ("case x in $(a)) b;; esac", "a b"),
        ("case x in esac", ""),
        ("case x in a) case y in b) c;; esac;; d) e;; esac", "c e"),
        ("$(case x in a) b;; esac)", "b"),
        ("f() { a; }; f; b", "a b"),
        ("f ( )\n{\n a\n}\nf", "a"),
        ("function f { a; }; f", "a"),
        ("x=$(a)", "a"),
        ('x="$(a "$(b c$(d))")"', "a b d"),
        ('x="\\"a\\"b$(c)"', "c"),
        ('x="a$()b"', ""),
        ("x=`a b`", "a"),
        ('x="`a` `b`"', "a b"),
        ("x=`a \\`b\\``", "a b"),
        ('x="`a \\"b c\\"`"', "a"),
        ("echo '$(a) `b`'", "echo"),
        ("echo \\$(a", "echo a"),
        ('echo "\\$(a) \\`b\\`"', "echo"),
        ("echo ${x:-$(a)} ${y#`b`} c", "echo"),
        ("echo ${x} ${y", "echo"),
        ('$x a; ${y}z; "$z" b; `c` d; $(e) f', "c e"),
        ("echo >$(a) 2>`b` <c d", "echo"),
        ("2>&1 a >&2", "a"),
        (">x a", "a"),
        ("a &>b; c &>>d", "a c"),
        ("a 2>/dev/null || b", "a b"),
        ("cat <<E\nx $(a)\nE\nb", "cat b"),
        ("cat <<-'E' | a\n\tx\n\tE\nb", "cat a b"),
        ("cat <<A <<B\nx\nA\ny\nB\nc", "cat c"),
        ("x=$(cat <<E\n)\nE\n)\na", "cat a"),
        ("cat <<E > f && a\nx\nE\nb", "cat a b"),
        ("cat <<E\nnever closed", "cat"),
        ("cat <<<x; a", "cat a"),
        ("echo $((1 + $(a))) b", "echo a"),
        ("echo $(((1+2)*3)); a", "echo a"),
        ("echo $((a) | b)", "echo a b"),
        ("echo $((x << 2)); a\nb", "echo a b"),
        ("eval a b", "eval a"),
        ("eval 'a; b'", "eval a b"),
        ('eval "a $x; b"', "eval a b"),
        ('eval "$(eval "$(eval "$(a)")")"', "eval a"),
        ("eval `a`", "eval a"),
        ("a # b; c\nd", "a d"),
        ("a#b", "a#b"),
        ("a \\\n b\nc", "a c"),
        ("a\\\nb", "ab"),
        ("'a' b; \"c\" d", "a c"),
        ("a;;b", "a b"),
        ("a ) b", "a b"),
        ("x=(a $(b) 'c') d", "b d"),
        ("[[ a < b && c ]] && d", "[[ d"),
        ("diff <(a) <(b)", "diff a b"),
        ("a -e s,x,y \\\n *.pc", "a"),
        ('sed s#"b c"#"d e"#g', "sed"),
        ("sed -e 's:I{:I${:g' $pc", "sed"),
        ('sed "s/foo$/x/" a', "sed"),
        ("a\r\nb\r\n", "a b"),
        ("", ""),
    ],
)
def test_commands(code: str, commands: str) -> None:
    assert shell_references(code) == set(commands.split())


@pytest.mark.parametrize(
    "code",
    [
        "$((" * 20000,
        "$(" * 20000,
        "${" * 20000,
        "`" * 20001,
        '"$(' * 20000,
        "((" * 20000,
        "case x in " * 5000,
        "case x in a) " * 5000,
        "cat <<E\n" * 5000,
        "eval " * 20000,
        'eval "$(' * 5000,
        "a 'b" * 10000,
        "x=(" * 10000,
        "[[ " * 10000,
        "\\" * 20001,
        "$((x) " * 10000,
        "{ " * 20000,
        "echo ${x:-" * 10000,
    ],
    ids=lambda code: code[:12],
)
def test_hostile_text_ends_soon(code: str) -> None:
    started = time.process_time()
    shell_references(code)
    assert time.process_time() - started < 2


def test_any_text_is_read() -> None:
    chooser = random.Random(1)
    pieces = [
        "a",
        " ",
        "\n",
        "$",
        "(",
        ")",
        "{",
        "}",
        "`",
        '"',
        "'",
        "\\",
        ";",
        "&",
        "|",
        "<",
        ">",
        "#",
        "case ",
        " in ",
        "esac",
        "E",
    ]
    for _ in range(3000):
        shell_references("".join(chooser.choices(pieces, k=chooser.randrange(40))))


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("echo 'it is\n", (5, "'", "'")),
        ('x="a\necho $x\n', (2, '"', '"')),
        ("if a; then\n  b\n", (0, "if", "fi")),
        ("if a; then if b; then c; fi\n", (0, "if", "fi")),
        ("for x in a; do\n  b\n", (15 - 3, "do", "done")),
        ("case $x in\n a) b;;\n", (0, "case", "esac")),
        ("(cd x && b\n", (0, "(", ")")),
        ("f() {\n  a\n", (4, "{", "}")),
        ('echo "$(a \'b)"\n', (10, "'", "'")),
        ('if a; then echo "b; fi\n', (16, '"', '"')),
    ],
)
def test_what_is_not_closed(code: str, found: tuple[int, str, str]) -> None:
    assert find_unclosed(code) == found


@pytest.mark.parametrize(
    "code",
    [
        "echo if do { case\n",
        "if a; then b; elif c; then d; else e; fi; while f; do g; done\n",
        "case $x in (a) if b; then c; fi ;; *) d ;; esac\n",
        "cat <<EOF\nit's \"\nEOF\n",
        "# it's\necho \\' \\\"\n",
        "x=$(case a in a) b;; esac)\n",
        "f() { a; }; (b; { c; })\n",
        "a='b\nc'\n",
        "fi\nif\n",
    ],
)
def test_what_is_closed(code: str) -> None:
    assert find_unclosed(code) is None
