"""``hbake deps``, ``recipes``, ``layers``: who needs whom, and what there is."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hadronbake.authoring.catalogue import layer_rows, recipe_rows
from hadronbake.authoring.relations import build_time, run_time, tasks, tree
from hadronbake.cli.commands import app, register
from hadronbake.diagnostics import HadronbakeError
from hadronbake.metadata.layers import collect_files
from hadronbake.metadata.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parent.parent / "metadata"))

from metadata_site import BITBAKE_CONF, Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = Site(tmp_path_factory.mktemp("site"))
    site.layer("top", 7)
    site.write(
        "core/conf/bitbake.conf",
        BITBAKE_CONF + 'ASSUME_PROVIDED = "patch-native"\nBB_DANGLINGAPPENDS_WARNONLY = "1"\n',
    )
    site.write("core/conf/machine/box.conf", "")
    site.recipes(
        {
            "app_1.0.bb": 'DEPENDS = "virtual/lib tool"\nRDEPENDS:${PN} = "data (>= 1.0)"\ndo_compile[depends] = "tool:do_install"\n',
            "lib_1.0.bb": 'PROVIDES = "virtual/lib"\nDEPENDS = "base"\n',
            "lib_2.0.bb": 'PROVIDES = "virtual/lib"\nDEPENDS = "base"\n',
            "tool_1.0.bb": 'DEPENDS = "base patch-native gone"\n',
            "base_1.0.bb": 'BBCLASSEXTEND = "native"\n',
            "hen.bb": 'RDEPENDS:${PN} = "egg"\n',
            "egg.bb": 'RDEPENDS:${PN} = "hen"\n',
            "data_1.0.bb": 'RRECOMMENDS:${PN} = "lib nowhere"\n',
            "lonely_1.0.bb": 'python() {\n    raise bb.parse.SkipRecipe("not wanted")\n}\n',
        }
    )
    site.recipe("base_1.0.bb", "", "top")
    site.recipe("lib_%.bbappend", "", "top")
    site.recipe("never_1.0.bbappend", "", "top")
    return site


@pytest.fixture(scope="module")
def workspace(site: Site) -> Workspace:
    return site.open()


def test_build_time(workspace: Workspace) -> None:
    found = build_time(workspace).around("app", reverse=False)
    assert [(edge.source, edge.target, edge.why) for edge in found.edges] == [
        ("app", "lib", "DEPENDS: virtual/lib"),
        ("app", "tool", "DEPENDS: tool, do_compile[depends]: tool"),
        ("lib", "base", "DEPENDS: base"),
        ("tool", "base", "DEPENDS: base"),
        ("tool", "gone", "DEPENDS: gone"),
        ("tool", "patch-native", "DEPENDS: patch-native"),
    ]
    assert {node.name: (node.version, node.state) for node in found.nodes} == {
        "app": ("1.0", "recipe"),
        "lib": ("2.0", "recipe"),
        "tool": ("1.0", "recipe"),
        "base": ("1.0", "recipe"),
        "gone": (None, "missing"),
        "patch-native": (None, "assumed"),
    }
    assert list(tree(found)) == [
        "app",
        "  lib  [DEPENDS: virtual/lib]",
        "    base  [DEPENDS: base]",
        "  tool  [DEPENDS: tool, do_compile[depends]: tool]",
        "    base  [DEPENDS: base]",
        "    gone  [DEPENDS: gone]  (nobody provides it)",
        "    patch-native  [DEPENDS: patch-native]  (the build host provides it)",
    ]


def test_backwards(workspace: Workspace) -> None:
    found = build_time(workspace).around("base", reverse=True)
    assert list(tree(found)) == [
        "base",
        "  lib  [DEPENDS: base]",
        "    app  [DEPENDS: virtual/lib]",
        "  tool  [DEPENDS: base]",
        "    app  [DEPENDS: tool, do_compile[depends]: tool]",
    ]


def test_run_time(workspace: Workspace) -> None:
    found = run_time(workspace).around("app", reverse=False)
    assert [(edge.source, edge.target, edge.why) for edge in found.edges] == [
        ("app", "data", "RDEPENDS:app: data"),
        ("data", "lib", "RRECOMMENDS:data: lib"),
    ]


def test_the_shortest_way(workspace: Workspace) -> None:
    way = build_time(workspace).way("app", "base")
    assert [edge.target for edge in way.edges] == ["lib", "base"]
    assert build_time(workspace).way("base", "app").edges == ()


def test_a_circle_at_run_time_is_shown_and_ends(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.recipes({"a.bb": 'RDEPENDS:${PN} = "b"\n', "b.bb": 'RDEPENDS:${PN} = "a"\n'})
    found = run_time(site.open()).around("a", reverse=False)
    assert list(tree(found)) == [
        "a",
        "  b  [RDEPENDS:b: a]".replace(":b: a", ":a: b"),
        "    a  [RDEPENDS:b: a]  (above)",
    ]


def test_tasks(workspace: Workspace) -> None:
    found = tasks(workspace, ["lib:do_install"]).around("lib:do_install", reverse=False)
    assert [(edge.source, edge.target, edge.why) for edge in found.edges] == [
        ("lib:do_install", "lib:do_compile", "comes first"),
        ("lib:do_compile", "lib:do_fetch", "comes first"),
    ]
    with pytest.raises(HadronbakeError):
        tasks(workspace, ["lib:do_instal"])


def test_rows_of_recipes(workspace: Workspace) -> None:
    rows = {(row.name, row.version, row.layer): row for row in recipe_rows(workspace)}
    assert rows["lib", "2.0", "core"].chosen and not rows["lib", "1.0", "core"].chosen
    assert rows["base", "1.0", "top"].chosen and not rows["base", "1.0", "core"].chosen
    assert [Path(path).name for path in rows["lib", "2.0", "core"].appends] == ["lib_%.bbappend"]
    assert rows["lonely", "1.0", "core"].skipped == "not wanted"
    assert rows["base-native", "1.0", "core"].kind == "native"
    assert rows["lib", "1.0", "core"].provides == ("lib", "virtual/lib")


def test_rows_of_layers(site: Site, workspace: Workspace) -> None:
    d = workspace.configuration
    top, core = layer_rows(workspace.layers, collect_files(d, workspace.layers), d)
    assert (top.name, top.priority, top.directory) == ("top", 7, str(site.top / "top"))
    assert top.recipes == ("base_1.0",)
    recipes = site.top / "core/recipes"
    assert [(Path(row.file).name, row.recipes) for row in top.appends] == [
        ("lib_%.bbappend", (f"{recipes}/lib_1.0.bb", f"{recipes}/lib_2.0.bb")),
        ("never_1.0.bbappend", ()),
    ]
    assert [(row.name, row.file, row.hidden) for row in top.overlays] == [
        ("base", f"{site.top}/top/recipes/base_1.0.bb", (f"{recipes}/base_1.0.bb",))
    ]
    assert (core.classes, core.machines, core.distros, core.appends) == (("base", "native"), ("box",), (), ())


# The commands


def run(site: Site, *arguments: str) -> tuple[int, str]:
    if not app.registered_commands:
        register()
    result = CliRunner().invoke(app, [*arguments, "-B", str(site.build)])
    if isinstance(result.exception, HadronbakeError):
        raise result.exception
    return result.exit_code, result.stdout


def test_deps_by_a_name_that_is_provided(site: Site) -> None:
    assert run(site, "deps", "virtual/lib") == (0, "lib\n  base  [DEPENDS: base]\n")
    assert run(site, "deps", "data", "--run-time") == (0, "data\n  lib  [RRECOMMENDS:data: lib]\n")


def test_deps_of_tasks(site: Site) -> None:
    assert run(site, "deps", "lib:do_compile") == (0, "lib:do_compile\n  lib:do_fetch  [comes first]\n")
    status, text = run(site, "deps", "lib", "--tasks", "--why", "lib:do_fetch")
    assert (status, text) == (
        0,
        "lib:do_build\n  lib:do_install  [comes first]\n    lib:do_compile  [comes first]\n      lib:do_fetch  [comes first]\n",
    )


def test_deps_why(site: Site) -> None:
    assert run(site, "deps", "app", "--why", "base") == (
        0,
        "app\n  lib  [DEPENDS: virtual/lib]\n    base  [DEPENDS: base]\n",
    )
    assert run(site, "deps", "base", "--why", "app") == (1, "base does not need app (build-time)\n")
    way = json.loads(run(site, "deps", "app", "--why", "lib", "--json")[1])
    assert way == {
        "target": "app",
        "to": "lib",
        "relation": "build-time",
        "edges": [{"source": "app", "target": "lib", "why": "DEPENDS: virtual/lib"}],
    }


def test_deps_as_dot_and_json(site: Site) -> None:
    assert run(site, "deps", "lib", "--dot")[1] == (
        'digraph "lib" {\n    node [shape=box];\n    "lib";\n    "base";\n    "lib" -> "base";\n}\n'
    )
    found = json.loads(run(site, "deps", "lib", "--json")[1])
    assert (found["target"], found["relation"], found["reverse"]) == ("lib", "build-time", False)
    assert found["nodes"][1] == {
        "name": "base",
        "version": "1.0",
        "file": f"{site.top}/top/recipes/base_1.0.bb",
        "state": "recipe",
    }


def test_deps_of_nothing(site: Site) -> None:
    with pytest.raises(HadronbakeError) as caught:
        run(site, "deps", "apps")
    assert caught.value.diagnostics[0].hint is not None and "app" in caught.value.diagnostics[0].hint


def test_recipes(site: Site) -> None:
    text = run(site, "recipes")[1]
    assert "lib                          2.0 *                core  +1 append\n" in text
    assert "lonely                       1.0                  core  (skipped: not wanted)\n" in text
    rows = json.loads(run(site, "recipes", "--json")[1])
    assert set(rows[0]) == {
        "name",
        "version",
        "kind",
        "variant",
        "layer",
        "file",
        "appends",
        "provides",
        "chosen",
        "skipped",
    }


def test_layers(site: Site) -> None:
    assert run(site, "layers")[1] == (
        "top (priority 7): 1 recipes, 2 appends, 0 classes\n"
        f"    {site.top}/top\n"
        "    lib_%.bbappend changes lib_1.0.bb, lib_2.0.bb\n"
        "    never_1.0.bbappend changes nothing: there is no recipe for it\n"
        f"    base_1.0.bb takes the place of {site.top}/core/recipes/base_1.0.bb\n"
        "core (priority 5): 9 recipes, 0 appends, 2 classes, machines box\n"
        f"    {site.top}/core\n"
    )
    rows = json.loads(run(site, "layers", "--json")[1])
    assert [row["name"] for row in rows] == ["top", "core"]
