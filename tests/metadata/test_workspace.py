"""From a build directory to recipes: configuration, variants, models of tasks, payloads."""

from __future__ import annotations

import pytest
from metadata_site import Site

from hadronbake.datastore.embedded import events
from hadronbake.diagnostics import HadronbakeError


def test_environment_is_let_through_by_name_only(site: Site) -> None:
    site.environ = {"MACHINE": "toaster", "SECRET": "x", "MORE": "y", "BB_ENV_PASSTHROUGH_ADDITIONS": "MORE"}
    d = site.open_configuration()
    assert [d.getVar(name) for name in ("MACHINE", "MORE", "SECRET")] == ["toaster", "y", None]
    site.environ["BB_ENV_PASSTHROUGH"] = "SECRET"
    d = site.open_configuration()
    assert [d.getVar(name) for name in ("MACHINE", "MORE", "SECRET")] == ["box", "y", "x"]


def test_python_of_the_metadata_sees_only_that_environment(site: Site) -> None:
    site.environ = {"SECRET": "x", "HOME": "/home/me"}
    site.write("build/conf/local.conf", 'SEEN := "${@sorted(os.environ)}"\n')
    assert site.open_configuration().getVar("SEEN") == "['HOME']"


def test_layerdir_is_replaced_layer_by_layer(site: Site) -> None:
    text = (site.top / "core/conf/layer.conf").read_text()
    site.write("core/conf/layer.conf", text + 'WHERE = "${LAYERDIR}/x"\n')
    site.layer("other", 1)
    site.write("core/conf/layer.conf", text + 'WHERE = "${LAYERDIR}/x"\n')
    d = site.open_configuration()
    assert d.getVar("WHERE", False) == f"{site.top}/core/x"
    assert d.getVar("LAYERDIR") is None


def test_bbfiles_dynamic_bbmask_and_priorities(site: Site) -> None:
    site.layer("other", 8)
    text = (site.top / "other/conf/layer.conf").read_text()
    dynamic = 'BBFILES_DYNAMIC += "core:${LAYERDIR}/with/*.bb nothere:${LAYERDIR}/never/*.bb !nothere:${LAYERDIR}/without/*.bb"\n'
    site.write("other/conf/layer.conf", text + dynamic)
    for name in ("with/a.bb", "never/b.bb", "without/c.bb", "recipes/masked.bb"):
        site.write(f"other/{name}", "")
    site.write("build/conf/local.conf", 'BBMASK = "/recipes/mask ["\n')
    workspace = site.open()
    assert {(recipe.pn, recipe.layer, recipe.layer_priority) for recipe in workspace.recipes.values()} == {
        ("a", "other", 8),
        ("c", "other", 8),
    }
    assert workspace.statistics.masked == 1
    assert [item.code for item in workspace.diagnostics] == ["HBM017"]


def test_dangling_append(site: Site) -> None:
    site.recipe("thing_1.0.bb")
    site.recipe("thing_2.%.bbappend")
    with pytest.raises(HadronbakeError) as caught:
        site.open()
    assert caught.value.diagnostics[0].code == "HBM018"
    assert "thing_2.%.bbappend" in str(caught.value)
    site.write("build/conf/local.conf", 'BB_DANGLINGAPPENDS_WARNONLY = "1"\n')
    assert [item.code for item in site.open().diagnostics] == ["HBM018"]


def test_variants_are_isolated(site: Site) -> None:
    text = """\
BBCLASSEXTEND = "native special:arg"
A = "both"
python () {
    d.setVar("A", d.getVar("A") + "-" + d.getVar("PN"))
    d.setVarFlag("do_compile", "seen", d.getVar("BBEXTENDVARIANT") or "")
}
A:class-native = "native"
"""
    site.write("core/classes/special.bbclass", 'PN = "${BPN}-${BBEXTENDVARIANT}"\nBPN = "thing"\n')
    path = str(site.recipe("thing_1.0.bb", text))
    workspace = site.open()
    assert {key: (recipe.variant, recipe.pn, recipe.kind) for key, recipe in workspace.recipes.items()} == {
        path: ("", "thing", "target"),
        f"virtual:native:{path}": ("native", "thing-native", "native"),
        f"virtual:special:arg:{path}": ("special:arg", "thing-arg", "target"),
    }
    values = {key: workspace.datastore(key).getVar("A") for key in workspace.recipes}
    assert values == {
        path: "both-thing",
        f"virtual:native:{path}": "native-thing-native",
        f"virtual:special:arg:{path}": "both-thing-arg",
    }


