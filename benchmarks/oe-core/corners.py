"""Write down what BitBake makes of the odd corners of the language, below tests/metadata/corners (the .json files).

Run: python3 benchmarks/oe-core/corners.py BITBAKE, with a directory of BitBake's. tests/metadata/test_corners.py holds hadronbake to it.
"""

# mypy: disable-error-code="import-not-found,import-untyped,attr-defined"
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from records import PROVIDERS, Records, plain

CORNERS = Path(__file__).resolve().parent.parent.parent / "tests/metadata/corners"
# Set by the harness for every case, or the engine's own.
LEFT_OUT = frozenset({"BBINCLUDED", "BBPATH", "TOPDIR", "PN", "FILE", "FILE_LAYERNAME"})
PRIVATE = frozenset({"__BBTASKS", "__BBHANDLERS", "__SKIPPED"})


def outcome(top: Path, bb: Any, gather: Callable[[Any], object] | None = None) -> Any:
    """By variant and variable [value, raw value, flags], or what ``gather`` makes of its store; or the kind of error, as text.

    ``bb``: the package of either engine."""
    d = bb.data.init()
    if gather is not None:
        d.setVar("BB_SIGNATURE_HANDLER", "basic")
        d.setVar("BB_BASEHASH_IGNORE_VARS", "IGNORED")
        # BitBake expects that something is exported.
        d.setVarFlag("PATH", "export", "1")
    bb.parse.siggen = bb.siggen.init(d)
    for name, value in {
        "BBPATH": str(top),
        "TOPDIR": str(top),
        "__bbclasstype": "recipe",
        "PN": "t",
        "FILE_LAYERNAME": "",
    }.items():
        d.setVar(name, value)
    try:
        stores = bb.parse.handle(str(top / "t_1.0.bb"), d)
    except bb.BBHandledException:
        return "BBHandledException"
    except bb.parse.ParseError:
        return "ParseError"
    except bb.data_smart.ExpansionError:
        return "ExpansionError"
    except RecursionError:
        return "ParseError"
    except Exception:
        # BitBake's own code, or the metadata's, ends with whatever it is: an error all the same.
        return "error"
    text = json.dumps({name: (gather or values)(store) for name, store in stores.items()})
    return json.loads(text.replace(str(top), "<top>"))


def values(d: Any) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for name in sorted(d.keys()):
        if name in LEFT_OUT or (name.startswith("__") and name not in PRIVATE):
            continue
        sides: list[object] = []
        for expand in (True, False):
            try:
                sides.append(plain(d.getVar(name, expand)))
            except Exception as error:
                sides.append(f"<{type(error).__name__}>")
        flags = d.getVarFlags(name) or {}
        sides.append(
            {key: plain(value) for key, value in sorted(flags.items()) if value is not None and key not in PLACES}
        )
        found[name] = sides
    return found


def hashed(d: Any) -> dict[str, list[object]]:
    """BitBake's: for each task and all that it depends on [direct dependencies, hashed text]."""
    return hash_values(d.getVar("__siggen_gendeps", False) or {}, d.getVar("__siggen_varvals", False) or {})


def hash_values(needs: Mapping[str, Iterable[str]], texts: Mapping[str, object]) -> dict[str, list[object]]:
    return {name: [sorted(found), plain(texts.get(name)) or ""] for name, found in sorted(needs.items())}


PLACES = ("filename", "lineno")


def line_outcome(text: str, top: Path, bb: Any, gather: Callable[[Any], object] | None = None) -> Any:
    """Of a recipe of one file, given as a text."""
    top.mkdir(parents=True)
    (top / "t_1.0.bb").write_bytes(text.encode())
    return outcome(top, bb, gather)


def write_site(top: Path) -> Path:
    """Several layers with recipes of several versions and providers; gives the build directory."""
    for name, text in json.loads((CORNERS / "providers/site.json").read_text()).items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("<top>", str(top)))
    return top / "build"


def chosen_by_bitbake(bitbake: str, top: Path) -> Any:
    """The recipe that is taken for each build-time and run-time name of the site."""
    topdir, out = write_site(top), top / "records"
    (top / "post.conf").touch()
    script = Path(__file__).with_name("reference.py")
    environment = {"PATH": os.environ["PATH"], "HOME": str(top)}
    subprocess.run([sys.executable, script, bitbake, topdir, top / "post.conf", out, "0"], env=environment, check=True)
    return json.loads(json.dumps(Records(out).get(PROVIDERS)).replace(str(top), "<top>"))


def by_line(entries: dict[str, Any]) -> str:
    """JSON with an entry a line."""
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items()) + "\n}"


def main(bitbake: str) -> None:
    sys.path.insert(0, f"{bitbake}/lib")
    import bb
    import bb.data
    import bb.parse
    import bb.siggen

    for case in sorted(path.parent for path in CORNERS.glob("*/t_1.0.bb")):
        found = outcome(case, bb)
        if isinstance(found, dict):
            variants = ",\n".join(f"{json.dumps(name)}: {by_line(found[name])}" for name in found)
            text = f"{{{variants}}}"
        else:
            text = json.dumps(found)
        (case / "expected.json").write_text(text + "\n")
    for name, gather in (("lines.json", None), ("hashes.json", hashed)):
        lines = json.loads((CORNERS / name).read_text())
        with tempfile.TemporaryDirectory() as top:
            for number, text in enumerate(lines):
                lines[text] = line_outcome(text, Path(top, str(number)), bb, gather)
        (CORNERS / name).write_text(by_line(lines) + "\n")
    with tempfile.TemporaryDirectory() as top:
        chosen = chosen_by_bitbake(str(Path(bitbake).resolve()), Path(top).resolve())
    kinds = ",\n".join(f"{json.dumps(kind)}: {by_line(chosen[kind])}" for kind in chosen)
    (CORNERS / "providers/expected.json").write_text(f"{{{kinds}}}\n")


if __name__ == "__main__":
    main(sys.argv[1])
