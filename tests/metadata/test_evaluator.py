"""Statements and what they do to a datastore: inclusion, classes, functions, tasks, handlers (language.md §9-§12)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from metadata_site import Site

from hadronbake.diagnostics import HadronbakeError

Values = Callable[..., dict[str, str | None]]


def test_include_searches_beside_the_file_then_bbpath(site: Site, values: Values) -> None:
    site.recipe("near.inc", 'A = "near"\n')
    site.write("core/far/far.inc", 'B = "far"\n')
    found = values("include near.inc far/far.inc missing.inc\nrequire far/far.inc\n", "A", "B")
    assert found == {"A": "near", "B": "far"}


def test_include_sets_file_and_restores_it(site: Site, values: Values) -> None:
    site.recipe("a.inc", 'IN := "${@os.path.basename(d.getVar("FILE"))}"\n')
    site.write("core/classes/c.bbclass", 'CLASS := "${@os.path.basename(d.getVar("FILE"))}"\n')
    text = 'inherit c\nrequire a.inc\nAFTER := "${@os.path.basename(d.getVar("FILE"))}"\n'
    assert values(text, "IN", "CLASS", "AFTER") == {"IN": "a.inc", "CLASS": "thing_1.0.bb", "AFTER": "thing_1.0.bb"}


def test_missing_require_names_the_places(site: Site) -> None:
    path = site.recipe("thing.bb", "\nrequire gone.inc\n")
    with pytest.raises(HadronbakeError) as caught:
        site.open()
    (found,) = caught.value.diagnostics
    assert (found.code, found.location.file, found.location.line) == ("HBD103", str(path), 2)  # type: ignore[union-attr]
    assert [note for _, note in found.notes] == [
        f"looked for {site.top}/core/recipes/gone.inc",
        f"looked for {site.top}/build/gone.inc",
        f"looked for {site.top}/core/gone.inc",
    ]


def test_a_second_inclusion_happens_and_is_said(site: Site) -> None:
    site.recipe("a.inc", 'A .= "x"\n')
    path = site.recipe("thing.bb", "include a.inc\ninclude a.inc\n")
    workspace = site.open()
    assert workspace.datastore(str(path)).getVar("A") == "xx"
    assert [item.code for item in workspace.diagnostics] == ["HBD105"]


def test_endless_inclusion_is_an_error(site: Site) -> None:
    site.recipe("a.inc", "include b.inc\n")
    site.recipe("b.inc", "include a.inc\n")
    site.recipe("thing.bb", "require a.inc\n")
    with pytest.raises(HadronbakeError, match="includes itself without end"):
        site.open()


def test_include_all_takes_every_directory_of_bbpath(site: Site, values: Values) -> None:
    site.layer("other", 6)
    site.write("core/all.inc", 'A .= "core "\n')
    site.write("other/all.inc", 'A .= "other "\n')
    assert values("include_all all.inc\ninclude_all nowhere.inc\n", "A") == {"A": "core other "}


def test_a_class_is_evaluated_once_and_its_context_first(site: Site, values: Values) -> None:
    site.write("core/classes/c.bbclass", 'A .= "general"\n')
    site.write("core/classes-recipe/c.bbclass", 'A .= "recipe"\n')
    site.write("core/classes-global/c.bbclass", 'A .= "global"\n')
    assert values("inherit c\ninherit c\ninherit ${EMPTY_HERE}\n".replace("${EMPTY_HERE}", "${@''}"), "A") == {
        "A": "recipe"
    }


def test_missing_class_has_a_suggestion(site: Site) -> None:
    site.write("core/classes/autotools.bbclass", "")
    site.recipe("thing.bb", "inherit autotool\n")
    with pytest.raises(HadronbakeError) as caught:
        site.open()
    assert caught.value.diagnostics[0].hint == "did you mean autotools?"


def test_deferred_classes_come_last_in_order(site: Site, values: Values) -> None:
    site.write("core/classes/one.bbclass", 'ORDER .= " one"\ninherit_defer three\n')
    site.write("core/classes/two.bbclass", 'ORDER .= " two"\n')
    site.write("core/classes/three.bbclass", 'ORDER .= " three"\n')
    text = 'inherit_defer ${WHICH}\ninherit_defer two\nWHICH = "one"\nORDER = "recipe"\n'
    assert values(text, "ORDER") == {"ORDER": "recipe one two three"}


def test_bb_defer_bbclasses(site: Site, values: Values) -> None:
    site.write("build/conf/local.conf", 'BB_DEFER_BBCLASSES = "late"\n')
    site.write("core/classes/late.bbclass", 'A = "class"\n')
    assert values('inherit late\nA = "recipe"\n', "A") == {"A": "class"}


def test_appends_come_after_the_recipe_in_order_of_priority(site: Site) -> None:
    site.layer("low", 1)
    site.layer("high", 9)
    path = site.recipe("thing_1.0.bb", 'A = "recipe"\n')
    site.recipe("thing_%.bbappend", 'A .= " high"\nWHERE := "${@os.path.basename(d.getVar("FILE"))}"\n', "high")
    site.recipe("thing_1.0.bbappend", 'A .= " low"\n', "low")
    d = site.open().datastore(str(path))
    assert (d.getVar("A"), d.getVar("WHERE")) == ("recipe low high", "thing_%.bbappend")
    assert d.getVar("FILE") == str(path)


def test_export_functions(site: Site) -> None:
    site.write(
        "core/classes/first.bbclass", "first_do_compile() {\n    one\n}\nEXPORT_FUNCTIONS do_compile do_install\n"
    )
    site.write(
        "core/classes/second.bbclass", "python second_do_thing() {\n    pass\n}\nEXPORT_FUNCTIONS do_thing do_compile\n"
    )
    path = site.recipe("thing.bb", "inherit first second\ndo_install() {\n    own\n}\naddtask thing\n")
    d = site.open().datastore(str(path))
    # base.bbclass defines do_compile itself: that stays.
    assert "echo compile" in d.getVar("do_compile", False)
    assert d.getVar("do_install", False) == "    own\n"
    assert "bb.build.exec_func('second_do_thing', d)" in d.getVar("do_thing", False)
    assert d.getVarFlag("do_thing", "python")


def test_the_last_exporting_class_wins(site: Site) -> None:
    for name in ("one", "two"):
        site.write(f"core/classes/{name}.bbclass", f"{name}_do_x() {{\n    {name}\n}}\nEXPORT_FUNCTIONS do_x\n")
    path = site.recipe("thing.bb", "inherit one two\naddtask x\n")
    assert site.open().datastore(str(path)).getVar("do_x", False).endswith("    two_do_x\n")


def test_tasks_accumulate_and_go(site: Site) -> None:
    text = """\
