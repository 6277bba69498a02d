"""``hbake explain``: what a code of an error or a warning means. The table is that of docs/errors.md."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from hadronbake.diagnostics import HadronbakeError, closest

_ROW = re.compile(r"\| (HB[A-Z]\d{3}) \| (.*) \| (.*) \|")


def table() -> dict[str, tuple[str, str]]:
    """Code → what it means, what to do."""
    from hadronbake.metadata.configuration import PROJECT

    rows = _ROW.finditer((PROJECT / "docs/errors.md").read_text())
    return {row[1]: (row[2], row[3]) for row in rows}


def example(code: str) -> str:
    """A message with this code."""
    from hadronbake.metadata.configuration import PROJECT

    page = (PROJECT / "docs/error-examples.md").read_text()
    match = re.search(rf"^## {code}: .*\n\n```text\n(.*?)\n```$", page, re.M | re.S)
    return match[1] if match else ""


def explain(code: Annotated[str, typer.Argument(help="For example HBL104.")]) -> None:
    """Say what the code of an error or a warning means, and what to do."""
    known = table()
    wanted = code.strip("[]").upper()
    if wanted not in known:
        near = closest(wanted, known)
        raise HadronbakeError.of("HBC180", f"there is no code {code}", hint=f"did you mean {near}?" if near else None)
    meaning, remedy = known[wanted]
    print(f"{wanted}: {meaning}\n  What to do: {remedy}\n\nFor example:\n\n{example(wanted)}")


def register(app: typer.Typer) -> None:
    app.command("explain")(explain)
