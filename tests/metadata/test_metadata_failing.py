"""Golden texts: each directory of ``tests/failing_metadata`` is laid over a small site, and what is said is exactly ``expected.txt``.

Without a file ``command`` all metadata is read, which fails. With one, each of its lines is a command of ``hbake``, and the text is
what they write to standard error (and, after a line ``with output``, to standard output) with their exit status.
``<top>`` in the files stands for the site's directory; ``setup.sh`` makes what can't be a file here (links, odd bytes).
``HBAKE_UPDATE_GOLDEN=1`` writes the texts anew, to be read before they are committed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from metadata_site import Site

from hadronbake.cli import main
from hadronbake.diagnostics import HadronbakeError

DIRECTORY = Path(__file__).parents[1] / "failing_metadata"
CASES = sorted(path for path in DIRECTORY.iterdir() if path.is_dir())
OWN = ("expected.txt", "command", "setup.sh")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_text(
    case: Path, site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for path in case.rglob("*"):
        if path.is_file() and path.name not in OWN:
            site.write(str(path.relative_to(case)), path.read_text().replace("<top>", str(site.top)))
    if (case / "setup.sh").exists():
        subprocess.run(["/bin/sh", "-e", case / "setup.sh"], cwd=site.top, check=True)
    monkeypatch.chdir(site.top)
    if (case / "command").exists():
        if not (site.build / "conf/local.conf").exists():
            site.write("build/conf/local.conf", "")
        for name in list(os.environ):
            if name not in ("PATH", "HBAKE_UPDATE_GOLDEN", "PYTEST_CURRENT_TEST"):
                monkeypatch.delenv(name)
        text = "\n".join(_run(line, monkeypatch, capfd) for line in (case / "command").read_text().splitlines())
    else:
        with pytest.raises(HadronbakeError) as caught:
            site.open(processes=1)
        assert caught.value.diagnostics
        text = str(caught.value) + "\n"
    text = _shortened(text, str(site.top))
    # Carets and margins are as wide as the paths beside them are long: only the texts are compared.
    text = re.sub(r"pytest-of-\w+/\S+", "…", text)
    text = re.sub(r"hadronbake-error-\w+", "hadronbake-error-…", text)
    expected = case / "expected.txt"
    if os.environ.get("HBAKE_UPDATE_GOLDEN"):
        expected.write_text(text)
    assert text == expected.read_text()


def _shortened(text: str, top: str) -> str:
    """The text with ``<top>`` for the site's directory, which is as long as it likes, also above carets."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        carets = re.fullmatch(r"( *\| *)(\^+)", line)
        if carets and top in lines[number - 1]:
            above = lines[number - 1]
            start = len(above[: carets.end(1)].replace(top, "<top>"))
            end = len(above[: carets.end(2)].replace(top, "<top>"))
            lines[number] = carets[1][:start].ljust(start) + "^" * (end - start)
    return "\n".join(lines).replace(top, "<top>")


def _run(line: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    """What one command says."""
    monkeypatch.setattr(sys, "argv", ["hbake", *shlex.split(line)])
    capfd.readouterr()
    status: object = 0
    try:
        main.main()
    except SystemExit as ended:
        status = ended.code or 0
    return f"$ hbake {line}\n{capfd.readouterr().err}exit status {status}\n"


def test_there_are_cases() -> None:
    assert len(CASES) >= 30
