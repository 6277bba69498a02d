"""Findings of fetching and planning at the lines of the recipe that they are about."""

from __future__ import annotations

import pytest
from metadata_site import Site

from hadronbake.diagnostics import Diagnostic, Location

SUM = "ab" * 32
RECIPE = f"""\
SUMMARY = "https://example.org/thing-1.0.tar.gz"
SRC_URI = "\\
    https://example.org/${{PN}}-${{PV}}.tar.gz \\
    file://fix.patch \\
"
SRC_URI[sha256sum] = "{SUM}"
"""


@pytest.mark.parametrize(
    ("code", "message", "line", "column", "length"),
    [
        ("HBF010", "'file://fix.patch' was not found", 4, 5, 16),
        ("HBF032", "'https://example.org/thing-1.0.tar.gz' can't be fetched", 3, 5, 38),
        ("HBF031", f"wrong checksum of 'thing.tar.gz'\n    expected {SUM}\n    computed {'cd' * 32}", 6, 23, 64),
    ],
)
def test_sources(site: Site, code: str, message: str, line: int, column: int, length: int) -> None:
    site.write("core/recipes/thing_1.0.bb", RECIPE)
    path = f"{site.top}/core/recipes/thing_1.0.bb"
    item = site.open(processes=1).at_source(path, Diagnostic(code, message))
    assert (item.location, item.length) == (Location(path, line, column), length)


def test_other_findings_stay_where_they_are(site: Site) -> None:
    site.write("core/recipes/thing_1.0.bb", RECIPE)
    workspace = site.open(processes=1)
    path = f"{site.top}/core/recipes/thing_1.0.bb"
    for item in (Diagnostic("HBF010", "x", Location("/a", 1)), Diagnostic("HBE020", "'file://fix.patch'")):
        assert workspace.at_source(path, item) is item
