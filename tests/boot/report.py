"""The table of what the boot tests have shown: ``python tests/boot/report.py``. Writes build/boot-report/report.md as well."""

import json
import os
from pathlib import Path

REPORT = Path(os.environ.get("HB_TOPDIR", Path(__file__).parents[2] / "build")) / "boot-report"


def starts(directory: Path) -> str:
    """Of each start: seconds from power on (or the restart before) to the login prompt, and how much CPU QEMU used for it."""
    found = []
    for path in sorted(directory.glob("console*.times.json"), key=lambda path: (len(path.name), path.name)):
        since = used = 0.0
        for mark, seconds, cpu in json.loads(path.read_text()):
            if mark == "login":
                found.append((seconds - since, cpu - used))
                since, used = seconds, cpu
    if not found:
        return ""
    if len(found) > 6:
        ordered = sorted(found)
        half = ordered[len(ordered) // 2]
        return (
            f"{len(found)} starts, {ordered[0][0]:.0f}–{ordered[-1][0]:.0f}, half under {half[0]:.0f} ({half[1]:.0f})"
        )
    return ", ".join(f"{seconds:.0f} ({cpu:.0f})" for seconds, cpu in found)


def evidence(directory: Path) -> str:
    """Links to the console logs and screenshots of a scenario, relative to the report."""
    paths = sorted([*directory.glob("*.log"), *directory.glob("*.png")], key=lambda path: (len(path.name), path.name))
    return " ".join(f"[{path.name}]({directory.name}/{path.name})" for path in paths[:12])


def table(directory: Path) -> str:
    lines = [
        "| scenario | outcome | seconds | starts: s to login (of CPU) | load | notes | logs, screens |",
        "|---|---|---|---|---|---|---|",
    ]
    results = [json.loads(path.read_text()) for path in directory.glob("*/result.json")]
    for result in sorted(results, key=lambda item: (item["file"], item["when"])):
        name = result["scenario"].removeprefix("test_").replace("_", " ")
        logs = directory / next(
            path.parent.name for path in directory.glob("*/result.json") if json.loads(path.read_text()) == result
        )
        notes = "; ".join(f"{key}: {value}" for key, value in result["notes"].items())
        cells = [
            name,
            result["outcome"],
            f"{result['seconds']:.0f}",
            starts(logs),
            str(result["load"]),
            notes,
            evidence(logs),
        ]
        lines.append("| " + " | ".join(cell.replace("\n", " ") for cell in cells) + " |")
    passed = sum(result["outcome"] == "passed" for result in results)
    lines += [
        "",
        f"{passed} of {len(results)} scenarios passed. Console logs, screens and times: {directory}/<scenario>/",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    text = table(REPORT)
    (REPORT / "report.md").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
