"""A build of small recipes as a program of its own, to be killed: ``toymain.py TOPDIR``. Prints the outputs as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from toybuild import Toy, ToyTask, library, program, run

from hadronbake.reporting.lines import Lines


def toys() -> list[Toy]:
    """Several libraries whose tasks take a moment and notice whether they were begun before, and a program of them all."""
    libraries = []
    for number in range(3):
        toy = library(f"lib{number}", f"content {number}")
        tasks = dict(toy.tasks)
        # A second run in the same directory would give another content.
        tasks["do_compile"] = ToyTask('echo x >> marks; sleep 0.05; cat marks > lib.txt; echo "$CONTENT" >> lib.txt')
        libraries.append(Toy(toy.pn, tasks, settings=toy.settings))
    return [*libraries, program("prog", tuple(toy.pn for toy in libraries))]


if __name__ == "__main__":
    result = run(Path(sys.argv[1]), toys(), "prog", recorder=Lines(sys.stderr))  # type: ignore[arg-type]
    print(json.dumps(result.outputs, sort_keys=True))
    sys.exit(130 if result.interrupted else int(not result.ok))
