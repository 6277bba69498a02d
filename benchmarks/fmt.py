"""Formats every BitBake file below the given directories in memory: the statements must stay, a second time must change nothing.

Run: .venv/bin/python benchmarks/fmt.py DIRECTORY… Exit status 1 if a file failed.
"""

import sys
import time
from pathlib import Path

from hadronbake.authoring.formatting import format_text
from hadronbake.authoring.sources import source_files
from hadronbake.diagnostics import HadronbakeError
from hadronbake.language.parser import KINDS


def main() -> int:
    started = time.process_time()
    files = source_files(Path(item) for item in sys.argv[1:])
    changed = refused = failed = 0
    for path in files:
        text, kind = path.read_text(encoding="utf-8"), KINDS[path.suffix]
        try:
            # Raises HBC131 if the statements do not stay.
            new = format_text(text, str(path), kind)
            failed += format_text(new, str(path), kind) != new
            changed += new != text
        except HadronbakeError as error:
            broken = any(item.code == "HBC131" for item in error.diagnostics)
            failed += broken
            refused += not broken
            print(error.diagnostics[0])
    seconds = time.process_time() - started
    print(
        f"{len(files)} files: {changed} would change, {refused} have syntax errors, {failed} failed; {seconds:.1f} s CPU"
    )
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