def test_skipped_base_leaves_its_variants(site: Site) -> None:
    text = """\
BBCLASSEXTEND = "native"
python () {
    if d.getVar("PN") == "thing":
        raise bb.parse.SkipRecipe("not for the target")
}
"""
    path = str(site.recipe("thing.bb", text))
    workspace = site.open()
    assert workspace.recipes[path].skipped == "not for the target"
    assert workspace.recipes[f"virtual:native:{path}"].skipped is None
    with pytest.raises(HadronbakeError, match=r"nothing provides thing \(needed by x\)"):
        workspace.providers.resolve("thing", "x")


def test_flags_become_the_model_of_a_task(site: Site) -> None:
    site.recipe("files/local.patch", "patch")
    site.recipe("files/tree/deep", "deep")
    site.recipe("checked", "content")
    text = """\
DEPENDS = "zlib (>= 1.2) other"
RDEPENDS:${PN} = "run (>= 1)"
RPROVIDES:${PN} = "so(x)"
SRC_URI = "https://example.org/x.tar file://local.patch file://tree;subdir=x file://gone"
do_compile[depends] = "zlib:do_populate_sysroot"
do_compile[sysroot-depends] = "${DEPENDS}"
do_compile[file-checksums] = "${FILE_DIRNAME}/./checked:True ${FILE_DIRNAME}/none:False"
do_compile[network] = "1"
do_compile[nostamp] = "1"
do_install[sstate-outputdirs] = "${TOPDIR}/deploy/images"
"""
    path = str(site.recipe("thing_2.bb", text))
    recipe = site.open().recipes[path]
    assert (recipe.pn, recipe.pv, recipe.depends, recipe.provides) == ("thing", "2", ("zlib", "other"), ("thing",))
    assert (recipe.rdepends, recipe.rprovides) == ({"thing": ("run",)}, {"thing": ("so(x)",)})
    compile_, install, fetch = (recipe.tasks[f"do_{name}"] for name in ("compile", "install", "fetch"))
    assert compile_.depends == (("zlib", "do_populate_sysroot"),)
    assert (compile_.network, compile_.nostamp, compile_.noexec, recipe.tasks["do_build"].noexec) == (
        True,
        True,
        False,
        True,
    )
    assert [(item.label, item.digest is None) for item in compile_.files] == [("checked", False)]
    assert (install.outputs, install.deploy) == (("image",), "deploy/images")
    assert fetch.builtin == "fetch"
    assert [(item.label, item.digest is None) for item in fetch.files] == [
        ("gone", True),
        ("local.patch", False),
        ("tree", False),
    ]


def test_basehash_covers_what_is_read_and_nothing_else(site: Site) -> None:
    text = 'SUMMARY = "one"\nCFLAGS = "-O2"\nUNUSED = "1"\n'
    path = str(site.recipe("thing.bb", text))

    def hashes(new: str) -> dict[str, str]:
        site.recipe("thing.bb", new)
        return {name: task.basehash for name, task in site.open().recipes[path].tasks.items()}

    before = hashes(text)
    assert hashes("# a comment\n" + text.replace("one", "two").replace('UNUSED = "1"', 'UNUSED = "2"')) == before
    after = hashes(text.replace("-O2", "-O3"))
    assert {name for name in before if before[name] != after[name]} == {"do_compile"}
    inputs = site.open().inputs(path)
    assert "CFLAGS" in inputs.tasks["do_compile"]
    assert inputs.values["CFLAGS"].text == "-O3"
    assert str(inputs.values["CFLAGS"].location).startswith(f"{path}:2")


