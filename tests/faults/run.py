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


def table(results: list[tuple[Row, Figures | str, float]]) -> list[str]:
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
    results: list[tuple[Row, Figures | str, float]] = []
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
    finally:
        remove_tree(base)
    failed = sum(isinstance(figures, str) for _, figures, _ in results)
    tries = sum(figures.tried for _, figures, _ in results if isinstance(figures, Figures))
    total = f"{len(results)} kinds of faults, {tries} tries, {failed} kinds failed ({time.strftime('%Y-%m-%d')})."
    lines = [total, *table(results)]
    if not wanted:
        text = DOCUMENT.read_text()
        before, _, rest = text.partition(BEGIN)
        after = rest.partition(END)[2]
        DOCUMENT.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{after}")
    print(total)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
