"""``hbake cache push`` and ``divergences`` where no recipe is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from machines import A, Farm
from servers import Contents

from hadronbake.artifacts.signing import Keyring

HBAKE = Path(sys.executable).with_name("hbake")


@pytest.fixture
def farm(tmp_path: Path) -> Farm:
    """Two machines that share a directory, with different outputs of one task; the second one's ``build`` is a build directory."""
    farm = Farm(tmp_path, str(tmp_path / "remote"), Contents())
    farm.sent("one")
    topdir = tmp_path / "build"
    (topdir / "conf").mkdir(parents=True)
    (topdir / "conf/bblayers.conf").write_text(
        'BBPATH = "${TOPDIR}:${HADRONBAKE_DIR}"\nBBFILES ?= ""\nBBLAYERS = "${HADRONBAKE_DIR}/layers/hadron-core"\n'
    )
    (topdir / "conf/local.conf").write_text(
        f'HB_CACHE_REMOTES = "{tmp_path}/remote"\nHB_TRUSTED_KEYS = "{farm.builder.own}"\n'
    )
    return farm


def hbake(farm: Farm, *arguments: str, group: str = "cache") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HBAKE, group, *arguments, "--build-dir", farm.root / "build"],
        env={**os.environ, "HB_CACHE": str(farm.root / "two")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_divergences_are_a_report(farm: Farm) -> None:
    assert hbake(farm, "divergences").stdout == "no divergences\n"
    second = farm.build(farm.machine("two"), "two")
    done = hbake(farm, "divergences")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == f"zlib:do_install  {A}"
    assert lines[1] == f"  first:  output {second.outhash[:12]}, signed by this machine"
    assert lines[2].startswith("  second: output ")
    assert lines[2].endswith(f", signed by key {farm.builder.own[:16]}…")
    assert [line.split(": ")[:2] for line in lines[3:5]] == [
        ["    image/usr/text", "content"],
        ["    image/usr/bin/prog", "content"],
    ]
    assert lines[5:] == ["1 divergence"]
    (item,) = json.loads(hbake(farm, "divergences", "--json").stdout)
    assert (item["task"], item["taskhash"], item["first"]["outhash"]) == ("zlib:do_install", A, second.outhash)
    assert item["second"]["key"] == farm.builder.own
    assert {entry["path"] for entry in item["differences"]} == {"image/usr/text", "image/usr/bin/prog"}


def test_push_says_what_went_and_what_did_not(farm: Farm, tmp_path: Path) -> None:
    farm.build(farm.machine("two"), "two")
    refused = hbake(farm, "push")
    assert refused.returncode == 1
    assert refused.stderr == (
        "error[HBC133]: no remote of HB_CACHE_REMOTES takes results\n  = hint: name one: --to /mnt/cache\n"
    )
    differs = hbake(farm, "push", "--to", str(tmp_path / "remote"))
    assert "0 records sent, 0 were there" in differs.stdout
    assert "  1 have another output there (hbake cache divergences)\n" in differs.stdout
    (pushed,) = json.loads(hbake(farm, "push", "--to", str(tmp_path / "other"), "--json").stdout)
    assert (pushed["remote"], pushed["sent"]) == (str(tmp_path / "other"), 1)
    assert farm.machine("three").records([A]) != {}
    other = Farm(tmp_path, str(tmp_path / "other"), Contents())
    other.builder = Keyring(tmp_path / "two/keys")
    assert other.machine("four").records([A]) != {}


def test_a_key_is_trusted_once(farm: Farm) -> None:
    key = "ab" * 32
    file = farm.root / "two/keys/trusted/other.pub"
    for expected in (f"{key} is trusted ({file})\n", f"{key} is trusted already ({file})\n"):
        assert hbake(farm, "trust", key, "--name", "other", group="keys").stdout == expected
    assert f"{key}  other  ({file})" in hbake(farm, "list", group="keys").stdout.splitlines()
    file.unlink()
    assert key not in hbake(farm, "list", group="keys").stdout


def test_a_list_of_nothing_says_so(farm: Farm) -> None:
    farm.build(farm.machine("two"))
    done = hbake(farm, "ls", "nothing")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "hbake: there is no record of a task 'nothing:*'\n"
    assert "zlib:do_install" in hbake(farm, "ls", "zlib").stdout
