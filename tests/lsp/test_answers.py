"""Hover, definition, completion, references and findings as functions of a text and a model: no protocol, no process."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadronbake.diagnostics import Diagnostic, Location
from hadronbake.language.known import documented, variable_meaning
from hadronbake.lsp.actions import changes
from hadronbake.lsp.completion import complete
from hadronbake.lsp.context import Known
from hadronbake.lsp.cursor import Target, target_at
from hadronbake.lsp.definition import definition
from hadronbake.lsp.document import Document
from hadronbake.lsp.findings import by_file, findings, message_of, span_of
from hadronbake.lsp.hover import hover
from hadronbake.lsp.model import Event, FileView, Place, RecipeView, Snapshot, Span, Value
from hadronbake.lsp.references import references
from hadronbake.lsp.site import find_layer, find_site, site_texts
from hadronbake.lsp.symbols import outline, recipe_symbols

PATH = "/layer/recipes/thing_1.0.bb"


def at(text: str) -> tuple[Document, int, int]:
    """The document and position of ``|`` in a text."""
    before, _, after = text.partition("|")
    return Document(PATH, before + after), before.count("\n"), len(before.rpartition("\n")[2])


def target(text: str) -> tuple[str, str] | None:
    found = target_at(*at(text))
    return (found.kind, found.name) if found is not None else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('DEP|ENDS = "x"', ("variable", "DEPENDS")),
        ('|DEPENDS = "x"', ("variable", "DEPENDS")),
        ('export FO|O = "x"', ("variable", "FOO")),
        ('exp|ort FOO = "x"', ("directive", "export")),
        ('FILES:${P|N}-dev = "x"', ("variable", "PN")),
        ('FILES:${PN}-dev:app|end = "x"', ("override", "append")),
        ('FI|LES:${PN} = "x"', ("variable", "FILES")),
        ('do_x[dep|ends] = "zlib:do_build"', ("flag", "depends")),
        ('A ?|?= "x"', ("operator", "??=")),
        ("A = \"${@d.getVar('F|OO')}\"", ("variable", "FOO")),
        ("A = \"${@bb.utils.contains('DISTRO_FE|ATURES', 'x', 'y', '', d)}\"", ("variable", "DISTRO_FEATURES")),
        ('A = "some te|xt"', None),
        ('DEPENDS = "zlib \\\n    open|ssl \\\n"', ("recipe", "openssl")),
        ('RDEPENDS:${PN} = "bas|h (>= 5)"', ("recipe", "bash")),
        ('do_x[depends] = "zl|ib:do_build"', ("recipe", "zlib")),
        ('do_x[depends] = "zlib:do_bu|ild"', ("task", "do_build")),
        ('do_x[vardeps] += "FO|O"', ("variable", "FOO")),
        ('do_x[postfuncs] += "clean|_up"', ("function", "clean_up")),
        ('SRC_URI = "file://a.pa|tch;striplevel=1"', ("source", "file://a.patch")),
        ('SRC_URI = "https://x.org/a|.tar.gz"', None),
        ("inherit auto|tools pkgconfig", ("class", "autotools")),
        ("inherit autotools pkg|config", ("class", "pkgconfig")),
        ("inher|it autotools", ("directive", "inherit")),
        ('INHERIT += "rm|_work"', ("class", "rm_work")),
        ("require conf/x|.inc", ("file", "conf/x.inc")),
        ("addtask te|st after do_compile", ("task", "do_test")),
        ("addtask test af|ter do_compile", ("directive", "after")),
        ("python do_te|st() {\n}", ("function", "do_test")),
        ("do_install:app|end() {\n}", ("override", "append")),
        ("do_install() {\n    oe_run|make\n}", ("function", "oe_runmake")),
        ("do_install() {\n    echo $F|OO\n}", ("variable", "FOO")),
        ("do_install() {\n    echo ${F|OO}\n}", ("variable", "FOO")),
        ("do_install() {\n# in the body ${F|OO}\n}", ("variable", "FOO")),
        ("# a com|ment of ${FOO}", None),
        ("def he|lper(d):\n    pass", ("function", "helper")),
        ("def helper(d):\n    return oth|er(d)", ("function", "other")),
        ("python () {\n    bb.build.exec_func('do_|x', d)\n}", ("function", "do_x")),
        ("python () {\n    d.setVarFlag('A', 'b|c', '')\n}", ("flag", "bc")),
        ('do_install() {\n    x\n}\nFO|O = "1"', ("variable", "FOO")),
        ("EXPORT_FUNCTIONS do_|x", ("function", "do_x")),
        ("unset FO|O", ("variable", "FOO")),
        ("|", None),
        ("do_install() {\ncat <<E\nFOO = |\nE\n    oe_run", None),
        ('B|AD = "no end', ("variable", "BAD")),
    ],
)
def test_what_the_cursor_is_on(text: str, expected: tuple[str, str] | None) -> None:
    assert target(text) == expected


def test_the_span_of_a_target_is_its_own_text() -> None:
    assert target_at(*at('FILES:${PN}-dev:app|end = "x"')) == Target("override", "append", Span(0, 16, 0, 22), "FILES")


# -- a model ---------------------------------------------------------------------------------------------------------------

ZLIB = RecipeView(
    *("zlib", "1.3", "/layer/recipes/zlib_1.3.bb", "core", "", "Compression"),
    ("zlib",),
    ("zlib", "zlib-dev"),
    ("/other/zlib_%.bbappend",),
    ("do_build",),
    None,
)
VALUES = {
    "CFLAGS": Value(
        "CFLAGS",
        "-O2 -g",
        "${OPTIMIZATION}",
        events=(
            Event("/layer/conf/a.conf", 3, "set?", "-O1"),
            Event("/layer/conf/b.conf", 5, "set", "${OPTIMIZATION}"),
            Event("/layer/conf/c.conf", 7, "set?", "-O0"),
        ),
        flags={"export": "1"},
    ),
    "BROKEN": Value("BROKEN", None, "${@1/0}", "division by zero"),
    "do_install": Value(
        "do_install", "    tool\n", "    tool\n", None, (), {}, "shell", Location("/layer/x.bbclass", 12)
    ),
    "PN": Value("PN", "thing", "thing"),
}
VIEW = FileView(PATH, PATH, VALUES, ("class-target", "pn-thing"))
SNAPSHOT = Snapshot(
    "/build",
    True,
    (),
    ("/layer",),
    (ZLIB,),
    {"zlib": ZLIB, "zlib-dev": ZLIB},
    {"autotools": "/layer/classes/autotools.bbclass"},
)


def known(text: str) -> tuple[Known, int, int]:
    document, line, column = at(text)
    return Known(document, SNAPSHOT, VIEW), line, column


def hovered(text: str) -> str | None:
    context, line, column = known(text)
    found = target_at(context.document, line, column)
    return hover(context, found) if found is not None else None


def test_hover_shows_value_origin_and_documentation() -> None:
    assert hovered('CFL|AGS = "x"') == (
        "**CFLAGS** — Options for the C compiler.\n\n"
        '```bitbake\nCFLAGS = "-O2 -g"\n```\n\nunexpanded: `${OPTIMIZATION}`\n\n'
        "- `?=` `-O1` — [a.conf:3](file:///layer/conf/a.conf#L3)\n"
        "- `=` `${OPTIMIZATION}` — [b.conf:5](file:///layer/conf/b.conf#L5)\n"
        "- `?=` `-O0` — [c.conf:7](file:///layer/conf/c.conf#L7)\n\n"
        "- `[export]` = `1`"
    )


def test_hover_of_what_cant_be_expanded_says_why() -> None:
    assert "can't be expanded here: division by zero" in str(hovered('BRO|KEN = "x"'))


def test_hover_without_metadata_tells_what_the_text_says() -> None:
    document, line, column = at('FOO = "1"\nFOO:append = "2"\nA = "${F|OO}"')
    context = Known(document, Snapshot(""))
    found = target_at(document, line, column)
    assert found is not None
    assert hover(context, found) == (
        "**FOO**\n\nSet here:\n"
        f"- `FOO = 1` — [thing_1.0.bb:1](file://{PATH}#L1)\n- `FOO:append = 2` — [thing_1.0.bb:2](file://{PATH}#L2)"
    )


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('A ?|?= "x"', "weak default"),
        ("inh|erit x", "Reads classes"),
        ('do_x[nos|tamp] = "1"', "runs in every build"),
        ('A:rem|ove = "x"', "Takes these words out"),
        ('A:pn-th|ing = "x"', "In force: number 2 of 2"),
        ('A:pn-oth|er = "x"', "Not in force here."),
        ('A:class-nat|ive = "x"', "built for the build host"),
        ('DEPENDS = "zl|ib"', "appended by [zlib_%.bbappend](file:///other/zlib_%25.bbappend)"),
        ('RDEPENDS:${PN} = "zlib-d|ev"', "provides `zlib-dev`"),
        ("do_inst|all() {\n}", "shell function, [x.bbclass:12](file:///layer/x.bbclass#L12)"),
        ("python () {\n    bb.utils.con|tains\n}", "a hash covers only the answer"),
        ("addtask instal|l", "Puts what is to be installed"),
        ("inherit autot|ools", "**class autotools**"),
        ('PREFERRED_VERSION_z|lib = "1"', "which version is taken"),
    ],
)
def test_hover_of_everything_else(text: str, part: str) -> None:
    assert part in str(hovered(text))


def test_hover_of_the_unknown_is_nothing() -> None:
    assert hovered("inherit unhe|ard") is None
    assert hovered('A = "${NOWH|ERE}"') is None
    assert hovered("do_x() {\n    nothing_kn|own\n}") is None


def defined(text: str) -> tuple[str, int] | None:
    context, line, column = known(text)
    found = target_at(context.document, line, column)
    place = definition(context, found) if found is not None else None
    return (place.path, place.span.line + 1) if place is not None else None


def test_definition_of_a_variable_is_its_last_assignment_that_counts() -> None:
    assert defined('A = "${CFL|AGS}"') == ("/layer/conf/b.conf", 5)
    assert defined('FOO = "1"\nFOO = "2"\nA = "${FO|O}"') == (PATH, 2)
    assert defined('A = "${NOWHE|RE}"') is None


def test_definition_of_functions_classes_and_recipes() -> None:
    assert defined("addtask inst|all") == ("/layer/x.bbclass", 12)
    assert defined("do_install() {\n    :\n}\naddtask inst|all") == (PATH, 1)
    assert defined("inherit autot|ools") == ("/layer/classes/autotools.bbclass", 1)
    assert defined('DEPENDS = "zl|ib"') == ("/layer/recipes/zlib_1.3.bb", 1)
    assert defined("def helper(d):\n    pass\n\npython () {\n    hel|per(d)\n}") == (PATH, 1)


def test_definition_of_files(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.patch").touch()
    (tmp_path / "b.inc").touch()
    document = Document(str(tmp_path / "x_1.bb"), 'require b.inc\nSRC_URI = "file://a.patch;p=1"\nrequire c.inc')
    context = Known(document, SNAPSHOT)

    def place(line: int, column: int) -> Place | None:
        found = target_at(document, line, column)
        assert found is not None
        return definition(context, found)

    top = Span(0, 0, 0, 0)
    assert place(0, 10) == Place(str(tmp_path / "b.inc"), top)
    assert place(1, 20) == Place(str(tmp_path / "files" / "a.patch"), top)
    assert place(2, 10) is None


def labels(text: str) -> list[str]:
    return [item.label for item in complete(*known(text))]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ('A = "${CF|', "CFLAGS"),
        ('A = "${cf|', "CFLAGS"),
        ('A = "x \\\n   ${SUMM|', "SUMMARY"),
        ("do_x() {\n    ${CF|\n}", "CFLAGS"),
        ("do_x() {\n    do_ins|\n}", "do_install"),
        ("python () {\n    d.getVar('CF|')\n}", "CFLAGS"),
        ("python () {\n    d.getVarFlag('CFLAGS', 'exp|')\n}", "export"),
        ("python () {\n    bb.utils.con|\n}", "bb.utils.contains"),
        ("python () {\n    d.|\n}", "d.getVar"),
        ("A = \"${@bb.utils.contains('DISTRO_|", "DISTRO_FEATURES"),
        ("inherit auto|", "autotools"),
        ("inherit x auto|", "autotools"),
        ("inh|", "inherit"),
        ("SRC|", "SRC_URI"),
        ("do_comp|", "do_compile"),
        ("A:app|", "append"),
        ("A:pn|", "pn-thing"),
        ("do_x[clean|", "cleandirs"),
        ('DEPENDS = "zl|', "zlib"),
        ('DEPENDS = "a \\\n    zl|', "zlib"),
        ('RDEPENDS:${PN} = "zlib-|', "zlib-dev"),
        ('do_x[depends] = "zlib:do_pop|', "do_populate_sysroot"),
        ('do_x[vardeps] += "CF|', "CFLAGS"),
        ('SRC_URI = "fi|', "file://"),
        ("addtask x aft|", "after"),
        ("addtask x after do_comp|", "do_compile"),
        ("unset CF|", "CFLAGS"),
    ],
)
def test_completion(text: str, label: str) -> None:
    assert label in labels(text)


def test_completion_keeps_out_of_texts_and_comments() -> None:
    assert labels("# inh|") == []
    assert labels('SUMMARY = "inh|') == []
    assert labels("do_x() {\n    echo $inh|\n}") == []


def test_a_configuration_file_has_no_recipe_statements() -> None:
    document = Document("/layer/conf/a.conf", "in")
    assert {item.label for item in complete(Known(document, SNAPSHOT), 0, 2)} >= {"include"}
    assert "inherit" not in {item.label for item in complete(Known(document, SNAPSHOT), 0, 2)}


def test_references_are_uses_not_words() -> None:
    text = """\
