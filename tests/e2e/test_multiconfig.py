"""Two configurations in one build: what is the same is made once, what differs is kept apart, one may wait for the other."""

from pathlib import Path

import pytest
from test_mini import Build

pytestmark = pytest.mark.sandbox

PAIR = """\
SUMMARY = "The greetings of two configurations side by side"
LICENSE = "MIT"
do_install() {
    mkdir -p ${D}/pair
    cp /hb/inputs/greet/do_package/packages-split/greet/usr/share/said ${D}/pair/own
    cp /hb/inputs/mc/other/greet/do_package/packages-split/greet/usr/share/said ${D}/pair/other
}
do_install[depends] = "greet:do_package"
do_install[mcdepends] = "mc::other:greet:do_package"
do_install[sstate-outputdirs] = "${TOPDIR}/pair"
"""


def test_two_configurations(tmp_path: Path) -> None:
    build = Build(tmp_path, tmp_path / "cache")
    (build.topdir / "conf/local.conf").write_text('DISTRO = "mini"\nBBMULTICONFIG = "other"\nSAID ??= "default"\n')
    (build.topdir / "conf/multiconfig").mkdir()
    (build.topdir / "conf/multiconfig/other.conf").write_text('SAID = "other"\n')
    recipe = build.layer / "recipes-greet/greet/greet_1.0.bb"
    recipe.write_text(
        recipe.read_text() + "\ndo_install:append() {\n    mkdir -p ${D}/usr/share\n"
        '    echo "${SAID}" > ${D}/usr/share/said\n}\n'
    )
    pair = build.layer / "recipes-greet/pair/pair_1.0.bb"
    pair.parent.mkdir()
    pair.write_text(PAIR)
    outcome = build.good("pair:install")
    assert (build.topdir / "pair/pair/own").read_text() == "default\n"
    assert (build.topdir / "pair/pair/other").read_text() == "other\n"
    ran = [item["label"] for item in outcome.events if item["event"] == "TaskFinished" and item["action"] == "run"]
    # libgreet is the same in both.
    assert sum(label.endswith("libgreet:do_install") for label in ran) == 1
    assert {"greet:do_install", "mc:other:greet:do_install"} <= set(ran)
    assert build.good("pair:install", "mc:*:libgreet:install").ran == set()

    # A change in the other configuration is one for who waits for it, and for nobody else.
    (build.topdir / "conf/multiconfig/other.conf").write_text('SAID = "something"\n')
    ran = build.good("pair:install").ran
    assert {"pair:do_install", "mc:other:greet:do_install"} <= ran
    assert "greet:do_install" not in ran
    assert (build.topdir / "pair/pair/other").read_text() == "something\n"
    why = build.command("why", "pair:install").stdout
    assert "variable SAID of mc:other:greet:do_install changed" in why
    assert '"other" → "something"' in why
    assert "error[HBP005]: there is no configuration 'nobody'" in build.run("mc:nobody:greet").errors
