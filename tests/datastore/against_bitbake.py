"""The model and our store against BitBake's: `.venv/bin/python tests/datastore/against_bitbake.py BITBAKE/lib --count 100000 --seed 1`

BITBAKE is a checkout of BitBake, which is neither part of this repository nor needed for anything else. Random steps are carried
out on all three; a case ends at its first difference. Differences are counted by which of the three is alone with its result.
`--show N` prints so many cases of each kind.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent)]
from model import Model, Refused, one_step, run  # noqa: E402

from hadronbake.diagnostics import HadronbakeError  # noqa: E402


class Difference(Exception):
    pass


def reference(library: str) -> tuple[type, tuple[type, ...]]:
    """BitBake's store with the statements as methods, and what it raises."""
    warnings.simplefilter("ignore")
    sys.path.insert(0, library)
    import bb
    import bb.build
    import bb.data
    import bb.data_smart
    import bb.parse.ast

    logging.getLogger("BitBake").setLevel(logging.CRITICAL + 10)

    class Reference(bb.data_smart.DataSmart):  # type: ignore[misc]
        def createCopy(self) -> Any:
            new = super().createCopy()
            new.__class__ = Reference
            return new

        def statement(self, name: str, flag: str | None, operator: str, value: str, export: bool) -> None:
            parts: dict[str, Any] = dict.fromkeys(
                ("exp", "ques", "colon", "append", "prepend", "postdot", "predot", "lazyques")
            )
            names = {
                "?=": "ques",
                ":=": "colon",
                "+=": "append",
                "=+": "prepend",
                ".=": "postdot",
                "=.": "predot",
                "??=": "lazyques",
            }
            parts |= {"var": name, "flag": flag, "value": value, "exp": export or None}
            if operator in names:
                parts[names[operator]] = operator
            bb.parse.ast.DataNode("a.bb", 1, parts).eval(self)

        def export(self, name: str) -> None:
            bb.parse.ast.ExportNode("a.bb", 1, name).eval(self)

        def unset(self, name: str, flag: str | None) -> None:
            node = bb.parse.ast.UnsetNode if flag is None else bb.parse.ast.UnsetFlagNode
            node("a.bb", 1, name, *(() if flag is None else (flag,))).eval(self)

        def expand_keys(self) -> None:
            bb.data.expandKeys(self)

    return Reference, (bb.data_smart.ExpansionError, bb.BBHandledException)


def ours() -> Any:
    """Our store, made after BitBake's was loaded: its ``bb`` stays the one that inline Python sees."""
    theirs = {name: module for name, module in sys.modules.items() if name == "bb" or name.startswith("bb.")}
    import test_model

    from hadronbake.datastore.context import python_context

    for name in [name for name in sys.modules if name == "bb" or name.startswith("bb.")]:
        del sys.modules[name]
    sys.modules.update(theirs)
    python_context["bb"] = theirs["bb"]
    return test_model


def understood(what: Any, results: list[Any]) -> str | None:
    """Why BitBake's result differs, where that is its own affair."""
    if what[1][1:] == ("raw",) and results[2] == "refused":
        return "an unexpanded read expands the chosen variant, to see which of its removes match"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("library")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--length", type=int, default=14)
    parser.add_argument("--show", type=int, default=2)
    options = parser.parse_args()
    theirs, errors = reference(options.library)
    own = ours()
    begun = own.begun
    alone: Counter[str] = Counter()
    known: Counter[str] = Counter()
    for number in range(options.first, options.first + options.count):
        r = random.Random(f"{options.seed}:{number}")
        steps = [one_step(r.choice) for _ in range(r.randrange(1, options.length))]
        # In BitBake what is done to a store shows in the copies made of it before, and what delVarFlags takes off a variable
        # without a value in a copy shows again: only the last copy is written to, and delVarFlags is not tried in it.
        copied = any(step[0] == "copy" for step in steps)
        steps = [step for step in steps if step[0] != "other" and not (copied and step[0] == "delVarFlags")]

        def compare(what: Any, results: list[Any], tried: list[Any] = steps) -> None:
            model, ours, bitbake = results
            if model == ours == bitbake:
                return
            if results[0] == results[1] and (reason := understood(what, results)):
                known[reason] += 1
                return
            renamed = any(step[0] in ("renameVar", "expand_keys") for step in tried)
            kind = (
                f"bitbake{' after a rename' if renamed else ''}"
                if model == ours
                else "ours"
                if model == bitbake
                else "the model"
                if ours == bitbake
                else "each"
            )
            raise Difference(kind, what, results)

        try:
            run(
                steps,
                [[begun(Model())], [begun(own.Store())], [begun(theirs())]],
                compare,
                {0: (Refused, RecursionError), 1: HadronbakeError, 2: errors},
            )
        except Difference as error:
            kind, what, results = error.args
            alone[kind] += 1
            if alone[kind] <= options.show:
                print(
                    f"case {number}: {kind} alone at {what}: model {results[0]!r}, ours {results[1]!r}, bitbake {results[2]!r}"
                )
                for step in steps:
                    print("   ", step)
        if (number + 1 - options.first) % 10_000 == 0:
            print(number + 1 - options.first, "cases,", dict(alone), flush=True)
    print(f"{options.count} cases, differences: {dict(alone)}")
    for reason, count in known.items():
        print(f"{count} reads understood: {reason}")
    return 1 if alone else 0


if __name__ == "__main__":
    sys.exit(main())
