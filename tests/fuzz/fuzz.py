"""Fuzzing of the parser and of evaluation: `.venv/bin/python tests/fuzz/fuzz.py --count 1000000 --seed 1 [DIRECTORY…]`

Each input is made from the seed and its number, half of them by changing pieces of the files below the directories (by default
our own layers). An input fails when anything but the engine's own errors comes out, when it takes more than a second of
processor time, or when memory runs over the limit. It is then written to `failures/` beside the current directory, and the run goes on.
`--only N` tries one input again, with its text and traceback. `--what recipes` and `--what configurations` change whole files of
our layers and of a small configuration and do with them all that a build does before its first task.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "language"), str(HERE.parent / "metadata")]

from inputs import Sample, make, samples  # noqa: E402
from trial import try_input  # noqa: E402
from whole import whole  # noqa: E402

from hadronbake.language import parser as parser_module  # noqa: E402

MEMORY = 2 << 30
"""Bytes of address space that a run may take."""


class TooSlow(BaseException):
    """A second of processor time was not enough."""


slow: list[bool] = []


def stop(number: int, frame: FrameType | None) -> None:
    slow.append(True)
    raise TooSlow


@contextmanager
def attempts(what: str, seed: int, known: list[Sample]) -> Iterator[Callable[[int], str]]:
    """A function that tries the input of a number and says what came of it; ``last`` is then that input."""
    if what == "statements":

        def attempt(number: int) -> str:
            item = make(known, seed, number)
            last[:] = [item.data, f".{item.kind}"]
            return f"{item.made}: {try_input(item.data, item.kind, item.evaluate)}"

        yield attempt
        return
    with whole(what) as one:
        yield lambda number: one(seed, number, last)


last: list[Any] = [b"", ""]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--only", type=int, help="try this input alone")
    parser.add_argument("--what", choices=("statements", "recipes", "configurations"), default="statements")
    parser.add_argument("--failures", type=Path, default=Path("failures"))
    parser.add_argument(
        "directories", nargs="*", type=Path, default=[HERE.parents[1] / "layers", HERE.parents[1] / "conf"]
    )
    options = parser.parse_args()
    # Each input is read three times and more; what is said of a wrong line comes of the line alone.
    parser_module.explain = lru_cache(1024)(parser_module.explain)
    known = samples(options.directories)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with attempts(options.what, options.seed, known) as attempt:
        if options.only is not None:
            try:
                print(attempt(options.only))
            finally:
                sys.stdout.buffer.write(b"%b\n----\n" % last[0])
            return 0
        return run(attempt, options)


def run(attempt: Callable[[int], str], options: argparse.Namespace) -> int:
    signal.signal(signal.SIGVTALRM, stop)
    outcomes: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    worst_time = worst_growth = 0.0
    slowest = largest = -1
    began = time.monotonic()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(options.first, options.first + options.count):
        before = time.process_time()
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, 1)
            outcome = attempt(number)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            if slow:
                # Somebody took it for an error of the metadata.
                raise TooSlow
        except BaseException as error:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            slow.clear()
            if isinstance(error, KeyboardInterrupt):
                break
            where = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in where if "/hadronbake/" in frame.filename] or where
            name = f"{type(error).__name__} at {Path(own[-1].filename).name}:{own[-1].lineno}"
            failures[name] += 1
            outcome = "FAILED"
            if failures[name] <= 3:
                options.failures.mkdir(exist_ok=True)
                (options.failures / f"{options.seed}-{number}{last[1]}").write_bytes(last[0])
                print(f"input {number}: {name}: {error}"[:500], flush=True)
        outcomes[outcome] += 1
        if (taken := time.process_time() - before) > worst_time:
            worst_time, slowest = taken, number
        now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # The caches fill in the first inputs of a run; that is no input's fault.
        if now > peak:
            if number > options.first + 1000 and now - peak > worst_growth:
                worst_growth, largest = now - peak, number
            peak = now
        if (number + 1 - options.first) % 10_000 == 0 or number + 1 == options.first + options.count:
            print(
                f"{number + 1 - options.first} inputs in {time.monotonic() - began:.0f} s ({time.process_time():.0f} s CPU), "
                f"failures {failures.total()}, worst time {worst_time:.3f} s (input {slowest}), "
                f"memory {peak // 1024} MB, worst growth {worst_growth / 1024:.1f} MB (input {largest})",
                flush=True,
            )
    for name, count in sorted(outcomes.items()):
        print(f"{count:9} {name}")
    for name, count in failures.most_common():
        print(f"{count:9} {name}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