# FOO in a comment
FOO = "FOO bar"
FOO:append = " x"
FOO[doc] = "y"
FOOD = "${FOO} ${FOO:x}"
SUMMARY = "All about FOO"
export FOO
do_x[vardeps] += "BAR FOO"
python () {
    d.getVar("FOO") or d.getVar('FOOD')
}
do_x() {
    echo $FOO $FOOD
}
"""
    found = [(place.span.line + 1, place.span.column) for place in references("FOO", [(PATH, text)])]
    assert found == [(2, 0), (3, 0), (4, 0), (5, 10), (5, 17), (7, 7), (8, 22), (10, 14), (13, 10)]


def test_references_of_a_function() -> None:
    text = 'helper() {\n    :\n}\ndo_x() {\n    helper && helper_two\n}\ndo_x[postfuncs] += "helper"\n'
    assert [place.span.line + 1 for place in references("helper", [(PATH, text)])] == [1, 5, 7]


def test_outline() -> None:
    text = 'inherit a b\nA = "1 \\\n 2"\nA[doc] = "x"\npython do_x() {\n    pass\n}\naddtask x\n'
    found = [(item.name, item.kind, item.detail, item.span.end_line) for item in outline(Document(PATH, text))]
    assert found == [
        ("a", "class", "inherit", 0),
        ("b", "class", "inherit", 0),
        ("A", "variable", "= 1 2", 2),
        ("A[doc]", "flag", "= x", 3),
        ("do_x", "function", "python", 6),
        ("do_x", "task", "addtask", 7),
    ]


def test_recipes_are_found_by_letters_in_order() -> None:
    assert [item[0] for item in recipe_symbols(SNAPSHOT, "zb")] == ["zlib 1.3"]
    assert [item[0] for item in recipe_symbols(SNAPSHOT, "ato")] == ["autotools"]
    assert recipe_symbols(SNAPSHOT, "xyz") == []


def test_findings_of_language_and_python() -> None:
    text = 'A = "1\npython do_x() {\n    if x\n        y\n}\ndef f(:\n    pass\ninherit x\n'
    found = [(item.code, item.location and item.location.line) for item in findings(Document(PATH, text))]
    assert found == [("HBL104", 1), ("HBD107", 3), ("HBD107", 6)]


def test_spans_stay_within_the_text() -> None:
    lines = ["    abc  ", ""]
    assert span_of(Diagnostic("HBL104", "x", Location(PATH, 1, 5), length=2), lines) == Span(0, 4, 0, 6)
    assert span_of(Diagnostic("HBL104", "x", Location(PATH, 1)), lines) == Span(0, 4, 0, 7)
    assert span_of(Diagnostic("HBL104", "x", Location(PATH, 9, 9)), lines) == Span(1, 0, 1, 0)
    assert span_of(Diagnostic("HBL104", "x", Location(PATH, 1, 99), length=5), lines) == Span(0, 8, 0, 9)
    assert span_of(Diagnostic("HBL104", "x"), []) == Span(0, 0, 0, 0)


def test_message_and_file_of_a_finding() -> None:
    item = Diagnostic(
        "HBL104", "wrong", Location("<memory>"), expected=("a", "b"), hint="mend it", notes=((None, "so"),)
    )
    assert message_of(item) == "wrong\nexpected: a, b\nnote: so\nhint: mend it"
    assert by_file([item], "/conf/bblayers.conf") == {"/conf/bblayers.conf": [item]}


def test_the_build_directory_of_a_file(tmp_path: Path) -> None:
    layer = tmp_path / "work" / "meta-mine"
    recipe = layer / "recipes" / "x_1.bb"
    for path in (layer / "conf/layer.conf", recipe):
        path.parent.mkdir(parents=True, exist_ok=True)
    (layer / "conf/layer.conf").write_text('BBFILE_COLLECTIONS += "mine"\nLAYERDEPENDS_mine = "theirs (>= 2) core"\n')
    other = tmp_path / "work" / "meta-theirs" / "conf" / "layer.conf"
    other.parent.mkdir(parents=True)
    other.write_text('BBFILE_COLLECTIONS += "theirs"\n')
    assert find_layer(recipe) == layer
    environ = {"HB_CACHE": str(tmp_path / "cache")}
    made = find_site(recipe, [], environ)
    assert made is not None and made.parent == tmp_path / "cache" / "lsp"
    text = (made / "conf/bblayers.conf").read_text()
    assert text == site_texts(layer)["bblayers.conf"]
    assert [Path(word).name for word in text.split() if word.startswith("/")] == [
        "hadron-core",
        "meta-theirs",
        "meta-mine",
    ]
    build = tmp_path / "build" / "conf" / "bblayers.conf"
    build.parent.mkdir(parents=True)
    build.touch()
    assert find_site(recipe, [], environ) == tmp_path / "build"
    assert find_site(tmp_path / "elsewhere" / "x.bb", [], environ) == tmp_path / "build"


def test_well_known_names_are_documented_in_sentences() -> None:
    assert len(documented("variables")) >= 120
    for kind in ("variables", "flags", "tasks", "overrides", "operators", "directives", "calls"):
        for name, text in documented(kind).items():
            assert text.endswith((".", "`")) and text[0] in "`ABCDEFGHIJKLMNOPQRSTUVWXYZ", (name, text)
    assert variable_meaning("RDEPENDS:${PN}") == documented("variables")["RDEPENDS"]
    assert variable_meaning("PREFERRED_VERSION_zlib") == documented("variables")["PREFERRED_VERSION"]
    assert variable_meaning("do_compile") == "Compiles in `B`."
    assert variable_meaning("S_OTHER") is None


def test_a_finding_with_a_likely_meaning_can_be_mended() -> None:
    document = Document(PATH, 'inherit autotoolz\nA:apend = "x"\n')
    (change,) = changes(document, 0, "HBD106", "Could not inherit\nhint: did you mean autotools?")
    assert (change.title, change.span, change.text) == (
        "Replace autotoolz by autotools",
        Span(0, 8, 0, 17),
        "autotools",
    )
    (change,) = changes(document, 1, "HBL205", "hint: did you mean ':append'?")
    assert (change.span, change.text) == (Span(1, 2, 1, 7), "append")
    assert changes(document, 1, "HBL205", "hint: did you mean 'unrelated'?") == []


def test_a_rule_of_lint_can_be_silenced_in_place() -> None:
    document = Document(PATH, 'A = "1 \\\n  2"\ndo_x() {\n    echo\n}\n')
    assert [(item.span.line, item.text) for item in changes(document, 1, "HBW101", "blanks")] == [
        (0, "# hbake: disable=HBW101  say why\n")
    ]
    assert [(item.span.line, item.text) for item in changes(document, 3, "HBW101", "blanks")] == [
        (3, "    # hbake: disable=HBW101  say why\n")
    ]


TEXT = """\
SUMMARY = "x"
inherit autotools ${@'a' if d.getVar('B') else ''}
A:append:class-native = " ${PN} \\
  ${@bb.utils.contains('CFLAGS', 'x', '', '', d)}"
