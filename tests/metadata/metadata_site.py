"""A build directory with one layer, made of texts; small enough to be read in a millisecond or two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hadronbake.datastore.store import DataStore
from hadronbake.metadata.workspace import Workspace

BITBAKE_CONF = """\
PN = "${@bb.parse.vars_from_file(d.getVar('FILE', False), d)[0]}"
PV = "${@bb.parse.vars_from_file(d.getVar('FILE', False), d)[1] or '1.0'}"
PN[vardepvalue] = "${PN}"
PV[vardepvalue] = "${PV}"
PR = "r0"
BPN = "${@d.getVar('PN').removesuffix('-native')}"
BP = "${BPN}-${PV}"
PROVIDES:prepend = "${PN} "
PACKAGES = "${PN}-dev ${PN}"
OVERRIDES = "pn-${PN}:${CLASSOVERRIDE}:${MACHINE}"
CLASSOVERRIDE = "class-target"
MACHINE ?= "box"
WORKDIR = "/hb/work"
D = "${WORKDIR}/image"
FILE_DIRNAME = "${@os.path.dirname(d.getVar('FILE', False))}"
FILESPATH = "${FILE_DIRNAME}/${BP}:${FILE_DIRNAME}/files"
SRC_URI ?= ""
include conf/local.conf
BB_BASEHASH_IGNORE_VARS = "TOPDIR FILE FILE_DIRNAME FILESPATH BBPATH BBLAYERS SUMMARY HADRONBAKE_DIR OVERRIDES"
"""

BASE_BBCLASS = """\
do_fetch[builtin] = "fetch"
do_fetch[vardeps] = "SRC_URI"
do_fetch() {
    :
}
addtask fetch
do_compile() {
    echo compile ${CFLAGS}
}
addtask compile after do_fetch
do_install() {
    :
}
do_install[sstate-inputdirs] = "${D}"
addtask install after do_compile
do_build[noexec] = "1"
do_build() {
    :
}
addtask build after do_install
"""

NATIVE_BBCLASS = """\
CLASSOVERRIDE = "class-native"
HB_RECIPE_KIND = "native"
PACKAGES = ""
"""

LAYER_CONF = """\
BBPATH .= ":${LAYERDIR}"
BBFILES += "${LAYERDIR}/recipes/*.bb ${LAYERDIR}/recipes/*.bbappend"
BBFILE_COLLECTIONS += "NAME"
BBFILE_PATTERN_NAME = "^${LAYERDIR}/"
BBFILE_PRIORITY_NAME = "LEVEL"
"""


class Site:
    """A directory ``top`` with ``build/`` and layers beside it."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.build = top / "build"
        self.layers: list[str] = []
        self.said: list[str] = []
        self.environ = {"PATH": "/usr/bin"}
        self.layer("core", 5)
        self.write("core/conf/bitbake.conf", BITBAKE_CONF)
        self.write("core/classes/base.bbclass", BASE_BBCLASS)
        self.write("core/classes/native.bbclass", NATIVE_BBCLASS)

    def layer(self, name: str, priority: int) -> None:
        self.layers.append(name)
        text = LAYER_CONF.replace("NAME", name).replace("LEVEL", str(priority))
        self.write(f"{name}/conf/layer.conf", text)
        layers = " ".join(f"{self.top}/{item}" for item in self.layers)
        self.write("build/conf/bblayers.conf", f'BBPATH = "${{TOPDIR}}"\nBBFILES = ""\nBBLAYERS = "{layers}"\n')

    def write(self, name: str, text: str) -> Path:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def recipe(self, name: str, text: str = "", layer: str = "core") -> Path:
        return self.write(f"{layer}/recipes/{name}", text)

    def recipes(self, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            self.recipe(name, text)

    def open_configuration(self) -> DataStore:
        if not list(self.top.glob("*/recipes/*.bb")):
            self.recipe("placeholder.bb")
        return self.open().configuration

    def open(self, **options: int) -> Workspace:
        return Workspace.open(self.build, self.environ, self.said.append, **options)
