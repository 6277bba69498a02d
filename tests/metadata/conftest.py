from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from metadata_site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def values(site: Site) -> Callable[..., dict[str, str | None]]:
    """Parse one recipe of this text; the values of the named variables."""

    def read(text: str, *names: str) -> dict[str, str | None]:
        path = site.recipe("thing_1.0.bb", text)
        d = site.open().datastore(str(path))
        return {name: d.getVar(name) for name in names}

    return read
