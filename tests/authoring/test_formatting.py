"""``hbake fmt``: what changes, what must not, and that the statements are always the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hadronbake.authoring.formatting import check_same, format_text, without_place
from hadronbake.authoring.sources import source_files
from hadronbake.cli.commands import app, register
from hadronbake.diagnostics import HadronbakeError
from hadronbake.language.parser import KINDS, parse_text

ROOT = Path(__file__).parent.parent.parent

CASES = {
    "operators": ('A="1"\nB  +=   "2"\nC=+"3"\nD ??="4"\n', 'A = "1"\nB += "2"\nC =+ "3"\nD ??= "4"\n'),
    "a plus that is part of the name": ('V+ = "x"\n', 'V+ = "x"\n'),
    "flags and export": (
        'export   A="1"\nexport  B\nunset   C[dd]\nV[f]="x"\n',
        'export A = "1"\nexport B\nunset C[dd]\nV[f] = "x"\n',
    ),
    "quotes": (
        "A = 'x'\nB = 'say \"x\"'\nC = 'y ${@d.getVar(\"z\")}'\nD = ''\n",
        'A = "x"\nB = \'say "x"\'\nC = \'y ${@d.getVar("z")}\'\nD = ""\n',
    ),
    "values keep their blanks": ('A="  a \\\n\tb   c \\\n  "\n', 'A = "  a \\\n\tb   c \\\n  "\n'),
    "a value that begins on the next line": ('A = \\\n    "x \\\n  y"\n', 'A = "x \\\n  y"\n'),
    "a name on two lines": ('A\\\n  =\\\n  "x"\n', 'A = "x"\n'),
    "single quotes over lines": ("A = 'x \\\n  y'\n", 'A = "x \\\n  y"\n'),
    "only a quote on the first line": ('A="\\\n a \\\n"\n', 'A = "\\\n a \\\n"\n'),
    "function headers": (
        "do_a ()  {\n\tx\n}\npython   do_b () {\n    y\n}\npython () {\n}\nfakeroot   do_c(){\n}\npython fakeroot d () {\n}\n",
        "do_a() {\n\tx\n}\npython do_b() {\n    y\n}\npython() {\n}\nfakeroot do_c() {\n}\nfakeroot python d() {\n}\n",
    ),
    "bodies are as they were": (
        "do_a() {\n    cat <<EOT\n\n\n\n\n  a='b'   \nEOT\n}\n",
        "do_a() {\n    cat <<EOT\n\n\n\n\n  a='b'\nEOT\n}\n",
    ),
    "blank lines": ('\n\n# a\n\n\n\n\n\nA = "1"\n\n\n\n', '# a\n\n\nA = "1"\n'),
    "blank lines after a definition belong to it": (
        'def f(d):\n    return 1\n\n\n\n\n# c\nA = "1"\n',
        'def f(d):\n    return 1\n\n\n\n\n# c\nA = "1"\n',
    ),
    "trailing blanks and line ends": ('# a  \r\nA = "1"  \r\n  \r\nB = "2"', '# a\nA = "1"\n\nB = "2"\n'),
    "directives": (
        "inherit   a  b\nrequire    x.inc\naddtask   a   after  b  before   c\ndeltask   x\nEXPORT_FUNCTIONS  a   b\naddhandler   h\n",
        "inherit a  b\nrequire x.inc\naddtask a after b before c\ndeltask x\nEXPORT_FUNCTIONS a b\naddhandler h\n",
    ),
    "a comment after addtask": ("addtask a  # why   so\n", "addtask a  # why   so\n"),
    "directives over lines": ("inherit a \\\n   b\n", "inherit a \\\n   b\n"),
    "a continued comment": ('# a \\\n#   b\nA="1"\n', '# a \\\n#   b\nA = "1"\n'),
    "a lone backslash": ('\\\n\nA="1"\n', '\\\n\nA = "1"\n'),
    "nothing": ("", ""),
    "only blank lines": ("\n\n\n", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_text_becomes(name: str) -> None:
    text, expected = CASES[name]
    assert format_text(text, "x.bb", "recipe") == expected
    assert format_text(expected, "x.bb", "recipe") == expected


def test_a_comment_inside_of_a_statement_of_a_configuration_file_is_part_of_it() -> None:
    text = 'A="a \\\n#b \\\nc"\n'
    assert format_text(text, "x.conf", "conf") == 'A = "a \\\n#b \\\nc"\n'


def test_a_configuration_file_that_ends_with_a_backslash() -> None:
    assert format_text('A="1"\\\n', "x.conf", "conf") == 'A="1"\\\n'


def test_a_statement_that_ends_with_an_empty_line_joined_to_it() -> None:
    text = "A='1'\\\n\nB = \"2\"\n"
    assert format_text(text, "x.conf", "conf") == text


def test_a_lone_backslash_keeps_the_empty_line_that_it_takes() -> None:
    text = '\\\n\n\n\n\nA = "1"\n\\\n\\\n\n'
    assert format_text(text, "x.bb", "recipe") == '\\\n\n\n\nA = "1"\n\\\n\\\n\n'


LINES = st.sampled_from(
    [
        *("", "", "  ", "\\", "# c", "# c \\", "#", "A='1'", 'B="x"', 'C += "a \\', '  b"', "  b'", "D=' \\", '"', "'"),
        *(
            "do_x () {",
            "}",
            "\techo 'a'  ",
            "python  () {",
            "    pass",
            "def f(d):",
            "addtask  x  after y # z",
            "inherit  a",
        ),
        *("export  E", "unset  F", 'export G="\'"', "require  x.inc", "H \\", '= "1"', 'I[j]="k"', 'K:append  = "l"  '),
    ]
)


@settings(max_examples=400)
@given(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["recipe", "conf"]))
def test_statements_stay_and_a_second_time_changes_nothing(lines: list[str], end: str, kind: str) -> None:
    text = end.join(lines)
    before = parse_text(text, "x", kind)  # type: ignore[arg-type]
    if any(item.severity == "error" for item in before.diagnostics):
        with pytest.raises(HadronbakeError):
            format_text(text, "x", kind)  # type: ignore[arg-type]
        return
    new = format_text(text, "x", kind)  # type: ignore[arg-type]
    after = parse_text(new, "x", kind)  # type: ignore[arg-type]
    assert list(map(without_place, before.statements)) == list(map(without_place, after.statements))
    assert format_text(new, "x", kind) == new  # type: ignore[arg-type]


def test_a_text_that_says_something_else_is_refused_as_a_fault_of_the_formatter() -> None:
    statements = parse_text('A = "1"\n\nB = "2"\n', "/x.bb", "recipe").statements
    check_same(statements, 'A = "1"\nB="2"\n', "/x.bb", "recipe")
    for other in ('A = "1"\nB = "3"\n', 'A = "1"\n', 'A = "1"\nB = "2"\nC = "3"\n'):
        with pytest.raises(HadronbakeError) as caught:
            check_same(statements, other, "/x.bb", "recipe")
        assert caught.value.diagnostics[0].code == "HBC131"
    with pytest.raises(HadronbakeError) as caught:
        check_same(statements, 'A = "1"\nB = "3"\n', "/x.bb", "recipe")
    assert str(caught.value) == (
        "error[HBC131]: formatting would change what this says; the file was left as it is\n"
        " --> /x.bb:3:1\n"
        "  = hint: this is a fault of hbake fmt, not of the file: please report it with the file"
    )


def test_our_own_layers_are_formatted() -> None:
    files = source_files([ROOT / "layers", ROOT / "conf"])
    assert len(files) > 60
    changed = [
        str(path) for path in files if format_text(path.read_text(), str(path), KINDS[path.suffix]) != path.read_text()
    ]
    assert not changed, f"run: hbake fmt {' '.join(changed)}"


# The command


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {
        "conf/layer.conf": 'A="1"\n',
        "recipes/a.bb": 'A = "1"\n',
        "recipes/bad.bb": "A = 1\n",
        "recipes/files/syslog.conf": "x y\n",
        "recipes/files/defs.inc": "x y\n",
        "recipes/a.inc": "x y\n",
        "recipes/notes.txt": "x y\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    if not app.registered_commands:
        register()
    result = CliRunner().invoke(app, ["fmt", *arguments])
    return result.exit_code, result.stdout


def test_check_and_diff_write_nothing(layer: Path) -> None:
    assert run("--check", "conf") == (1, "would change conf/layer.conf\n")
    assert run("--diff", "conf") == (
        0,
        '--- conf/layer.conf (now)\n+++ conf/layer.conf (formatted)\n@@ -1 +1 @@\n-A="1"\n+A = "1"\n',
    )
    assert (layer / "conf/layer.conf").read_text() == 'A="1"\n'


def test_a_directory_is_formatted_and_a_file_with_errors_is_left_alone(layer: Path) -> None:
    (layer / "conf/layer.conf").chmod(0o640)
    assert run(".") == (1, "changed conf/layer.conf\n")
    assert (layer / "conf/layer.conf").read_text() == 'A = "1"\n'
    assert (layer / "conf/layer.conf").stat().st_mode & 0o777 == 0o640
    assert (layer / "recipes/bad.bb").read_text() == "A = 1\n"
    assert sorted(path.name for path in (layer / "conf").iterdir()) == ["layer.conf"]


def test_json(layer: Path) -> None:
    status, text = run("--check", "--json", ".")
    report = json.loads(text)
    assert status == 1 and report["written"] is False
    assert [(item["file"], item["changed"], len(item["errors"])) for item in report["files"]] == [
        ("conf/layer.conf", True, 0),
        ("recipes/a.bb", False, 0),
        ("recipes/bad.bb", False, 1),
    ]
    assert report["files"][2]["errors"][0]["code"] == "HBL103"
    assert report["files"][2]["errors"][0]["place"] == {"file": "recipes/bad.bb", "line": 1, "column": 5}


def test_a_link_stays_a_link(layer: Path) -> None:
    (layer / "linked.conf").symlink_to("conf/layer.conf")
    assert run("linked.conf") == (0, "changed linked.conf\n")
    assert (layer / "linked.conf").is_symlink()
    assert (layer / "conf/layer.conf").read_text() == 'A = "1"\n'


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.bb", "there is no file gone.bb"),
        ("recipes/notes.txt", "not a recipe or configuration file: recipes/notes.txt"),
    ],
)
def test_what_is_no_file_of_ours(layer: Path, name: str, message: str) -> None:
    with pytest.raises(HadronbakeError) as caught:
        source_files([Path(name)])
    assert (caught.value.diagnostics[0].code, caught.value.diagnostics[0].message) == ("HBC130", message)


def test_bytes_that_are_not_utf_8(layer: Path) -> None:
    (layer / "recipes/latin.bb").write_bytes(b'A="\xe9"\n')
    status, text = run("--json", "recipes/latin.bb")
    assert status == 1
    assert json.loads(text)["files"][0]["errors"][0]["message"] == "is not UTF-8 (byte 3)"
    assert (layer / "recipes/latin.bb").read_bytes() == b'A="\xe9"\n'
