"""``hbake lint`` beside its rules: silencing, settings, places, the command."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hadronbake.authoring.lint import lint, lint_source
from hadronbake.authoring.lintsettings import LintSettings, settings_for
from hadronbake.authoring.source import Source
from hadronbake.authoring.sources import source_files
from hadronbake.cli.commands import app, register
from hadronbake.diagnostics import HadronbakeError, render
from hadronbake.metadata.template import make_build_directory
from hadronbake.metadata.workspace import Workspace

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/metadata"))

from metadata_site import Site  # noqa: E402


def found(text: str, **settings: object) -> list[tuple[str, int, int]]:
    source = Source.of(text, "/layer/thing_1.0.bb", "recipe", LintSettings.model_validate(settings))
    return [
        (item.code, item.location.line, item.location.column)
        for item in lint_source(source)
        if item.location is not None
    ]


WRONG = 'DEPENDS:append = "a"\n'


def test_without_a_comment_it_is_found_at_its_place() -> None:
    assert found(f"\n{WRONG}") == [("HBW203", 2, 1)]


def test_a_comment_right_above_silences_the_statement_only() -> None:
    assert found(f"# hbake: disable=HBW203  a has a blank\n# more words\n{WRONG}{WRONG}") == [("HBW203", 4, 1)]


def test_a_comment_that_stands_alone_silences_the_file() -> None:
    assert found(f'# hbake: disable=HBW203  all are joined later\n\n{WRONG}A = "1"\n{WRONG}') == []


def test_a_comment_above_a_function_silences_all_of_it() -> None:
    function = "do_x() {\n    [ $a = b ]\n    :\n    [ $a = b ]\n}\n"
    assert found(function) == [("HBW405", 2, 7), ("HBW405", 4, 7)]
    assert found(f"# hbake: disable=HBW405  a is a number\n{function}") == []


def test_a_comment_in_a_function_silences_its_own_line_and_the_next() -> None:
    text = "do_x() {\n    [ $a = b ] # hbake: disable=HBW405  why\n    :\n    [ $a = b ]\n}\n"
    assert found(text) == [("HBW405", 4, 7)]
    text = "do_x() {\n    # hbake: disable=HBW405 - why\n    [ $a = b ]\n    [ $a = b ]\n}\n"
    assert found(text) == [("HBW405", 4, 7)]


def test_a_comment_below_a_definition_is_its_part_and_silences_nothing_of_it() -> None:
    text = 'def f(d):\n    try:\n        pass\n    except:\n        pass\n\n# hbake: disable=HBW203  why\nDEPENDS:append = "a"\n'
    codes = [code for code, _, _ in found(text)]
    assert "HBW504" in codes


def test_several_codes_and_the_language_s_own_warnings() -> None:
    assert found('A="1"  \n') == [("HBL201", 1, 2), ("HBW101", 1, 6)]
    assert found('# hbake: disable=HBL201, HBW101 as upstream has it\nA="1"  \n') == []


def test_comments_that_say_too_little_or_too_much() -> None:
    assert found(f"# hbake: disable=HBW203\n{WRONG}") == [("HBW001", 1, 3)]
    assert found('# hbake: disable=HBW999  why\nA = "1"\n') == [("HBW002", 1, 18)]
    assert found('# hbake: disable=HBW203  why\nA = "1"\n') == [("HBW003", 1, 18)]
    # Without the recipe nothing is known of a rule about recipes.
    assert found('# hbake: disable=HBW301  why\nA = "1"\n') == []


def test_settings_of_a_layer() -> None:
    assert found(WRONG, disable=["HBW2"]) == []
    assert found('A = "' + "x" * 60 + '"\n', **{"line-length": 50}) == [("HBW103", 1, 51)]
    source = Source.of(WRONG + "A = 'b'  \n", "/l/x.bb", "recipe", LintSettings(error=("HBW1",), warning=("HBW203",)))
    assert [(item.code, item.severity.value) for item in lint_source(source)] == [
        ("HBW203", "warning"),
        ("HBW101", "error"),
    ]


def test_lint_toml_of_the_layer_and_not_of_another(tmp_path: Path) -> None:
    for name in ("outer", "outer/inner"):
        (tmp_path / name / "conf").mkdir(parents=True)
        (tmp_path / name / "conf/layer.conf").write_text("")
    (tmp_path / "outer/lint.toml").write_text("line-length = 99\n")
    assert settings_for(tmp_path / "outer/recipes/x/a.bb").line_length == 99
    assert settings_for(tmp_path / "outer/inner/recipes/a.bb").line_length == 160


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "disabled = []\n",
            "error[HBC140]: disabled: Extra inputs are not permitted\n --> {file}\n"
            "  = expected: disable, error, warning, line-length, overrides",
        ),
        (
            "line-length = 3\n",
            "error[HBC140]: line-length: Input should be greater than or equal to 40\n --> {file}",
        ),
        ("disable = [\n", "error[HBC140]: lint.toml can't be read: "),
    ],
)
def test_a_wrong_lint_toml(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "lint.toml").write_text(text)
    with pytest.raises(HadronbakeError) as caught:
        settings_for(tmp_path / "a.bb")
    assert str(caught.value).startswith(message.format(file=tmp_path / "lint.toml"))


def test_a_file_with_a_syntax_error_has_that_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.bb"
    path.write_text('A = 1\nDEPENDS:append = "a"\n')
    report, diagnostics = lint([path], None)
    assert [item.code for item in diagnostics] == ["HBL103"]
    assert (report.files, report.recipes, report.findings[0].severity) == (1, 0, "error")


def test_our_own_layers_have_no_findings_and_every_silence_a_reason(tmp_path: Path) -> None:
    make_build_directory(tmp_path / "build")
    workspace = Workspace.open(tmp_path / "build", os.environ)
    files = source_files([ROOT / "layers", ROOT / "conf"])
    report, diagnostics = lint(files, workspace)
    assert not diagnostics, "\n".join(render(item) for item in diagnostics)
    assert report.recipes >= 40 and report.files == len(files)
    for path in files:
        assert all(silence.reason for silence in Source.read(path).silences)


# The command


def run(*arguments: str) -> tuple[int, str, str]:
    if not app.registered_commands:
        register()
    result = CliRunner().invoke(app, ["lint", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a.bb").write_text(WRONG)
    (tmp_path / "b.bb").write_text('A = "1"\nA ?= "2"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_text(layer: Path) -> None:
    status, out, err = run("a.bb")
    assert status == 1
    assert out == (
        "error[HBW203]: DEPENDS is a list, and this is joined to its last word without a blank\n"
        f" --> {layer}/a.bb:1:1\n"
        "  |\n"
        '1 | DEPENDS:append = "a"\n'
        "  | ^^^^^^^^^^^^^^\n"
        "  = hint: begin the value with a blank\n\n"
    )
    assert (
        err
        == "1 files, 0 recipes: 1 findings, 0 silenced (rules about recipes need a build directory that can be read)\n"
    )


def test_warnings_alone_are_no_failure_unless_it_is_strict(layer: Path) -> None:
    assert run("b.bb")[0] == 0
    assert run("--strict", "b.bb")[0] == 1


def test_json(layer: Path) -> None:
    status, out, _ = run("--json", ".")
    report = json.loads(out)
    assert status == 1
    assert [(item["code"], item["severity"], item["place"]["line"]) for item in report["findings"]] == [
        ("HBW203", "error", 1),
        ("HBW204", "warning", 2),
    ]
    assert report["findings"][0] == {
        "code": "HBW203",
        "severity": "error",
        "message": "DEPENDS is a list, and this is joined to its last word without a blank",
        "place": {"file": f"{layer}/a.bb", "line": 1, "column": 1},
        "length": 14,
        "expected": [],
        "hint": "begin the value with a blank",
        "notes": [],
    }


def test_the_list_of_rules() -> None:
    status, out, _ = run("--rules")
    assert status == 0
    assert "HBW203  error    a word joined to a list without a blank\n" in out
    rules = json.loads(run("--rules", "--json")[1])
    assert {"code", "title", "reason", "scope", "error"} == set(rules[0])


def test_nothing_to_look_at(layer: Path) -> None:
    result = CliRunner().invoke(app, ["lint"])
    assert isinstance(result.exception, HadronbakeError)
    assert result.exception.diagnostics[0].code == "HBC141"


def test_a_recipe_by_its_name(tmp_path: Path) -> None:
    make_build_directory(tmp_path / "build")
    status, out, _ = run("-B", str(tmp_path / "build"), "--json", "zlib")
    report = json.loads(out)
    assert (status, report["recipes"], report["findings"]) == (0, 1, [])
    # The recipe and its append.
    assert report["files"] == 2


def test_an_include_file_is_blamed_only_for_what_is_wrong_in_all_that_take_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.write("core/recipes/shared.inc", 'FILES:${PN}-x = "/x"\nFILES:${PN}-y = "/y"\n')
    site.recipe("one_1.0.bb", 'require shared.inc\nPACKAGES =+ "${PN}-x"\n')
    site.recipe("two_1.0.bb", "require shared.inc\n")
    files = [site.top / f"core/recipes/{name}" for name in ("shared.inc", "one_1.0.bb", "two_1.0.bb")]
    _, diagnostics = lint(files, site.open())
    places = [
        (item.location.file, item.location.line) for item in diagnostics if item.location and item.code == "HBW316"
    ]
    assert places == [(str(files[0]), 2)]
