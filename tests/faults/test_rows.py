"""A fast subset of the matrix of faults; `make faults` makes all of it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from matrix import Row, all_rows


def rows() -> list[object]:
    return [
        pytest.param(item, id=item.name, marks=[getattr(pytest.mark, item.needs)] if item.needs else [])
        for item in all_rows()
        if item.quick
    ]


@pytest.mark.parametrize("item", rows())
def test_row(item: Row, tmp_path: Path) -> None:
    figures = item.function(tmp_path, item.quick)
    assert figures.tried
    assert figures.outcome
