"""BBMULTICONFIG: several configurations of one build directory, each with its own recipes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from metadata_site import Site

from hadronbake.cli.commands import with_default_command
from hadronbake.cli.environment import write_environment
from hadronbake.cli.inspect import find_recipe
from hadronbake.cli.opening import build_directory
from hadronbake.diagnostics import HadronbakeError

CONF = 'require ${@"conf/multiconfig/${BB_CURRENT_MC}.conf" if d.getVar("BB_CURRENT_MC") else ""}\n'


@pytest.fixture
def several(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    conf = site.top / "core/conf/bitbake.conf"
    conf.write_text(conf.read_text() + 'BBMULTICONFIG = "small mc-2"\nCFLAGS ?= "-O2"\n' + CONF)
    site.write("build/conf/multiconfig/small.conf", 'CFLAGS = "-Os"\nMACHINE = "tiny"\nBBMASK = "/big_"\n')
    site.write("build/conf/multiconfig/mc-2.conf", 'PREFERRED_PROVIDER_virtual/thing = "big"\n')
    site.recipe("lib_1.0.bb", 'BBCLASSEXTEND = "native"\nNOTE:tiny = "small"\nNOTE ?= "no"\n')
    site.recipe("big_1.0.bb", 'PROVIDES += "virtual/thing"\ndo_install[mcdepends] = "mc:mc-2:small:lib:do_install"\n')
    return site


def test_each_configuration_has_its_recipes(several: Site) -> None:
    workspace = several.open()
    assert set(workspace.others) == {"small", "mc-2"}
    assert {recipe.pn for recipe in workspace.recipes.values()} == {"lib", "lib-native", "big"}
    # What one of them masks the others have.
    small = workspace.others["small"]
    path = f"{several.top}/core/recipes/lib_1.0.bb"
    assert set(small.recipes) == {f"mc:small:{path}", f"mc:small:virtual:native:{path}"}
    assert {recipe.mc for recipe in small.recipes.values()} == {"small"}
    assert len(workspace.everywhere()) == 3 + 2 + 3
    assert find_recipe(workspace, "lib").id == path
    assert find_recipe(workspace, "mc:small:lib").id == f"mc:small:{path}"
    assert find_recipe(workspace, "mc:mc-2:virtual/thing").pn == "big"


def test_what_is_asked_by_id_comes_from_its_configuration(several: Site) -> None:
    workspace = several.open()
    lib = f"{several.top}/core/recipes/lib_1.0.bb"
    for name, machine, flags, note in (
        (lib, "box", "-O2", "no"),
        (f"mc:small:{lib}", "tiny", "-Os", "small"),
        (f"mc:mc-2:{lib}", "box", "-O2", "no"),
    ):
        d = workspace.datastore(name)
        assert (d.getVar("MACHINE"), d.getVar("CFLAGS"), d.getVar("NOTE")) == (machine, flags, note)
        assert d.getVar("BB_CURRENT_MC") == d.getVar("__BBMULTICONFIG") == name.removesuffix(lib)[3:-1]
        assert flags in workspace.payload(name, "do_compile").functions[0].text
        assert workspace.inputs(name).values["CFLAGS"].text == flags
        assert workspace.file(name).path == lib


def test_hashes_differ_where_values_do(several: Site) -> None:
    workspace = several.open()
    hashes = {
        mc: {name: task.basehash for name, task in find_recipe(workspace, f"mc:{mc}:lib").tasks.items()}
        for mc in ("", "small", "mc-2")
    }
    assert hashes[""] == hashes["mc-2"]
    differing = {name for name, value in hashes["small"].items() if value != hashes[""][name]}
    assert differing == {"do_compile"}


def test_mcdepends_is_read(several: Site) -> None:
    workspace = several.open()
    task = find_recipe(workspace, "big").tasks["do_install"]
    assert task.mcdepends == (("mc-2", "small", "lib", "do_install"),)


def test_each_has_its_part_of_the_cache(several: Site) -> None:
    several.open().close()
    again = several.open()
    assert [own.statistics.cached for own in (again, *again.others.values())] == [2, 1, 2]
    assert again.statistics.with_others(again.others["small"].statistics).cached == 3
    several.write("build/conf/multiconfig/small.conf", 'CFLAGS = "-O1"\nBBMASK = "/big_"\n')
    changed = several.open()
    assert [own.statistics.parsed for own in (changed, *changed.others.values())] == [0, 1, 0]


def test_handlers_see_them_all(several: Site) -> None:
    several.write(
        "core/classes/base.bbclass",
        (several.top / "core/classes/base.bbclass").read_text()
        + 'addhandler seen\nseen[eventmask] = "bb.event.MultiConfigParsed"\npython seen() {\n'
        '    e.data.setVar("SEEN", " ".join(f"{mc or \'-\'}:{e.mcdata[mc].getVar(\'MACHINE\')}" for mc in e.mcdata))\n}\n',
    )
    workspace = several.open()
    assert workspace.configuration.getVar("SEEN") == "-:box small:tiny mc-2:box"


def test_history_is_that_of_the_configuration(several: Site) -> None:
    workspace = several.open()
    d = workspace.datastore(find_recipe(workspace, "mc:small:lib").id, history=True)
    assert [event["file"] for event in d.varhistory.variable("CFLAGS") if event["op"] == "set"] == [
        f"{several.top}/build/conf/multiconfig/small.conf"
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda site: (site.build / "conf/multiconfig/small.conf").unlink(), "conf/multiconfig/small.conf"),
        (
            lambda site: site.write(
                "build/conf/local.conf", 'BBMULTICONFIG:forcevariable = "2x"\nOVERRIDES:append = ":forcevariable"\n'
            ),
            "error[HBM028]: BBMULTICONFIG names 2x, which can't be the name of a configuration",
        ),
        (
            lambda site: site.recipe("bad_1.0.bb", 'do_install[mcdepends] = "mc:small:lib:do_install"\n'),
            "error[HBM048]: do_install[mcdepends] holds mc:small:lib:do_install",
        ),
        (
            lambda site: (
                site.write("build/conf/multiconfig/small.conf", 'OVERRIDES .= ":broken"\n')
                and site.recipe("lib_1.0.bb", 'X = "${@int(\'a\')}"\nPN:broken = "${X}"\n')
            ),
            "error[HBD001]: cannot expand variable X",
        ),
    ],
)
def test_what_is_wrong(several: Site, change: Callable[[Site], object], message: str) -> None:
    change(several)
    with pytest.raises(HadronbakeError) as caught:
        several.open()
    assert message in str(caught.value)


def test_no_such_configuration(several: Site) -> None:
    with pytest.raises(HadronbakeError) as caught:
        find_recipe(several.open(), "mc:smal:lib")
    assert str(caught.value) == "error[HBC111]: there is no configuration 'smal'\n  = hint: did you mean 'small'?"


def test_environment_is_as_bitbake_writes_it(several: Site, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = several.open()
    several.recipe("lib_1.0.bb", 'python do_py() {\n    bb.note("x")\n}\nexport A = "a$b"\nA[f] = "1"\n')
    write_environment(workspace.datastore(find_recipe(workspace, "mc:small:lib").id, history=True))
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert "# INCLUDE HISTORY:" in text
    assert f"# {several.top}/core/recipes/lib_1.0.bb" in text.replace("#   ", "# ")
    assert 'MACHINE="tiny"' in lines and 'export A="a\\$b"' in lines
    assert any(line.startswith("# $A") for line in lines)
    assert text.endswith('\npython do_py () {\n    bb.note("x")\n}\n\n')
    assert "do_compile() {\n    echo compile -Os\n" in text


def test_bbpath_makes_the_current_directory_the_build_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BBPATH", "/elsewhere")
    assert build_directory(None) == tmp_path
    assert not list(tmp_path.iterdir())


def test_e_is_for_the_environment() -> None:
    commands = {"build", "environment"}
    assert with_default_command(["-e", "zlib"], commands) == ["environment", "zlib"]
    assert with_default_command(["zlib", "-e"], commands) == ["environment", "zlib"]
    assert with_default_command(["zlib"], commands) == ["build", "zlib"]
