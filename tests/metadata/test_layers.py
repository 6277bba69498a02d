"""Layers: priorities, nesting, series, versions, and the files that BBFILES names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hadronbake.datastore.embedded.parsing import get_file_layer
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import HadronbakeError
from hadronbake.metadata.layers import (
    Layer,
    apply_dynamic_files,
    check_series,
    collect_files,
    layer_of,
    read_layers,
    take_series,
)


def store(names: str, **values: str) -> DataStore:
    d = DataStore()
    d.setVar("BBFILE_COLLECTIONS", names)
    for name in names.split():
        d.setVar(f"BBFILE_PATTERN_{name}", f"^/{name}/")
    for name, value in values.items():
        d.setVar(name, value)
    return d


def priorities(d: DataStore) -> dict[str, int]:
    return {layer.name: layer.priority for layer in read_layers(d)}


def codes(function: Callable[[], object]) -> list[str]:
    with pytest.raises(HadronbakeError) as caught:
        function()
    return [item.code for item in caught.value.diagnostics]


def test_priority_without_one_is_above_the_layers_needed_and_above_the_lowest_given() -> None:
    d = store("core extra free", BBFILE_PRIORITY_core="5", LAYERDEPENDS_extra="core")
    assert priorities(d) == {"core": 5, "extra": 6, "free": 6}
    d = store("core low", BBFILE_PRIORITY_core="5", BBFILE_PRIORITY_low="0")
    assert priorities(d) == {"core": 5, "low": 6}
    assert priorities(store("a b", LAYERDEPENDS_b="a")) == {"a": 1, "b": 2}


def test_a_recommended_layer_counts_if_it_is_there_in_that_version() -> None:
    d = store("core extra", BBFILE_PRIORITY_core="5", LAYERRECOMMENDS_extra="core (>= 3) absent", LAYERVERSION_core="3")
    assert priorities(d) == {"core": 5, "extra": 6}
    d.setVar("BBFILE_PRIORITY_core", "7")
    d.setVar("BBFILE_COLLECTIONS", "core extra low")
    d.setVar("BBFILE_PATTERN_low", "^/low/")
    d.setVar("BBFILE_PRIORITY_low", "1")
    assert priorities(d)["extra"] == 8
    d.setVar("LAYERVERSION_core", "2")
    assert priorities(d)["extra"] == 2


@pytest.mark.parametrize(
    "version, code",
    [("12", None), ("13", None), ("11", "HBM024"), ("", "HBM024")],
)
def test_a_version_of_a_needed_layer(version: str, code: str | None) -> None:
    d = store("core extra", LAYERDEPENDS_extra="core (>= 12)", LAYERVERSION_core=version)
    if code is None:
        assert priorities(d) == {"core": 1, "extra": 2}
    else:
        assert codes(lambda: read_layers(d)) == [code]


def test_a_version_that_cannot_be_read() -> None:
    assert codes(lambda: read_layers(store("core extra", LAYERDEPENDS_extra="core (12)"))) == ["HBM023"]


def test_a_file_belongs_to_the_innermost_layer() -> None:
    layers = (Layer("outer", "^/a/", 1, "/a"), Layer("inner", "^/a/b/", 2, "/a/b"), Layer("none", "", 3, ""))
    assert [layer.name for path in ("/a/x.bb", "/a/b/x.bb") if (layer := layer_of(path, layers))] == ["outer", "inner"]
    assert layer_of("/c/x.bb", layers) is None


def test_get_file_layer_goes_by_the_entry_of_bbfiles_that_brought_the_file_in() -> None:
    d = store("a b")
    d.setVar("BBFILE_PATTERN_b", "^/a/sub/")
    assert get_file_layer("/a/sub/x.bb", d) == "b" and get_file_layer("/a/x.bbclass", d) == "a"
    assert get_file_layer("/c/x", d) is None
    d.setVar("BBFILES_PRIORITIZED", "/a/*/*.bb")
    assert get_file_layer("/a/sub/x.bb", d) == "a"


def test_series_are_taken_layer_by_layer_and_put_back_sorted() -> None:
    d = store("core", LAYERSERIES_CORENAMES="walnascar scarthgap", LAYERSERIES_COMPAT_core="walnascar")
    found: dict[str, str] = {}
    names = take_series(d, found, [])
    assert d.getVar("LAYERSERIES_CORENAMES") is None and d.getVar("LAYERSERIES_COMPAT_core") is None
    d.setVar("BBFILE_COLLECTIONS", "core extra")
    # A layer cannot say "whatever the core layer is for".
    d.setVar("LAYERSERIES_COMPAT_extra", "${LAYERSERIES_COMPAT_core}")
    names = take_series(d, found, names)
    assert found == {"core": "walnascar", "extra": "${LAYERSERIES_COMPAT_core}"}
    assert codes(lambda: check_series(d, found, names)) == ["HBM027"]
    check_series(d, {"core": "walnascar", "extra": "zeus scarthgap"}, names)
    assert d.getVar("LAYERSERIES_CORENAMES") == "scarthgap walnascar"
    assert d.getVar("LAYERSERIES_COMPAT_extra") == "scarthgap zeus"


def test_series_without_a_core_layer_and_a_layer_twice() -> None:
    assert codes(lambda: check_series(store("a"), {"a": "x"}, [])) == ["HBM026"]
    assert codes(lambda: check_series(store("a a"), {}, [])) == ["HBM025"]
    d = store("a")
    check_series(d, {}, [])
    assert d.getVar("LAYERSERIES_CORENAMES") is None


def test_dynamic_files() -> None:
    d = store("a", BBFILES="x", BBFILES_DYNAMIC="a:/one b:/two !b:/three:four !a:/five")
    apply_dynamic_files(d)
    assert d.getVar("BBFILES") == "x /one /three:four"
    d.setVar("BBFILES_DYNAMIC", "nothing")
    assert codes(lambda: apply_dynamic_files(d)) == ["HBM015"]


def files(top: Path, *names: str) -> None:
    for name in names:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def test_bbfiles_in_order_of_the_entries_priority_and_appends_in_order_of_the_files(tmp_path: Path) -> None:
    files(tmp_path, "high/a_1.bb", "low/b_1.bb", "low/a_%.bbappend", "high/a_1.bbappend", "low/sub/c_1.bb", "low/x.inc")
    d = store("high low")
    for name, level in (("high", "9"), ("low", "1")):
        d.setVar(f"BBFILE_PATTERN_{name}", f"^{tmp_path}/{name}/")
        d.setVar(f"BBFILE_PRIORITY_{name}", level)
    d.setVar("BBFILES", f"{tmp_path}/high/*.bb* {tmp_path}/low/*.bb* {tmp_path}/low/**/*.bb")
    found = collect_files(d, read_layers(d))
    shown = [
        (Path(item.path).name, item.priority, [Path(name).parent.name for name in item.appends])
        for item in found.recipes
    ]
    assert shown == [("b_1.bb", 1, []), ("c_1.bb", 1, []), ("a_1.bb", 9, ["low", "high"])]
    assert str(d.getVar("BBFILES_PRIORITIZED")).split()[-1] == f"{tmp_path}/high/*.bb*"


def test_bbfiles_may_name_a_directory_or_a_file_with_a_bracket(tmp_path: Path) -> None:
    files(tmp_path, "a/b/c_1.bb", "a/.svn/d_1.bb", "[x].bb")
    d = store("", BBFILES=f"{tmp_path}/a {tmp_path}/[x].bb")
    assert [Path(item.path).name for item in collect_files(d, ()).recipes] == ["c_1.bb", "[x].bb"]


def test_bbmask(tmp_path: Path) -> None:
    files(tmp_path, "a.bb", "b.bb", "c.bb")
    d = store("", BBFILES=f"{tmp_path}/*.bb", BBMASK="|/a.bb$ ( /c")
    found = collect_files(d, ())
    assert [Path(item.path).name for item in found.recipes] == ["b.bb"]
    assert found.masked == 2 and [item.code for item in found.warnings] == ["HBM017"]
