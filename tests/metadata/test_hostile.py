"""What is no recipe, and recipes whose Python does what it should not: a message each, soon, and the process as it was."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from metadata_site import Site

from hadronbake.diagnostics import HadronbakeError, render


def refused(site: Site, processes: int = 1) -> str:
    before = time.process_time()
    with pytest.raises(HadronbakeError) as caught:
        site.open(processes=processes)
    assert time.process_time() - before < 30
    assert all(item.location is not None for item in caught.value.diagnostics)
    return str(caught.value).replace(str(site.top), "<top>")


def make_socket(path: Path) -> None:
    # The name of a socket may not be long.
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as own:
            own.bind(path.name)
    finally:
        os.chdir(before)


ODD: list[tuple[str, Callable[[Path], None]]] = [
    ("a directory", Path.mkdir),
    ("a fifo", os.mkfifo),
    ("a socket", make_socket),
    ("a device", lambda path: path.symlink_to("/dev/zero")),
    ("a symbolic link that leads to itself", lambda path: path.symlink_to(path.name)),
    ("a symbolic link to nowhere, which doesn't exist", lambda path: path.symlink_to("nowhere")),
]


@pytest.mark.parametrize(("what", "make"), ODD)
@pytest.mark.parametrize("name", ["recipes/x_1.bb", "recipes/a_1.bbappend"])
def test_no_file(site: Site, what: str, make: Callable[[Path], None], name: str) -> None:
    site.recipe("a_1.bb")
    make(site.top / "core" / name)
    assert f"error[HBD113]: <top>/core/{name} can't be read: it is {what}\n" in refused(site)


@pytest.mark.parametrize(("what", "make"), ODD)
def test_no_file_to_include(site: Site, what: str, make: Callable[[Path], None]) -> None:
    make(site.recipe("a_1.bb", "require x.inc\n").with_name("x.inc"))
    assert f"looked for <top>/core/recipes/x.inc (it is {what})\n" in refused(site)


def test_unreadable(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    path = site.recipe("a_1.bb", 'A = "1"\n')
    read = Path.read_bytes

    def denied(self: Path) -> bytes:
        if self == path:
            raise PermissionError(13, "Permission denied")
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert "can't be read: Permission denied" in refused(site)


def test_a_file_that_goes_away_during_the_parse(site: Site) -> None:
    site.recipe("a_1.bb", 'python () {\n    import os\n    os.unlink(d.getVar("FILE"))\n}\n')
    site.recipe("b_1.bb", "A := \"${@os.unlink('${FILE_DIRNAME}/c_1.bb')}\"\n")
    site.recipe("c_1.bb")
    assert "<top>/core/recipes/c_1.bb can't be read: No such file or directory" in refused(site)


INCLUSIONS = {
    "itself": ({"a_1.bb": "require a_1.bb\n"}, "a_1.bb includes itself without end"),
    "one another": (
        {"a_1.bb": "require x.inc\n", "x.inc": "require y.inc\n", "y.inc": "include x.inc\n"},
        "note: included by <top>/core/recipes/",
    ),
    "through links": (
        {"a_1.bb": "require l/x.inc\n", "x.inc": "require l/x.inc\n"},
        "x.inc includes itself without end",
    ),
    "many levels": (
        {"a_1.bb": "require 0.inc\n", **{f"{n}.inc": f"require {n + 1}.inc\n" for n in range(1000)}},
        "files are included in one another more than 300 levels deep",
    ),
}


@pytest.mark.parametrize(("texts", "message"), INCLUSIONS.values(), ids=list(INCLUSIONS))
def test_endless_inclusion(site: Site, texts: dict[str, str], message: str) -> None:
    site.recipes(texts)
    (site.top / "core/recipes/l").symlink_to(".")
    assert message in refused(site)


PYTHON = {
    "sys.exit(3)": "SystemExit: 3",
    "os._exit(3)": "SystemExit: 3",
    "raise GeneratorExit": "GeneratorExit",
    "raise MemoryError": "MemoryError",
    "x = bytearray(1 << 60)": "MemoryError",
    "g = lambda g: g(g); g(g)": "RecursionError: maximum recursion depth exceeded",
    "import re; re.compile('(' * 5000)": "RecursionError",
    "d.expand('${@' + '(' * 5000 + ')' * 5000 + '}')": "too many nested parentheses",
    "d.expand('${@' + '-' * 200000 + '1}')": "the code is nested too deeply",
    "d.expand('${@(lambda f: f(f))(lambda f: f(f))}')": "the chain of variables or calls is too long",
    "d.setVar('A', '${@nobody_knows(1)}'); d.expand('${A}')": "NameError: name 'nobody_knows' is not defined",
}


@pytest.mark.parametrize(("code", "message"), PYTHON.items(), ids=list(PYTHON))
def test_python_that_ends_badly(site: Site, code: str, message: str) -> None:
    site.recipe("a_1.bb", f"python () {{\n    import os, sys\n    {code}\n}}\n")
    text = refused(site)
    assert message in text
    assert "<top>/core/recipes/a_1.bb:3" in text


def test_a_process_that_dies_costs_one_recipe(site: Site) -> None:
    for number in range(40):
        site.recipe(f"r{number}_1.bb")
    site.recipe("bad_1.bb", "python () {\n    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n}\n")
    workspace = site.open(processes=2, lenient=True)
    assert len([name for name in workspace.recipes if "/r" in name]) == 40
    (said,) = workspace.diagnostics
    assert render(said).replace(str(site.top), "<top>") == (
        "error[HBM063]: the process that parsed this recipe ended\n"
        " --> <top>/core/recipes/bad_1.bb\n"
        "  = hint: its Python code crashed or killed the process, or memory ran out"
    )


def test_what_python_does_to_the_process_is_undone(site: Site) -> None:
    text = """\
