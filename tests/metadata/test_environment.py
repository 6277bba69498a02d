"""What of the environment the metadata sees, while other threads see all of it."""

from __future__ import annotations

import os
import subprocess
import threading

import pytest

from hadronbake.datastore.embedded import register
from hadronbake.metadata.environment import OriginalEnvironment, let_through, only_environment


def test_only_this_thread_is_restricted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    seen: list[str | None] = []
    with only_environment({"HOME": "/h"}):
        assert dict(os.environ) == {"HOME": "/h"}
        os.environ["NEW"] = "1"
        assert register().process.run("echo $NEW$SECRET") == ("1\n", "")
        thread = threading.Thread(target=lambda: seen.append(os.environ.get("SECRET")))
        thread.start()
        thread.join()
        with only_environment({}):
            assert dict(os.environ) == {}
        assert os.environ.copy() == {"HOME": "/h", "NEW": "1"}
    assert seen == ["x"]
    assert os.environ["SECRET"] == "x"
    assert "NEW" not in os.environ
    assert subprocess.check_output("echo $SECRET", shell=True, text=True) == "x\n"


def test_let_through() -> None:
    environ = {"HOME": "/h", "A": "1", "B": "2", "BB_ENV_PASSTHROUGH_ADDITIONS": "A"}
    assert let_through(environ) == {"A": "1", "HOME": "/h"}
    assert let_through({**environ, "BB_ENV_PASSTHROUGH": "B"}) == {"A": "1", "B": "2"}


def test_reads_are_recorded() -> None:
    original = OriginalEnvironment({"A": "1"})
    assert (original.getVar("A"), original.getVar("B"), "C" in original) == ("1", None, False)
    assert original.take_reads() == (("A", "1"), ("B", None), ("C", None))
    assert original.take_reads() == ()
