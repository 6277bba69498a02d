"""``hbake parse``, without the reading of its command line."""

from __future__ import annotations

import time
from pathlib import Path

from hadronbake.cli.opening import build_directory, summary_of


def parse(build_dir: Path | None = None, *, as_json: bool = False, tasks: bool = False) -> None:
    """Read all metadata, with ``tasks`` the tasks of all recipes, and print how much of it there is. Raises HadronbakeError."""
    started = time.monotonic()
    found, diagnostics = summary_of(build_directory(build_dir), all_tasks=tasks)
    seconds = time.monotonic() - started
    if as_json:
        values = {name: getattr(found, name) for name in ("parsed", "cached", "masked", "targets", "skipped", "later")}
        import json

        print(json.dumps({**values, "warnings": len(diagnostics), "seconds": round(seconds, 3)}))
        return
    later = f", the tasks of {found.later} not looked at yet" if found.later else ""
    print(
        f"{found.parsed + found.cached} recipe files: {found.parsed} parsed, {found.cached} from the cache, {found.masked} masked; "
        f"{found.targets} recipes with variants, {found.skipped} skipped{later}; {len(diagnostics)} warnings; {seconds:.1f} s"
    )
