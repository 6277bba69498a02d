from __future__ import annotations

import pytest

from hadronbake.language.parser import parse_text
from hadronbake.metadata.storedstatements import pack, unpack

TEXT = """\
A = "1"
B[flag] ?= 'x'
export C:append:o =" \N{BULLET}"
unset D
include one.inc
inherit some
inherit_defer later
python do_it() {
    pass
}
def helper(d):
    return 1

EXPORT_FUNCTIONS do_it
addtask do_it after do_a before do_b
deltask do_b
addhandler do_it
"""


@pytest.mark.parametrize(
    "text", [TEXT, 'addpylib ${LAYERDIR}/lib oe\naddfragments a B C D\nA="crowded"\n', "", "A = 1\n"]
)
def test_what_is_kept_is_what_was_read(text: str) -> None:
    parsed = parse_text(
        text, "/layer/a.conf" if "addpylib" in text else "/layer/a.bb", "conf" if "addpylib" in text else "recipe"
    )
    assert unpack(pack(parsed)) == parsed


@pytest.mark.parametrize("keep", [0, 1, 20, -1])
def test_damaged(keep: int) -> None:
    data = pack(parse_text(TEXT, "/a.bb", "recipe"))
    assert unpack(data[:keep]) is None
    assert unpack(bytes([data[0], data[1]]) + b"\x00" * 40) is None


def test_every_kind_of_statement_can_be_kept() -> None:
    from hadronbake.datastore.evaluator import _ACTIONS
    from hadronbake.metadata.storedstatements import _KINDS

    assert set(_KINDS) == set(_ACTIONS)
