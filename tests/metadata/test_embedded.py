"""The module ``bb`` (language.md §18)."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hadronbake.datastore.embedded import register
from hadronbake.datastore.store import DataStore

bb = register()


@pytest.mark.parametrize(
    ("smaller", "greater"),
    [
        ("1", "1.0"),
        ("1a", "1a1"),
        ("1.1", "1_p2"),
        ("1~rc1", "1"),
        ("1.9", "1.10"),
        ("1.a", "1.b"),
        ("9", "1:1"),
        ("1-r0", "1-r1"),
    ],
)
def test_version_order(smaller: str, greater: str) -> None:
    assert bb.utils.vercmp_string(smaller, greater) == -1
    assert bb.utils.vercmp_string(greater, smaller) == 1
    assert bb.utils.vercmp_string_op(smaller, greater, "<<")
    assert not bb.utils.vercmp_string_op(smaller, greater, ">=")


def test_unknown_operator() -> None:
    with pytest.raises(bb.utils.VersionStringException):
        bb.utils.vercmp_string_op("1", "2", "~")


def test_dependency_lists() -> None:
    assert bb.utils.explode_dep_versions2("a (>= 1) b a ( < 3)") == {"a": [">= 1", "< 3"], "b": []}
    assert bb.utils.explode_deps("a (>= 1) rtld(GNU_HASH), c") == ["a", "rtld(GNU_HASH)", "c"]
    assert bb.utils.join_deps({"a": [">= 1"], "b": []}) == "a (>= 1), b"


def test_words() -> None:
    d = DataStore()
    d.setVar("V", "a b c")
    d.setVar("EMPTY", "")
    assert bb.utils.contains("V", "a c", 1, 0, d) == 1
    assert bb.utils.contains("V", {"a", "x"}, 1, 0, d) == 0
    assert bb.utils.contains("EMPTY", "", 1, 0, d) == 0
    assert bb.utils.contains_any("V", "x c", 1, 0, d) == 1
    assert bb.utils.filter("V", "c x a", d) == "a c"
    assert [bb.utils.to_boolean(text, 7) for text in ("Y", "true", "0", "", None)] == [True, True, False, 7, 7]
    assert (bb.utils.to_filemode("0o644"), bb.utils.to_filemode("755"), bb.utils.to_filemode(5)) == (0o644, 0o755, 5)
    with pytest.raises(ValueError):
        bb.utils.to_boolean("maybe")


def test_sums(tmp_path: Path) -> None:
    module = tmp_path / "go.mod"
    module.write_text("module example.com/m\n")
    archive = tmp_path / "m.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("go.mod", "module example.com/m\n")
    assert bb.utils.goh1_file(str(module)) == bb.utils.goh1_file(str(archive))
    assert bb.utils.sha256_file(str(module)) == subprocess.check_output(["sha256sum", module], text=True).split()[0]
    assert bb.utils.md5_file(str(module)) == subprocess.check_output(["md5sum", module], text=True).split()[0]


def test_remove_refuses_what_nobody_wants_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in ("/", "/home", "/home/somebody", str(tmp_path)):
        with pytest.raises(Exception, match="refusing"):
            bb.utils.prunedir(path)
    below = tmp_path / "below"
    below.mkdir()
    (below / "x").write_text("x")
    bb.utils.remove(str(below), recurse=True)
    assert not below.exists()
    bb.utils.remove(str(tmp_path / "nothing*"))


def test_which(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text("")
    path = f"{tmp_path}/none:{tmp_path}/a:{tmp_path}/b"
    assert bb.utils.which(path, "x") == f"{tmp_path}/a/x"
    assert bb.utils.which(path, "x", direction=1) == f"{tmp_path}/b/x"
    assert bb.utils.which(path, "x", history=True) == (f"{tmp_path}/a/x", [f"{tmp_path}/none/x", f"{tmp_path}/a/x"])
    assert bb.utils.which(path, "y") == ""


def test_environment_is_put_back() -> None:
    before = dict(os.environ)
    with bb.utils.environment(SOME_NEW_NAME="x"):
        assert os.environ["SOME_NEW_NAME"] == "x"
    assert dict(os.environ) == before


def test_process_run() -> None:
    assert bb.process.run("echo out; echo err >&2") == ("out\n", "err\n")
    assert bb.process.run(["cat"], input="in") == ("in", "")
    with pytest.raises(bb.process.ExecutionError) as caught:
        bb.process.run("echo bad; exit 3")
    assert (caught.value.exitcode, caught.value.stdout) == (3, "bad\n")
    with pytest.raises(bb.process.NotFoundError):
        bb.process.run(["/nonexistent/program"])


def test_urls() -> None:
    text = "git://me:pw@example.org/path/x.git;protocol=https;branch=main"
    decoded = bb.fetch2.decodeurl(text)
    assert decoded == ("git", "example.org", "/path/x.git", "me", "pw", {"protocol": "https", "branch": "main"})
    assert bb.fetch2.encodeurl(decoded) == text
    assert bb.fetch2.decodeurl("file://a/b.patch;striplevel=2")[2:3] == ("a/b.patch",)
    with pytest.raises(bb.fetch2.MalformedUrl):
        bb.fetch2.decodeurl("no-url")


def test_fatal_is_logged_and_raised(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(bb.BBHandledException, match="no good 100%"):
        bb.fatal("no ", "good 100%")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("CRITICAL", "no good 100%")]


def test_edit_metadata_keeps_every_other_line() -> None:
    lines = ["A = \\\n", '   "x \\\n', '    y"\n', "# A = no\n", 'B = "1"   \n', "do_x() {\n", "\told\n", "}\n"]

    def edit(name: str, value: str, operator: str, before: list[str]) -> tuple[object, object, int, bool]:
        if name == "B":
            return "2", ":=", 0, False
        if name == "do_x()":
            return "\tnew\n", None, 0, False
        return value, None, 0, False

    changed, result = bb.utils.edit_metadata(lines, ["A", "B", "do_x()"], edit)
    assert changed
    assert result == [*lines[:4], 'B := "2"\n', "do_x() {\n", "\tnew\n", "}\n"]


def test_edit_bblayers_conf(tmp_path: Path) -> None:
    path = tmp_path / "bblayers.conf"
    path.write_text('# mine\nBBLAYERS ?= " \\\n  /a \\\n  /b \\\n"\n')
    assert bb.utils.edit_bblayers_conf(str(path), ["/c", "/a/"], ["/b", "/x"]) == (["/a"], ["/x"])
    assert path.read_text() == '# mine\nBBLAYERS ?= " \\\n  /a \\\n  /c \\\n  "\n'


def test_it_is_light() -> None:
    code = "import sys; from hadronbake.datastore.embedded import register; register(); import bb.utils; print('lark' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_commands_of_fetchers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    d = bb.data.init()
    d.setVar("http_proxy", "http://proxy")
    d.setVar("BBPATH", str(tmp_path))
    assert bb.fetch2.runfetchcmd("echo $http_proxy $EXTRA", d, extraenv={"EXTRA": "x"}) == "http://proxy x\n"
    (tmp_path / "half").write_text("")
    with pytest.raises(bb.fetch2.FetchError):
        bb.fetch2.runfetchcmd("exit 3", d, cleanup=[str(tmp_path / "half")])
    assert not (tmp_path / "half").exists()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/site.conf").write_text("")
    assert bb.cookerdata.findConfigFile("site.conf", d) == str(tmp_path / "conf/site.conf")
    monkeypatch.chdir(tmp_path)
    assert bb.cookerdata.findConfigFile("nothing.conf", d) is None
