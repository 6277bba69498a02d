"""Runs the whole matrix of faults and writes its table into docs/reliability.md: python tests/faults/run.py [PART OF A ROW'S NAME]

With an argument only the rows whose name has it are run, and nothing is written.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
import traceback
from pathlib import Path

from matrix import HERE, Figures, Row, all_rows

from hadronbake.execution.workdir import remove_tree

DOCUMENT = HERE.parents[1] / "docs/reliability.md"
BEGIN, END = "<!-- written by make faults -->", "<!-- end -->"


Result = tuple[Row, Figures | str, float]


def table(results: list[tuple[Row, Figures | str | None, float]]) -> list[str]:
    """None: not run (yet)."""
    lines = []
    group = ""
    for item, figures, seconds in results:
        if item.group != group:
            group = item.group
            lines += [
                "",
                f"### {group[0].upper()}{group[1:]}",
                "",
                "| fault | tries | outcome | s |",
                "|---|---:|---|---:|",
            ]
        if figures is None:
            lines.append(f"| {item.name} | | not in this run | |")
            continue
        if isinstance(figures, str):
            lines.append(f"| {item.name} | | **failed**: {figures} | {seconds:.0f} |")
            continue
        said = ""
        if figures.said:
            text = re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1…", re.sub(r"/\S*/faults\w*/", "…/", figures.said))
            said = "<br>says: `" + " ".join(text.split()).replace("|", "\\|").replace("`", "'") + "`"
        lines.append(f"| {item.name} | {figures.tried} | {figures.outcome}{said} | {seconds:.0f} |")
    return lines


def main() -> int:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    results: list[Result] = []
    shm = Path("/dev/shm")
    base = Path(tempfile.mkdtemp(prefix="faults", dir=shm if shm.is_dir() else None))
    try:
        for number, item in enumerate(all_rows()):
            if wanted not in item.name:
                continue
            place = base / str(number)
            place.mkdir()
            began = time.monotonic()
            try:
                outcome: Figures | str = item.function(place, item.full)
            except Exception as error:
                traceback.print_exc()
                outcome = str(error).splitlines()[0] if str(error) else type(error).__name__
            results.append((item, outcome, time.monotonic() - began))
            print(f"{item.group}: {item.name}: {outcome}", flush=True)
            remove_tree(place)
            if not wanted:
                write(results)
    finally:
        remove_tree(base)
    print(total(results))
    return 1 if any(isinstance(figures, str) for _, figures, _ in results) else 0


def total(results: list[Result]) -> str:
    failed = sum(isinstance(figures, str) for _, figures, _ in results)
    tries = sum(figures.tried for _, figures, _ in results if isinstance(figures, Figures))
    return f"{len(results)} kinds of faults, {tries} tries, {failed} kinds failed ({time.strftime('%Y-%m-%d')})."


def write(results: list[Result]) -> None:
    """The table as far as it is known: a run that was ended says what it didn't come to."""
    done = {item.name: (item, figures, seconds) for item, figures, seconds in results}
    rows: list[tuple[Row, Figures | str | None, float]] = [
        done.get(item.name, (item, None, 0.0)) for item in all_rows()
    ]
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    lines = [total(results), *table(rows)]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