do_x[depends] += "zlib:do_build"
python do_x() {
    d.getVarFlag("A", "b")
}
addtask x after do_compile
def f(d):
    return "${A}"
do_install:append() {
    oe_runmake $FOO ${B}
}
SRC_URI = "file://a;b=c https://x"
require x.inc
"""


@settings(max_examples=60)
@given(
    cut=st.integers(0, len(TEXT)),
    length=st.integers(0, 12),
    put=st.text("\"'${}@()[]:=\\\n\r \t#Aa\x00\u2028🦊", max_size=8),
    line=st.integers(0, 20),
    column=st.integers(0, 60),
)
def test_no_text_is_too_broken(cut: int, length: int, put: str, line: int, column: int) -> None:
    document = Document(PATH, TEXT[:cut] + put + TEXT[cut + length :])
    context = Known(document, SNAPSHOT, VIEW)
    found = target_at(document, line, column)
    if found is not None:
        assert found.span.line == line
        assert found.span.end_column <= len(document.line(line))
        hover(context, found)
        definition(context, found)
        list(references(found.name, [(PATH, document.text)]))
    for proposal in complete(context, line, column):
        assert proposal.span.line == line
    for item in findings(document):
        span = span_of(item, document.lines)
        assert span.end_column <= len(document.line(span.end_line))
        changes(document, span.line, item.code, message_of(item))
    for symbol in outline(document):
        assert symbol.span.end_line < len(document.lines)
