"""Names of owners → numbers, by the ``/etc/passwd`` and ``/etc/group`` of the finished root filesystem."""

from __future__ import annotations

import json
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError


def numbers(path: Path) -> dict[str, int]:
    """The ids in a passwd or group file (passwd(5), group(5))."""
    if not path.exists():
        return {"root": 0}
    rows = (line.split(":") for line in path.read_text().splitlines() if line.count(":") >= 2)
    return {row[0]: int(row[2]) for row in rows}


def read(root: Path, manifest: Path) -> dict[str, tuple[int, int]]:
    """path (``/…``) → uid and gid, for every path that isn't root's. Raises HadronbakeError for an unknown name."""
    users, groups = numbers(root / "etc/passwd"), numbers(root / "etc/group")
    result: dict[str, tuple[int, int]] = {}
    problems = []
    for item in json.loads(manifest.read_text())["owners"]:
        for kind, name, known in (("user", item["user"], users), ("group", item["group"], groups)):
            if name not in known:
                problems.append(
                    Diagnostic(
                        "HBI108",
                        f"{item['path']} belongs to the {kind} '{name}', which the image doesn't have",
                        hint="ship a sysusers.d file",
                    )
                )
        if not problems and (item["user"], item["group"]) != ("root", "root"):
            result[item["path"]] = (users[item["user"]], groups[item["group"]])
    if problems:
        raise HadronbakeError(*problems)
    return result
