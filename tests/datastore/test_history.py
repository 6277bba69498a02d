"""History of variables and of inclusion (§15)."""

import io

from hadronbake.datastore.operations import assign, set_export, unset
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import Location


def tracking() -> DataStore:
    d = DataStore()
    d.enableTracking()
    return d


def test_operations_of_files() -> None:
    d = tracking()
    for line, (name, flag, operator) in enumerate(
        [
            ("V", None, "="),
            ("V", None, "?="),
            ("V", None, ":="),
            ("V", None, "+="),
            ("V", None, "=+"),
            ("V", None, ".="),
            ("V", None, "=."),
            ("V", None, "??="),
            ("V:append", None, "="),
            ("V:prepend:o", None, "="),
            ("V:remove:o", None, "="),
            ("V", "f", "="),
        ],
        1,
    ):
        assign(d, name, flag, operator, f"v{line}", Location("a.conf", line))  # type: ignore[arg-type]
    set_export(d, "V", Location("a.conf", 13))
    unset(d, "V", "f", Location("a.conf", 14))
    unset(d, "V", None, Location("a.conf", 15))
    events = d.varhistory.variable("V")
    assert [(e["op"], e.get("flag"), e["detail"]) for e in events] == [
        ("set", None, "v1"),
        ("set?", None, "v2"),
        ("immediate", None, "v3"),
        ("append", None, "v4"),
        ("prepend", None, "v5"),
        ("postdot", None, "v6"),
        ("predot", None, "v7"),
        ("set", "_defaultval", "v8"),
        (":append", None, "v9"),
        (":prepend[o]", None, "v10"),
        (":remove[o]", None, "v11"),
        ("set", "f", "v12"),
        ("exported", "export", 1),
        ("delFlag", "f", ""),
        ("del", None, ""),
    ]
    assert [(e["variable"], e["file"], e["line"]) for e in events] == [("V", "a.conf", n) for n in range(1, 16)]


def test_operations_of_python_code() -> None:
    d = tracking()
    d.setVar("V", "x")
    d.appendVar("V", "y")
    d.renameVar("V", "W")
    (event, appended) = d.varhistory.variable("V")[:2]
    assert event["func"] == "test_operations_of_python_code"
    assert event["file"] == __file__
    assert (event["op"], event["detail"]) == ("set", "x")
    assert (appended["op"], appended["detail"]) == ("append", "y")
    assert [e["op"] for e in d.varhistory.variable("W")] == ["set", "append", "rename from V"]


def test_nothing_is_kept_without_tracking() -> None:
    d = tracking()
    d.disableTracking()
    d.setVar("V", "x")
    assert d.varhistory.variable("V") == []


def test_a_copy_has_its_own_future() -> None:
    d = tracking()
    d.setVar("V", "x", file="a", line=1)
    copy = d.createCopy()
    copy.setVar("V", "y", file="a", line=2)
    d.setVar("V", "z", file="a", line=3)
    assert d.varhistory.get_variable_lines("V", "a") == [1, 3]
    assert copy.varhistory.get_variable_lines("V", "a") == [1, 2]


def test_questions() -> None:
    d = tracking()
    d.setVar("V", "a b", file="one", line=1, parsing=True)
    d.setVar("V:append", " c", file="two", line=2)
    d.setVar("V:remove", "a", file="two", line=3)
    assert d.varhistory.get_variable_files("V") == ["one", "two", "two"]
    assert d.varhistory.get_variable_refs("V") == {"one": [1], "two": [2, 3]}
    assert d.varhistory.get_variable_items_files("V") == {"b": "one", "c": "two"}
    d.varhistory.del_var_history("V", "two", 2)
    assert d.varhistory.get_variable_lines("V", "two") == [3]
    d.varhistory.del_var_history("V")
    assert d.varhistory.variable("V") == []


def test_inclusion() -> None:
    d = DataStore()
    with d.inchistory.include("a.bb"):
        with d.inchistory.include("b.inc"):
            pass
        with d.inchistory.include("c.inc"):
            pass
    out = io.StringIO()
    d.inchistory.emit(out)
    assert out.getvalue() == "#\n# INCLUDE HISTORY:\n#\n# a.bb includes:\n#   b.inc\n#   c.inc"
