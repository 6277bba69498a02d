"""The report of the boot tests: for each scenario a directory with console logs and times; ``report.py`` makes the table."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from server import Server
from slots import SlotMachines
from trusted import BOOT_SECONDS, KEYS, REPORT, Machines, SoftwareTpm, image, made_once, place

from hadronbake.images import qemu


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    result = yield
    if call.when == "call" or (call.when == "setup" and result.failed):
        target = place(item.name)
        target.mkdir(parents=True, exist_ok=True)
        said = {
            "scenario": item.name,
            "file": Path(item.path).name,
            "about": (getattr(item.obj, "__doc__", None) or "").strip().split("\n")[0],
            "outcome": result.outcome,
            "seconds": round(call.duration, 1),
            "load": round(os.getloadavg()[0], 1),
            "when": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
            "error": str(call.excinfo.value)[-2000:] if call.excinfo else "",
            "notes": item.stash.get(NOTES, {}),
        }
        (target / "result.json").write_text(json.dumps(said, indent=1) + "\n")
    return result


M = TypeVar("M", bound=Machines)
NOTES = pytest.StashKey[dict[str, str]]()


@contextlib.contextmanager
def scenario(request: pytest.FixtureRequest, scratch: Path, kind: type[M]) -> Iterator[M]:
    """The machines of a test, with an empty directory in the report; at the end all are off."""
    report = place(request.node.name)
    shutil.rmtree(report, ignore_errors=True)
    report.mkdir(parents=True)
    made = kind(scratch, report)
    request.node.stash[NOTES] = made.notes
    yield made
    made.end()
    (scratch / "disk.img").unlink(missing_ok=True)


@pytest.fixture
def notes(request: pytest.FixtureRequest) -> dict[str, str]:
    """What the report's table says of a scenario that has no machines of its own."""
    return request.node.stash.setdefault(NOTES, {})


@pytest.fixture
def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machines]:
    with scenario(request, tmp_path, Machines) as made:
        yield made


@pytest.fixture
def slots(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SlotMachines]:
    with scenario(request, tmp_path, SlotMachines) as made:
        yield made


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "served").mkdir()
    server = Server(tmp_path / "served")
    yield server
    server.server.shutdown()


@pytest.fixture
def tpm(tmp_path: Path) -> Iterator[Path]:
    """The control socket of a new TPM."""
    with SoftwareTpm(tmp_path / "tpm") as control:
        yield control


@pytest.fixture(scope="session")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware's variables, with the keys in them. The machine that enrols them is started once for a set of keys."""
    text = b"".join((KEYS / f"{name}.auth").read_bytes() for name in ("PK", "KEK", "db"))
    text += (qemu.OVMF / "OVMF_VARS_4M.fd").read_bytes()

    def make() -> Path:
        scratch = tmp_path_factory.mktemp("enrolment")
        made = Machines(scratch, place("enrolment"))
        subprocess.run(["cp", "--sparse=always", image(".img"), scratch / "disk.img"], check=True)
        try:
            guest = made.boot(scratch / "disk.img", None)
            # Of the start after the one that enrols.
            guest.wait_console(r"Linux version", BOOT_SECONDS)
        finally:
            made.end()
        return scratch / "variables.fd"

    return made_once(REPORT / f".enrolled-{hashlib.sha256(text).hexdigest()[:16]}.fd", make)
