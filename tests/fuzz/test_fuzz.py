"""A short run of the fuzzer, and the inputs that it found something with."""

import time
from pathlib import Path

import pytest
from inputs import make, samples
from trial import try_input

HERE = Path(__file__).parent
CASES = sorted((HERE / "cases").iterdir())
KNOWN = samples([HERE.parents[1] / "layers/hadron-core/conf", HERE.parents[1] / "layers/hadron-core/classes"])


@pytest.mark.parametrize("seed", range(4))
def test_a_short_run(seed: int) -> None:
    for number in range(700):
        item = make(KNOWN, seed, number)
        try:
            try_input(item.data, item.kind, item.evaluate)
        except BaseException as error:
            error.add_note(f"seed {seed}, input {number}: {item.data!r}")
            raise


def test_inputs_come_again() -> None:
    assert make(KNOWN, 3, 5) == make(KNOWN, 3, 5) != make(KNOWN, 3, 6)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_found_before(case: Path) -> None:
    before = time.process_time()
    try_input(case.read_bytes(), "conf" if case.suffix == ".conf" else "recipe", True)
    assert time.process_time() - before < 1