def test_host_path_in_a_hash_is_an_error_for_who_builds_it(site: Site) -> None:
    path = str(
        site.recipe(
            "thing.bb", f'BBCLASSEXTEND = "native"\nCFLAGS = "-I{site.top}/core/include"\nCFLAGS:class-native = ""\n'
        )
    )
    site.recipe("other.bb")
    for _ in ("parsed", "from the cache"):
        workspace = site.open()
        assert [(item.code, item.severity.value) for item in workspace.diagnostics] == [("HBM040", "warning")]
        assert workspace.providers.resolve("other")
        assert workspace.providers.resolve("thing-native")
        with pytest.raises(HadronbakeError) as caught:
            workspace.providers.resolve("thing")
        assert str(caught.value).replace(str(site.top), "<top>") == (
            "error[HBM040]: CFLAGS holds the host path <top>/core, and tasks depend on its value\n"
            " --> <top>/core/recipes/thing.bb:2:1\n"
            "  |\n"
            '2 | CFLAGS = "-I<top>/core/include"\n'
            "  | ^\n"
            "  = hint: name the file by FILESPATH or BBPATH, or add CFLAGS to BB_BASEHASH_IGNORE_VARS if no output depends on it"
        )
    assert path


def test_payload_has_scripts_and_the_values_python_may_read(site: Site) -> None:
    text = """\
def shout(d):
    return d.getVar("WORD").upper()
python do_python() {
    bb.plain(shout(d) + (d.getVar("MISSING") or ""))
    bb.build.exec_func("other", d)
}
python other() {
    d.getVar("FROM_OTHER")
}
do_python[prefuncs] = "before"
do_python[dirs] = "${WORKDIR}/x ${WORKDIR}/y"
do_python[vardepsexclude] = "EXCLUDED"
do_python[cleandirs] = "${WORKDIR}/clean"
before() {
    echo ${WORD}
}
addtask python
WORD = "word"
FROM_OTHER = "${WORD}"
NOT_READ = "secret"
"""
    path = str(site.recipe("thing.bb", text))
    workspace = site.open()
    payload = workspace.payload(path, "do_python")
    assert [(item.name, item.language) for item in payload.functions] == [("before", "shell"), ("do_python", "python")]
    shell, python = payload.functions
    assert "echo word" in shell.text
    assert shell.text.endswith("before\n")
    assert (python.directories, python.clean_directories) == (("/hb/work/x", "/hb/work/y"), ("/hb/work/clean",))
    assert payload.variables["WORD"] == "word"
    assert payload.variables["FROM_OTHER"] == "word"
    assert payload.variables["MISSING"] is None
    assert "NOT_READ" not in payload.variables
    fetch = workspace.payload(path, "do_fetch")
    assert "SRC_URI" in fetch.variables
    assert "SRC_URI" in fetch.flags


def test_payload_of_an_unknown_task(site: Site) -> None:
    path = str(site.recipe("thing.bb"))
    with pytest.raises(HadronbakeError) as caught:
        site.open().payload(path, "do_compil")
    assert caught.value.diagnostics[0].hint == "did you mean do_compile?"


