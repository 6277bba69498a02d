"""The hash of a text whose names all settle is the same whether it was expanded for that or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hadronbake.datastore import signatures
from hadronbake.datastore.errors import ExpansionError
from hadronbake.datastore.store import DataStore

TEXTS: dict[str, dict[str, object]] = {
    "plain": {"A": "${B} x", "B": "b"},
    "unset": {"A": "${B} ${NONE}", "B": "b"},
    "unset behind a name": {"A": "${B}", "B": "${NONE}"},
    "a name made of two values": {"A": "${B}{C}", "B": "$", "C": "c"},
    "a name that a value makes": {"A": "${B}", "B": "${@'$' + '{C}'}", "C": "c"},
    "a name in a name": {"A": "${${B}}", "B": "C", "C": "c"},
    "shell's dollar": {"A": "${B} $x", "B": "$y"},
    "python": {"A": "${B}", "B": "${@d.getVar('C')}", "C": "${D}", "D": "d"},
    "variant": {"A": "${B}", "A:o": "${C}", "B": "b", "C": "${D}", "D": "d", "OVERRIDES": "o"},
    "appended": {"A": "${B}", "A:append:o": " ${C}", "A:append:p": " ${D}", "OVERRIDES": "o"},
    "removed": {"A": "x ${B}", "A:remove": "${C}", "B": "b", "C": "x"},
    "removed from a variant": {"A": "1", "A:o": "x ${B}", "A:o:remove": "${C}", "C": "x", "OVERRIDES": "o"},
    "ignored name": {"A": "${I}", "I": "${@'$' + '{C}'}", "C": "c", "BB_BASEHASH_IGNORE_VARS": "I"},
}


def hashes(d: DataStore) -> signatures.Hashes:
    d.setVar("do_x", "${A}")
    d.setVarFlag("do_x", "vardeps", "A")
    d.setVarFlag("A", "doc", "${B}")
    return signatures.hash_tasks(d, ["do_x"])


@pytest.fixture
def expanding(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def always() -> None:
        monkeypatch.setattr(signatures, "_plain_names", lambda text: None)

    return always


@pytest.mark.parametrize("case", TEXTS)
def test_same_as_by_expansion(case: str, expanding: Callable[[], None]) -> None:
    def store() -> DataStore:
        d = DataStore()
        for name, value in TEXTS[case].items():
            d.setVar(name, value)
        return d

    plain = hashes(store())
    expanding()
    assert hashes(store()) == plain


@pytest.mark.parametrize(
    "values",
    [{"A": "${A}"}, {"A": "${B}", "B": "${C}", "C": "${B}"}, {"A": "${B}", "B": 5}, {"A": "${B}", "B": "${@1/0}"}],
)
def test_errors_are_not_lost(values: dict[str, object]) -> None:
    d = DataStore()
    for name, value in values.items():
        d.setVar(name, value)
    with pytest.raises(ExpansionError):
        hashes(d)


def test_a_long_chain_is_no_trouble() -> None:
    d = DataStore()
    d.setVar("A", "${V0}")
    for number in range(90):
        d.setVar(f"V{number}", f"${{V{number + 1}}}")
    d.setVar("V90", "end")
    assert "V90" in hashes(d).names["do_x"]
