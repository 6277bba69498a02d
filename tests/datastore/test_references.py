"""What Python code refers to (§16)."""

import types

import pytest

from hadronbake.datastore import references
from hadronbake.datastore.references import (
    module_functions,
    python_references,
    register_module,
    text_references,
)


@pytest.mark.parametrize(
    ("code", "names", "execs", "contains"),
    [
        ("d.getVar('A')", "A", "", {}),
        ("x.getVar('A', False)", "A", "", {}),
        ("d.appendVar('A', 'x'); d.prependVar('B', 'y')", "A B", "", {}),
        ("d.getVar('A' + 'b')", "", "", {}),
        ("d.getVar(name)", "", "", {}),
        ("d.getVarFlag('A', 'f')", "A[f]", "", {}),
        ("d.getVarFlag('A', f)", "", "", {}),
        ("d.appendVarFlag('A', 'f', 'x'); d.prependVarFlag('B', 'g', 'y')", "A[f] B[g]", "", {}),
        ("oe.utils.conditional('A', 'b', 'c', 'd', d)", "A", "", {}),
        ("d.setVar('A', 'x'); d.delVar('B'); d['C']", "", "d.setVar d.delVar", {}),
        ("bb.utils.contains('A', 'x y', 1, 2, d)", "", "", {"A": {"x y"}}),
        ("base_contains('A', 'x', 1, 2, d)", "", "", {"A": {"x"}}),
        ("bb.utils.contains_any('A', 'x y', 1, 2, d)", "", "", {"A": {"x", "y"}}),
        ("bb.utils.filter('A', 'x y', d)", "", "", {"A": {"x", "y"}}),
        ("bb.utils.filter('A', words, d)", "A", "", {}),
        ("bb.utils.contains('A', d.getVar('B'), 1, 2, d)", "A B", "", {}),
        ("d.expand('${A} ${@d.getVar(\"B\")} x')", "A B", "", {}),
        ("d.expand(d.getVar('A'))", "A", "", {}),
        ("bb.build.exec_func('do_x', d); bb.build.exec_task('do_y', d)", "", "do_x do_y", {}),
        ("os.path.join(f(a), g())", "", "os.path.join f g", {}),
        ("f().g()", "", "f", {}),
        ("map(f, x)", "", "map", {}),
        ("if True:\n    for x in y:\n        z = lambda: d.getVar('A')", "A", "", {}),
        ("    x = d.getVar('A')\n    return x\n", "A", "", {}),
        ("\n\tif x:\n\t\tf()\n", "", "f", {}),
        (" f()", "", "f", {}),
        ("", "", "", {}),
        ("d.getVar()", "", "", {}),
    ],
)
def test_python(code: str, names: str, execs: str, contains: dict[str, set[str]]) -> None:
    found = python_references(code)
    assert found.references == set(names.split())
    assert found.execs == set(execs.split())
    assert found.contains == contains


def test_what_cannot_be_tracked_is_named() -> None:
    assert python_references("d.getVar(a + 'b'); d.getVar('X')").computed == ("d.getVar(a + 'b')",)


def test_bad_code_is_an_error() -> None:
    with pytest.raises(SyntaxError):
        python_references("def x(:\n")


def test_text() -> None:
    found = text_references("${A} ${@d.getVar('B')} ${@broken(} ${b c}")
    assert found.references == {"A", "B"}


def test_modules(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "tracked_example.py").write_text(
        "from os.path import join\n"
        "def one(d):\n    return two(d) + join('a', d.getVar('A'))\n"
        "def two(d):\n    return bb.utils.contains('W', 'x', '1', '', d)\n"
        "two.bb_vardeps = {'MORE'}\n"
        "class Three:\n    def run(self, d):\n        return d.getVar('T')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import tracked_example  # type: ignore[import-not-found]

    assert isinstance(tracked_example, types.ModuleType)
    # Other tests have modules of their own in the process-wide table.
    monkeypatch.setattr(references, "_functions", {})
    monkeypatch.setattr(references, "_unread", {})
    register_module("ex.mod", tracked_example)
    functions = module_functions()
    assert set(functions) == {"ex.mod.one", "ex.mod.two", "ex.mod.Three"}
    assert functions["ex.mod.one"].found.execs == {"ex.mod.two", "posixpath.join"}
    assert functions["ex.mod.Three"].found.references == {"T"}
    assert functions["ex.mod.one"].found.references == {"A"}
    assert functions["ex.mod.two"].found.references == {"MORE"}
    assert functions["ex.mod.two"].found.contains == {"W": {"x"}}
    assert functions["ex.mod.one"].text != functions["ex.mod.two"].text
    register_module("ex.mod", tracked_example, "digest")
    assert module_functions()["ex.mod.one"].text == "digest"