def test_exec_func_in_a_script_runs_the_named_functions(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    text = """\
python do_python() {
    bb.build.exec_func("other", d)
    bb.build.exec_func("shell", d)
}
python other() {
    print("python", d.getVar("WORD"))
}
shell() {
    echo shell ${WORD}
}
WORD = "word"
addtask python
"""
    path = str(site.recipe("thing.bb", text))
    payload = site.open().payload(path, "do_python")
    import bb  # type: ignore[import-not-found]

    class Data:
        def getVar(self, name: str) -> str | None:
            return payload.variables[name]

    exec(payload.functions[0].text, {"bb": bb, "d": Data()})
    assert capfd.readouterr().out == "python word\nshell word\n"


def test_events_of_finalisation_in_order(site: Site) -> None:
    seen: list[str] = []
    listener = lambda event: seen.append(events.getName(event))  # noqa: E731
    events.listen(listener)
    try:
        site.recipe("thing.bb")
        site.open(processes=1)
    finally:
        events._listeners.remove(listener)
    assert seen == [
        "ConfigParsed",
        "RecipePreDeferredInherits",
        "RecipePreFinalise",
        "RecipePostKeyExpansion",
        "RecipeTaskPreProcess",
        "RecipeParsed",
    ]


def test_virtual_providers_are_mapped(site: Site) -> None:
    site.write(
        "build/conf/local.conf", 'BB_RECIPE_VIRTUAL_PROVIDERS = "virtual/cc"\nPREFERRED_PROVIDER_virtual/cc = "gcc"\n'
    )
    path = str(site.recipe("thing.bb", 'DEPENDS = "a virtual/cc"\ndo_compile[depends] = "virtual/cc:do_install"\n'))
    recipe = site.open().recipes[path]
    assert recipe.depends == ("a", "gcc")
    assert recipe.tasks["do_compile"].depends == (("gcc", "do_install"),)


def test_history_of_a_variable(site: Site) -> None:
    site.write("build/conf/local.conf", 'A = "conf"\n')
    path = str(site.recipe("thing.bb", 'A:append = " recipe"\n'))
    d = site.open().datastore(path, history=True)
    assert [(event["op"], event["line"]) for event in d.varhistory.variable("A")] == [("set", 1), (":append", 1)]


def test_bb_parse_handle_gives_the_variants(site: Site) -> None:
    import bb.parse

    path = str(site.recipe("thing_3.bb", 'BBCLASSEXTEND = "native"\n'))
    found = bb.parse.handle(path, site.open().configuration.createCopy())
    assert {name: d.getVar("PN") for name, d in found.items()} == {"": "thing", "native": "thing-native"}


def test_without_layers_the_environment_names_bbpath(site: Site) -> None:
    (site.build / "conf/bblayers.conf").unlink()
    with pytest.raises(HadronbakeError, match="is no build directory"):
        site.open()
    site.environ["BBPATH"] = f"{site.top}/core"
    text = (site.top / "core/conf/bitbake.conf").read_text()
    site.write("core/conf/bitbake.conf", text + f'BBFILES = "{site.top}/core/recipes/*.bb"\n')
    path = str(site.recipe("thing.bb"))
    assert list(site.open().recipes) == [path]


def test_a_recipe_without_packages_stands_for_a_package_of_its_name(site: Site) -> None:
    site.recipe("thing_1.bb", 'PACKAGES = ""\nRPROVIDES:${PN} = "thing-alias"\n')
    workspace = site.open()
    for name in ("thing", "thing-alias"):
        assert workspace.providers.resolve_runtime(name).endswith("/thing_1.bb")


def test_what_is_said_without_a_packages_name_is_said_of_all(site: Site) -> None:
    site.recipe("thing_1.0.bb", 'RDEPENDS = "b (>= 2)"\nRDEPENDS:thing-dev = "a"\nRPROVIDES = "thing-any"\n')
    site.recipe("tool_1.0.bb", 'inherit native\nRDEPENDS:tool = "thing"\nRRECOMMENDS = "other"\n')
    recipes = {recipe.pn: recipe for recipe in site.open().recipes.values()}
    assert recipes["thing"].rdepends == {"thing-dev": ("b", "a"), "thing": ("b",)}
    assert recipes["thing"].rprovides == {"thing-dev": ("thing-any",), "thing": ("thing-any",)}
    assert recipes["tool"].rdepends == {"tool": ("thing",)}
    assert recipes["tool"].rrecommends == {"tool": ("other",)}


def test_a_recipe_provides_its_own_name_and_names_without_their_constraints(site: Site) -> None:
    site.recipe("thing_1.0.bb", 'PROVIDES = "other (= 1) more"\nPROVIDES:remove = "thing"\n')
    (recipe,) = site.open().recipes.values()
    assert recipe.provides == ("thing", "other", "more")
