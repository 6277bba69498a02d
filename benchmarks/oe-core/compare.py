"""Parse OE-core with BitBake and with hadronbake and print what differs. See README.md."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from causes import CAUSES, cause_of
from differences import Difference, ignored_by, of_files, of_providers, of_targets
from records import CONFIGURATION, PROVIDERS, File, Records
from workplace import BITBAKE, OE_CORE, prepare

LONGEST = 300


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scratch", type=Path, required=True, help="directory for sources, build directory and records"
    )
    parser.add_argument("--bitbake", default=BITBAKE, help="git URL or directory of BitBake (default: %(default)s)")
    parser.add_argument("--oe-core", default=OE_CORE, help="git URL or directory of OE-core (default: %(default)s)")
    parser.add_argument("--layer", action="append", default=[], help="directory of a further layer; may be repeated")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="only N recipe files, spread evenly")
    parser.add_argument(
        "--reuse", action="store_true", help="take BitBake's records of an earlier run, if there are any"
    )
    parser.add_argument("--user", help="whom both sides run as when we are root (default: nobody)")
    parser.add_argument("--python", help="an interpreter which that user can run (default for root: /usr/bin/python3)")
    parser.add_argument("--show", type=int, default=40, metavar="N", help="how many unexplained differences to print")
    return parser.parse_args()


def main() -> int:
    """1 if there are unexplained differences."""
    wanted = options()
    place = prepare(wanted.scratch, wanted.bitbake, wanted.oe_core, wanted.layer, wanted.user, wanted.python)
    left, right = place.scratch / "bitbake.records", place.scratch / "hadronbake.records"
    seconds = {}
    if not (wanted.reuse and left.exists()):
        left.unlink(missing_ok=True)
        seconds["BitBake"] = place.run(
            "reference.py", str(place.bitbake), str(place.topdir), str(place.postfile), str(left), str(wanted.sample)
        )
    right.unlink(missing_ok=True)
    seconds["hadronbake"] = place.run(
        "engine.py", str(place.topdir), str(place.postfile), str(right), str(wanted.sample)
    )
    for side, time in seconds.items():
        print(f"\n{side}: {time:.0f} s of CPU to parse and to write the records", end="")
    print()
    return report(Records(left), Records(right), wanted.show)


def report(left: Records, right: Records, show: int) -> int:
    """Print the counts and the unexplained differences."""
    count: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    unexplained: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], Difference] = {}
    for item in differences(left, right, count):
        cause = cause_of(item)
        if cause is not None:
            causes[cause.name] += 1
            continue
        key = (item.kind, item.name)
        unexplained[key] += 1
        example.setdefault(key, item)
    for name, number in count.items():
        print(f"{name}: {number:,}")
    print(f"\ndifferences with a documented cause: {causes.total():,}")
    for entry in CAUSES:
        print(f"  {causes[entry.name]:>8,}  {entry.name}: {entry.reason}")
    print(f"\nunexplained differences: {unexplained.total():,} in {len(unexplained):,} names")
    for key, number in unexplained.most_common(show):
        item = example[key]
        print(f"\n{item.kind} {item.name} ({number} times), first in {item.variant or 'target'} of {item.file}")
        one, other = _window(repr(item.left), repr(item.right))
        print(f"  BitBake:    {one}\n  hadronbake: {other}")
    return 1 if unexplained else 0


def _window(left: str, right: str) -> tuple[str, str]:
    """The parts of two texts around the place where they begin to differ."""
    same = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    start = max(0, same - 60)
    return left[start : start + LONGEST], right[start : start + LONGEST]


def differences(left: Records, right: Records, count: Counter[str]) -> Iterator[Difference]:
    """All differences; what was compared is counted in ``count``."""
    for key in ("recipe files", "targets", "skipped by BitBake", "skipped by hadronbake", "values compared"):
        count[key] = 0
    configuration = left.get(CONFIGURATION)
    ignored = ignored_by(configuration)
    yield from of_targets(CONFIGURATION, "", configuration, right.get(CONFIGURATION))
    files = [path for path in right if path not in (CONFIGURATION, PROVIDERS)]
    known = [path for path in left if path not in (CONFIGURATION, PROVIDERS)]
    whole = set(files) == set(known)
    if len(files) >= len(known) and not whole:
        yield Difference("files", "files", "", "", sorted({*known} - {*files}), sorted({*files} - {*known}))
    for path in files:
        mine, theirs = left.get(path), right.get(path)
        if mine is None:
            continue
        count["recipe files"] += 1
        for side, file in (("BitBake", mine), ("hadronbake", theirs)):
            count[f"skipped by {side}"] += sum(1 for target in file.targets.values() if target.skipped)
        count["targets"] += len(mine.targets)
        count["values compared"] += _values(mine)
        yield from of_files(path, mine, theirs, ignored)
    one, other = left.get(PROVIDERS), right.get(PROVIDERS)
    if whole and one and other:
        count["names with a provider"] = len(one["build"]) + len(one["run"])
        yield from of_providers(one, other)


def _values(file: File) -> int:
    return sum(1 + len(flags) for target in file.targets.values() for _, _, flags in target.variables.values())


if __name__ == "__main__":
    raise SystemExit(main())
