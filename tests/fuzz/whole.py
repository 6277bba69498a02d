"""Whole recipes and whole configurations, changed: read, finalised, their tasks and hashes worked out as a build would.

What the engine says of them is an error of its own for anything in the files; an exception of its own code is a failure.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import inputs
from trial import ACTS

from hadronbake.datastore import evaluator
from hadronbake.datastore.errors import logger
from hadronbake.datastore.expressions import python_expressions
from hadronbake.diagnostics import HadronbakeError, render
from hadronbake.language.parser import parse_text
from hadronbake.language.statements import Assignment, Function, PythonDefinition
from hadronbake.metadata import parsing, variants
from hadronbake.metadata.configuration import Configuration, read_configuration
from hadronbake.metadata.foreigncode import contained
from hadronbake.metadata.layers import RecipeFile, collect_files, dangling_appends
from hadronbake.metadata.parsing import explain, parse

PROJECT = Path(__file__).parents[2]
_CONFIGURED = ("build/conf/bblayers.conf", "build/conf/local.conf", "core/conf/layer.conf", "core/conf/bitbake.conf")


def _code(text: str) -> bytes:
    """The Python of a recipe. Its shell is read, but nobody runs it."""
    found = []
    for statement in parse_text(text, "", "recipe").statements:
        match statement:
            case PythonDefinition():
                found.append(statement.text)
            case Function(python=True):
                found.append(statement.body)
            case Assignment():
                found += [statement.value[start:end] for start, end in python_expressions(statement.value)]
    return "\n".join(found).encode("utf-8", "surrogatepass")


class Recipes:
    """Changed recipes of the project's own layers, in the project's own configuration."""

    def __init__(self, directory: Path) -> None:
        self.paths = sorted((PROJECT / "layers").rglob("*.bb"))
        self.texts = [path.read_text() for path in self.paths]
        self.samples = [inputs.Sample(tuple(text.splitlines(keepends=True)), "recipe") for text in self.texts if text]
        (directory / "conf").mkdir()
        (directory / "conf/bblayers.conf").write_text(
            f'BBPATH = "${{TOPDIR}}:{PROJECT}"\nBBFILES ?= ""\nBBLAYERS = "{PROJECT}/layers/hadron-core {PROJECT}/layers/debian-sources"\n'
        )
        (directory / "conf/local.conf").write_text('MACHINE ??= "genericx86-64"\nDISTRO ??= "hadron"\n')
        with contained():
            self.configuration: Configuration = read_configuration(directory, {"PATH": "/usr/bin:/bin"})
        self.directory = directory

    def attempt(self, seed: int, number: int, last: list[Any]) -> str:
        r = random.Random(f"recipe:{seed}:{number}")
        index = r.randrange(len(self.paths))
        text = self.texts[index]
        for _ in range(r.choice((1, 1, 2, 3))):
            text = r.choice(inputs._CHANGES)(r, text, self.samples)
        data = text.encode("utf-8", "surrogatepass")
        last[:] = [data, f"-{self.paths[index].name}"]
        if ACTS.search(_code(text)):
            return "not tried"
        path = self.directory / self.paths[index].name
        path.write_bytes(data)
        evaluator._parsed.pop(str(path), None)
        entry = parse(RecipeFile(str(path), "hadron-core", 5), self.configuration, None, True)
        said = [*entry.errors, *entry.diagnostics, *(item for own in entry.refusals.values() for item in own)]
        for item in said:
            assert item.location is not None or item.notes, item
            assert "\0" not in render(item)
        return "refused" if entry.errors else "parsed"


class Configurations:
    """Changed files of a small configuration; what they lead to is read too."""

    def __init__(self, directory: Path) -> None:
        from metadata_site import Site

        self.site = Site(directory)
        self.site.recipe("a_1.0.bb", 'DEPENDS = "b"\nBBCLASSEXTEND = "native"\n')
        self.site.recipe("b_1.0.bb", "")
        self.site.write("build/conf/local.conf", 'MACHINE = "box"\nBBMASK = "x.*"\nPREFERRED_VERSION_a = "1.%"\n')
        self.texts = [(self.site.top / name).read_text() for name in _CONFIGURED]
        self.samples = [inputs.Sample(tuple(text.splitlines(keepends=True)), "conf") for text in self.texts]

    def attempt(self, seed: int, number: int, last: list[Any]) -> str:
        r = random.Random(f"configuration:{seed}:{number}")
        index = r.randrange(len(_CONFIGURED))
        text = self.texts[index]
        for _ in range(r.choice((1, 1, 2, 3))):
            text = r.choice(inputs._CHANGES)(r, text, self.samples)
        data = text.encode("utf-8", "surrogatepass")
        path = self.site.top / _CONFIGURED[index]
        last[:] = [data, f"-{path.name}"]
        if ACTS.search(re.sub(rb"os\.path\.|bb\.parse\.vars_from_file", b"", data)):
            return "not tried"
        path.write_bytes(data)
        evaluator._parsed.clear()
        evaluator.warnings.clear()
        outcome = "read"
        with contained(), parsing.Messages():
            try:
                base = read_configuration(self.site.build, self.site.environ)
                found = collect_files(base.d, base.layers)
                dangling_appends(found, base.d)
                for file in found.recipes:
                    entry = parse(file, base, None, True)
                    outcome = "read, a recipe refused" if entry.errors else outcome
            except HadronbakeError as error:
                outcome = "refused"
                for item in explain(error, str(path)):
                    assert item.location is not None
                    render(item)
            except Exception as error:
                explain(error, str(path))
                outcome = "refused"
            finally:
                path.write_text(self.texts[index])
        return outcome


@contextmanager
def whole(kind: str) -> Iterator[Callable[[int, int, list[Any]], str]]:
    """``attempt(seed, number, last)`` for "recipes" or "configurations", in a directory that is gone afterwards. It leaves the
    input and its name in ``last``."""
    failed = variants.python_failure

    def own_failure(error: BaseException, what: str, *place: Any) -> Any:
        steps = variants.metadata_steps(error)
        # Python of the metadata may fail; code of the engine, called by nobody's Python, may not.
        assert steps or what != "parsing", f"{what}: {type(error).__name__}: {error}"
        return failed(error, what, *place)

    parsing.python_failure = own_failure
    logger.disabled = True
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        try:
            maker: Recipes | Configurations = (Recipes if kind == "recipes" else Configurations)(Path(directory))
            yield maker.attempt
        finally:
            parsing.python_failure = failed
            logger.disabled = False
