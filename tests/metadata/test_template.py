"""A new build directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from hadronbake.language.parser import parse_text
from hadronbake.metadata.template import build_directory_texts, find_build_directory, make_build_directory


def test_texts_are_read_without_a_finding() -> None:
    for name, text in build_directory_texts().items():
        assert parse_text(text, name, "conf").diagnostics == ()


def test_writing_keeps_what_is_there(tmp_path: Path) -> None:
    local = tmp_path / "conf/local.conf"
    local.parent.mkdir()
    local.write_text("mine")
    assert make_build_directory(tmp_path) == [tmp_path / "conf/bblayers.conf"]
    assert local.read_text() == "mine"
    assert make_build_directory(tmp_path) == []


@pytest.mark.parametrize("start", ["top", "top/build", "top/build/conf", "top/sub/deep"])
def test_finding_one(tmp_path: Path, start: str) -> None:
    (tmp_path / start).mkdir(parents=True)
    assert find_build_directory(tmp_path / start) is None
    make_build_directory(tmp_path / "top/build")
    assert find_build_directory(tmp_path / start) == tmp_path / "top/build"
