"""Running one Python function with a ``d`` that holds its tracked inputs and nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution.taskdata import TaskData, request
from hadronbake.metadata.recipe import FunctionScript, TaskPayload

MARKED = """\
#line 10 /layer/recipes/x.bb
def do_x(d):
    {}
do_x(d)
"""


def run(tmp_path: Path, text: str, variables: dict[str, Any] | None = None, **changes: Any) -> tuple[int, str]:
    """Exit status and log."""
    values = {
        "recipe": "/layer/recipes/x.bb", "pn": "x", "task": "do_x", "function": "do_x", "text": text, "directories": [],
        "clean_directories": [], "variables": variables or {}, "flags": {}, "umask": 0o22, **changes,
    }  # fmt: skip
    (tmp_path / "request.json").write_text(json.dumps(values))
    done = subprocess.run(
        [sys.executable, "-m", "hadronbake.execution.taskrunner", tmp_path / "request.json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        timeout=60,
    )
    return done.returncode, done.stdout


def test_messages_and_values(tmp_path: Path) -> None:
    text = (
        "bb.note('n')\nbb.warn('w')\nbb.plain('p')\nprint(d.getVar('PN'), d.expand('${PN}-${PN}'), d.getVar('UNSET'))\n"
    )
    assert run(tmp_path, text, {"PN": "zlib", "UNSET": None}) == (0, "NOTE: n\nWARNING: w\np\nzlib zlib-zlib None\n")


def test_reading_an_untracked_variable_is_an_error_at_its_line(tmp_path: Path) -> None:
    assert run(tmp_path, MARKED.format("return d.getVar('PVX')"), {"PV": "1"}) == (
        1,
        "error[HBE301]: PVX is read by do_x but is not among its tracked inputs\n"
        "  --> /layer/recipes/x.bb:11:12\n"
        "   |\n"
        "11 |     return d.getVar('PVX')\n"
        "   |            ^^^^^^^^^^^^^^^\n"
        "   = hint: say 'do_x[vardeps] += \"PVX\"', so that a change of it runs the task again; or did you mean 'PV'?\n",
    )


def test_an_exception_is_shown_at_the_recipes_line(tmp_path: Path) -> None:
    status, log = run(tmp_path, MARKED.format("open('/no/such/file')"))
    assert status == 1
    assert log.startswith(
        "error[HBE305]: do_x failed: FileNotFoundError: [Errno 2] No such file or directory: '/no/such/file'\n"
        "  --> /layer/recipes/x.bb:11:5\n"
        "   |\n"
        "11 |     open('/no/such/file')\n"
        "   |     ^^^^^^^^^^^^^^^^^^^^^\n"
    )
    assert "Traceback" not in log


def test_an_exception_in_a_library_names_both_places(tmp_path: Path) -> None:
    _, log = run(tmp_path, MARKED.format("__import__('json').loads('{')"))
    assert "--> /layer/recipes/x.bb:11" in log
    assert "json/decoder.py:" in log


def test_invalid_python(tmp_path: Path) -> None:
    status, log = run(tmp_path, MARKED.format("return ("))
    assert status == 1
    assert log.startswith(
        "error[HBE304]: do_x is no valid Python: '(' was never closed\n  --> /layer/recipes/x.bb:11:12\n"
    )


def test_fatal_says_its_message_once(tmp_path: Path) -> None:
    assert run(tmp_path, "bb.fatal('this is wrong')\nprint('never')\n") == (1, "ERROR: this is wrong\n")


@pytest.mark.parametrize(("code", "status"), [("0", 0), ("", 0), ("3", 1)])
def test_sys_exit(tmp_path: Path, code: str, status: int) -> None:
    assert run(tmp_path, f"sys.exit({code})")[0] == status


def test_output_of_programs_and_of_python_are_in_order(tmp_path: Path) -> None:
    text = (
        "import subprocess\nbb.note('one')\nsubprocess.run(['sh', '-c', 'echo two; echo three >&2'])\nbb.note('four')\n"
    )
    assert run(tmp_path, text) == (0, "NOTE: one\ntwo\nthree\nNOTE: four\n")


def test_directories_are_made_and_emptied_and_the_last_is_the_current_one(tmp_path: Path) -> None:
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean/old").write_text("")
    names = [str(tmp_path / name) for name in ("a/b", "c")]
    status, log = run(
        tmp_path,
        "print(os.getcwd(), os.listdir('../clean'))",
        directories=names,
        clean_directories=[str(tmp_path / "clean")],
    )
    assert (status, log) == (0, f"{tmp_path}/c []\n")
    assert (tmp_path / "a/b").is_dir()


def test_text_is_expanded_as_in_a_recipe() -> None:
    d = TaskData("do_x", {"A": "1", "B": None, "LEFT": "${NOBODY}"}, {})
    assert d.expand("${@ {'k': '${A}'}['k'] }${A}") == "11"
    assert d.expand("${@ '$' + '{A}'}") == "1"
    assert d.expand("${B} ${@'${B}'}") == "${B} ${@'${B}'}"
    assert d.expand("${LEFT}") == "${NOBODY}"
    assert d.expand("${@" * 50_000) == "${@" * 50_000


def test_an_unknown_step_module_is_named(tmp_path: Path) -> None:
    status, log = run(tmp_path, "hb.unpak.run(d)\n")
    assert status == 1
    assert "there is no step module hb.unpak" in log
    assert "did you mean hb.unpack?" in log


def test_steps_are_called_with_d(tmp_path: Path) -> None:
    status, log = run(tmp_path, "hb.unpack.run(d)\n", {"UNPACKDIR": str(tmp_path / "u"), "S": str(tmp_path / "u/s")})
    assert (status, log) == (0, "")
    assert (tmp_path / "u/s").is_dir()


def test_import_bb_works(tmp_path: Path) -> None:
    assert run(tmp_path, "import bb.utils\nprint(bb.utils.to_boolean('yes'))\n") == (0, "True\n")


def data(**variables: str | None) -> TaskData:
    return TaskData("do_x", variables, {"V": {"doc": "text", "unset": None}})


def test_what_is_set_is_expanded_when_it_is_read() -> None:
    d = data(PN="zlib", V="v ${left}")
    d.setVar("A", "${PN}-x")
    d.appendVar("A", ".tar")
    d.prependVar("A", "lib")
    assert d.getVar("A") == "libzlib-x.tar"
    assert d.getVar("A", False) == "lib${PN}-x.tar"
    assert d.getVar("V") == "v ${left}"
    d.setVar("B", "${@d.getVar('PN').upper()}")
    assert d.getVar("B") == "ZLIB"
    d.delVar("A")
    assert d.getVar("A") is None
    assert "PN" in d
    assert "A" not in d
    assert sorted(d.keys()) == ["B", "PN", "V"]
    with pytest.raises(KeyError):
        d["A"]


def test_unset_is_not_untracked() -> None:
    d = data(U=None)
    assert d.getVar("U") is None
    assert d.expand("${U}") == "${U}"
    for read in (
        lambda: d.getVar("X"),
        lambda: d.expand("${X}"),
        lambda: d.appendVar("X", "a"),
        lambda: d.getVarFlag("V", "x"),
    ):
        with pytest.raises(HadronbakeError, match="HBE301"):
            read()


def test_flags() -> None:
    d = data(V="value")
    assert d.getVarFlag("V", "doc") == "text"
    assert d.getVarFlag("V", "unset") is None
    assert d.getVarFlags("V") == {"doc": "text"}
    d.setVarFlag("V", "n", "${V}")
    d.appendVarFlag("V", "doc", " more")
    assert (d.getVarFlag("V", "n"), d.getVarFlag("V", "doc")) == ("value", "text more")
    d.delVarFlag("V", "n")
    assert d.getVarFlag("V", "n") is None


def test_a_copy_is_apart() -> None:
    d = data(V="1")
    copy = d.createCopy()
    copy.setVar("V", "2")
    copy.setVarFlag("V", "doc", "other")
    assert (d.getVar("V"), d.getVarFlag("V", "doc")) == ("1", "text")


def test_endless_expansion_is_an_error() -> None:
    d = data()
    d.setVar("A", "x${B}")
    d.setVar("B", "${@d.getVar('A')}")
    with pytest.raises(HadronbakeError) as caught:
        d.getVar("A")
    assert str(caught.value) == "error[HBE302]: A refers to itself: A → B → A"
    d.setVar("B", "1")
    assert d.getVar("A") == "x1"


def test_the_request_carries_the_payload() -> None:
    payload = TaskPayload("/x.bb", "x", "do_x", (), {"A": "1"}, {"A": {"f": "2"}}, 0o27)
    text = json.loads(request(payload, FunctionScript("do_x", "python", "pass\n", ("/d",), ("/c",))))
    assert text == {
        "recipe": "/x.bb", "pn": "x", "task": "do_x", "function": "do_x", "text": "pass\n", "directories": ["/d"],
        "clean_directories": ["/c"], "variables": {"A": "1"}, "flags": {"A": {"f": "2"}}, "umask": 0o27,
    }  # fmt: skip
