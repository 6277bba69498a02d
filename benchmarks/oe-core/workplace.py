"""The place of a comparison: sources of both projects, a build directory, and how to run a side as an ordinary user."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BITBAKE = "https://git.openembedded.org/bitbake"
OE_CORE = "https://git.openembedded.org/openembedded-core"
PROJECT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent

LOCAL_CONF = """\
MACHINE ??= "qemux86-64"
DISTRO ?= "nodistro"
# Programs that this host lacks; nothing is built.
HOSTTOOLS:remove = "{missing}"
"""

# Read after everything else, so that the two sides agree on what time it is.
POST_CONF = 'DATE = "20260101"\nTIME = "000000"\n'


@dataclass(frozen=True)
class Workplace:
    """``user`` is whom the sides run as: None, unless we are root, since BitBake's metadata refuses root."""

    scratch: Path
    bitbake: Path
    oe_core: Path
    user: str | None
    python: str

    @property
    def topdir(self) -> Path:
        return self.scratch / "build"

    @property
    def postfile(self) -> Path:
        return self.topdir / "conf" / "compare.conf"

    def run(self, script: str, *arguments: str) -> float:
        """Run a module of this directory; gives its CPU seconds. Raises CalledProcessError."""
        environment = self.environment(self.topdir, ours=script == "engine.py")
        before = os.times()
        command = self.as_user([self.python, "-B", str(HERE / script), *arguments])
        subprocess.run(command, cwd=self.topdir, env=environment, check=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    def as_user(self, command: list[str]) -> list[str]:
        """The command, to be run as the ordinary user."""
        if not self.user:
            return command
        user = pwd.getpwnam(self.user)
        ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        return ["setpriv", *ids, "--", *command]

    def environment(self, topdir: Path, *, ours: bool) -> dict[str, str]:
        """What both sides see in a build directory; ``ours``: with hadronbake and the packages that it needs."""
        user = pwd.getpwnam(self.user) if self.user else pwd.getpwuid(os.getuid())
        site = [item for item in sys.path if item.endswith("site-packages")]
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.scratch / "home"),
            "USER": user.pw_name,
            "LOGNAME": user.pw_name,
            "LC_ALL": "C.UTF-8",
            "BUILDDIR": str(topdir),
            # Some values are made of the words of a set, in its order.
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": ":".join([str(PROJECT), *site]) if ours else "",
        }

    def give(self, *paths: Path) -> None:
        """Make the paths the user's, with all below them."""
        if self.user:
            owner = pwd.getpwnam(self.user)
            for path in (item for top in paths for item in (top, *top.rglob("*"))):
                os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def prepare(
    scratch: Path, bitbake: str, oe_core: str, further: list[str], user: str | None, python: str | None
) -> Workplace:
    """Get the sources and write the build directory. ``bitbake`` and ``oe_core`` are directories with a work tree or git URLs.

    ``further``: directories of layers beside OE-core's meta.
    """
    scratch = scratch.absolute()
    if scratch.is_relative_to(PROJECT):
        raise SystemExit(f"{scratch} is inside of the project: what is fetched must stay outside")
    scratch.mkdir(parents=True, exist_ok=True)
    place = Workplace(
        scratch,
        _source(bitbake, scratch / "bitbake"),
        _source(oe_core, scratch / "openembedded-core"),
        (user or "nobody") if os.getuid() == 0 else None,
        python or ("/usr/bin/python3" if os.getuid() == 0 else sys.executable),
    )
    (place.topdir / "conf").mkdir(parents=True, exist_ok=True)
    (scratch / "home").mkdir(exist_ok=True)
    meta = place.oe_core / "meta"
    names = " ".join(str(path) for path in (meta, *(Path(item).resolve() for item in further)))
    layers = f'BBPATH = "${{TOPDIR}}"\nBBFILES ?= ""\nBBLAYERS ?= "{names}"\n'
    (place.topdir / "conf/bblayers.conf").write_text(layers)
    missing = " ".join(_missing_tools(meta / "conf/bitbake.conf"))
    (place.topdir / "conf/local.conf").write_text(LOCAL_CONF.format(missing=missing))
    place.postfile.write_text(POST_CONF)
    if place.user:
        owner = pwd.getpwnam(place.user)
        os.chown(scratch, owner.pw_uid, owner.pw_gid)
    place.give(scratch / "home", place.topdir)
    return place


def _source(wanted: str, directory: Path) -> Path:
    """A work tree of the project: the directory itself, or a clone of the URL or bare mirror."""
    given = Path(wanted)
    if given.is_dir() and any((given / name).is_dir() for name in ("lib/bb", "meta")):
        return given.resolve()
    if not directory.is_dir():
        depth = [] if given.is_dir() else ["--depth=1"]
        subprocess.run(["git", "clone", "-q", *depth, wanted, str(directory)], check=True)
    return directory


def _missing_tools(bitbake_conf: Path) -> list[str]:
    """The words of HOSTTOOLS that are not programs of this host."""
    text = bitbake_conf.read_text().replace("\\\n", " ")
    words = {word for value in re.findall(r'^HOSTTOOLS \+?= "(.*)"', text, re.M) for word in value.split()}
    # Inline Python is cut up as well: only what can be a program's name.
    return sorted(word for word in words if re.fullmatch(r"[\w.+-]+", word) and not shutil.which(word))