python () {
    import os, signal, sys
    os.chdir("/")
    os.environ["ADDED"] = "1"
    os.umask(0o777)
    sys.setrecursionlimit(100000)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        return
    os.wait()
}
"""
    site.recipe("a_1.bb", text)
    before = (Path.cwd(), sys.getrecursionlimit(), signal.getsignal(signal.SIGTERM), os._exit)
    assert list(site.open(processes=1).recipes)
    assert (Path.cwd(), sys.getrecursionlimit(), signal.getsignal(signal.SIGTERM), os._exit) == before
    assert "ADDED" not in os.environ
    umask = os.umask(0o022)
    os.umask(umask)
    assert umask != 0o777


def test_values_that_grow(site: Site) -> None:
    """Variables that hold one another twice, a long chain, deep braces: a message, not all of the memory."""
    doubled = "".join(f'A{n} = "${{A{n + 1}}}${{A{n + 1}}}"\n' for n in range(60)) + 'A60 = "x"\nB := "${A0}"\n'
    chain = "".join(f'A{n} = "${{A{n + 1}}}"\n' for n in range(3000)) + 'A3000 = "x"\nB := "${A0}"\n'
    site.recipe("a_1.bb", doubled)
    site.recipe("b_1.bb", chain)
    site.recipe("c_1.bb", 'A = "' + "${" * 3000 + "B" + "}" * 3000 + '"\nC := "${A}"\n')
    text = refused(site)
    assert "the value is longer than 64 million characters" in text
    assert "RecursionError: the chain of variables or calls is too long" in text
    assert "more) …" in text
    assert "c_1.bb" not in text


def test_a_regular_expression_that_python_frowns_at_is_nobodys_warning(site: Site) -> None:
    site.recipe("thing_1.bb", "")
    conf = site.top / "core/conf/bitbake.conf"
    conf.write_text(conf.read_text() + 'BBMASK = "/[[a&&b]_"\n')
    done = subprocess.run(
        [sys.executable, "-c", "from hadronbake.cli.main import main; main()", "parse"],
        cwd=site.build,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, "Warning" in done.stderr) == (0, False)