addtask one after do_fetch before do_compile
addtask one after install
addtask two before do_one
addtask ${PN}x
deltask do_install nosuch
"""
    path = site.recipe("thing.bb", text)
    workspace = site.open()
    tasks = workspace.recipes[str(path)].tasks
    assert list(tasks) == ["do_fetch", "do_compile", "do_build", "do_one", "do_two", "do_thingx"]
    assert tasks["do_one"].parents == ("do_two", "do_fetch")
    assert tasks["do_compile"].parents == ("do_one", "do_fetch")
    assert tasks["do_build"].parents == ()


def test_redefinition_clears_python_but_keeps_flags_and_appends(site: Site) -> None:
    text = """\
python do_x() {
    pass
}
do_x[dirs] = "/hb/work"
do_x:append() {
    appended
}
do_x() {
    shell
}
addtask x
"""
    path = site.recipe("thing.bb", text)
    d = site.open().datastore(str(path))
    assert d.getVar("do_x", False) == "    shell\n    appended\n"
    assert (d.getVarFlag("do_x", "python"), d.getVarFlag("do_x", "dirs")) == (None, "/hb/work")


def test_anonymous_python_runs_after_key_expansion_in_order(values: Values) -> None:
    text = """\
python () {
    d.appendVar("SEEN", " 1:" + (d.getVar("A:thing") or "none"))
}
def helper(d):
    return d.getVar("PN").upper()
A:${PN} = "expanded"
python __anonymous() {
    d.appendVar("SEEN", " 2:" + helper(d))
}
"""
    assert values(text, "SEEN") == {"SEEN": " 1:expanded 2:THING"}


def test_handlers_of_a_recipe_are_its_own(site: Site) -> None:
    handler = """\
python note_it() {
    d.setVar("NOTED", (d.getVar("NOTED") or "") + " " + bb.event.getName(e))
}
note_it[eventmask] = "bb.event.RecipePreFinalise bb.event.RecipePostKeyExpansion"
addhandler note_it
"""
    first = site.recipe("a.bb", handler)
    second = site.recipe("b.bb", "")
    workspace = site.open()
    assert workspace.datastore(str(first)).getVar("NOTED") == " RecipePreFinalise RecipePostKeyExpansion"
    assert workspace.datastore(str(second)).getVar("NOTED") is None


def test_handler_without_function_is_fatal(site: Site) -> None:
    site.recipe("a.bb", "addhandler nowhere\n")
    with pytest.raises(HadronbakeError, match="Undefined event handler function 'nowhere'"):
        site.open()


def test_addpylib_makes_a_namespace(site: Site) -> None:
    site.write("core/lib/sitelib/__init__.py", 'BBIMPORTS = ["words"]\n')
    site.write("core/lib/sitelib/words.py", 'def shout(text):\n    return text.upper() + "!"\n')
    path = site.write(
        "core/conf/layer.conf", (site.top / "core/conf/layer.conf").read_text() + "addpylib ${LAYERDIR}/lib sitelib\n"
    )
    recipe = site.recipe("a.bb", "A = \"${@sitelib.words.shout(d.getVar('PN'))}\"\n")
    workspace = site.open()
    assert path.exists()
    assert workspace.datastore(str(recipe)).getVar("A") == "A!"


def test_addfragments(site: Site) -> None:
    site.write(
        "core/conf/bitbake.conf",
        (site.top / "core/conf/bitbake.conf").read_text() + "addfragments conf/fragments FRAGS META BUILTIN\n",
    )
    site.write("core/conf/fragments/sub/one.conf", 'FROM = "one"\nDESCR = "about one"\n')
    site.write(
        "build/conf/local.conf",
        'FRAGS = "core/sub/one machine/toaster"\nMETA = "DESCR"\nBUILTIN = "machine:MACHINE_HERE"\n',
    )
    d = site.open_configuration()
    assert (d.getVar("FROM"), d.getVar("MACHINE_HERE")) == ("one", "toaster")
    assert (d.getVar("DESCR"), d.getVarFlag("DESCR", "core/sub/one")) == (None, "about one")


def test_syntax_errors_of_all_files_in_one_run(site: Site) -> None:
    site.recipe("bad.inc", "  indented\n")
    site.recipe("a.bb", "A = 1\nrequire bad.inc\n")
    site.recipe("b.bb", "require bad.inc\nB : 2\n")
    site.recipe("c.bb", "require bad.inc\ninherit nosuch\n")
    with pytest.raises(HadronbakeError) as caught:
        site.open()
    places = {
        (item.location.file.rsplit("/", 1)[1], item.location.line) for item in caught.value.diagnostics if item.location
    }
    assert places >= {("bad.inc", 1), ("a.bb", 1), ("b.bb", 2)}
