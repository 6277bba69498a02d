"""``hbake lsp``: the language server, for editors to start."""

from __future__ import annotations

from typing import Annotated

import typer

from hadronbake.diagnostics import HadronbakeError


def lsp(
    stdio: Annotated[
        bool, typer.Option("--stdio", help="Speak on standard input and output, as it does anyway.")
    ] = True,
) -> None:
    """Serve an editor over the Language Server Protocol, on standard input and output."""
    try:
        from hadronbake.lsp.server import main
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise HadronbakeError.of(
            "HBC191", f"the language server needs the Python package {error.name}", hint="pip install 'hadronbake[lsp]'"
        ) from None
    main()


def register(app: typer.Typer) -> None:
    app.command("lsp")(lsp)
