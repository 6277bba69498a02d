"""A new build directory: the texts of its configuration files, and their writing."""

from __future__ import annotations

from pathlib import Path

BBLAYERS = """\
# Which layers this build uses. A layer is a directory with recipes, classes and a conf/layer.conf; what it is searched for
# comes in the order of this list. HADRONBAKE_DIR is the directory of the project.

BBPATH = "${TOPDIR}:${HADRONBAKE_DIR}"
BBFILES ?= ""

BBLAYERS ?= " \\
    ${HADRONBAKE_DIR}/layers/hadron-core \\
    ${HADRONBAKE_DIR}/layers/debian-sources \\
"
"""

LOCAL = """\
# Your choices for this build directory. What stands here wins over the defaults of the distribution ("?=" and "??=").

# What to build for: a file of conf/machine/.
MACHINE ??= "genericx86-64"

# Which policy to build with: a file of conf/distro/.
DISTRO ??= "hadron"

# Downloads and shared state are below ~/.cache/hadronbake, for all build directories together. To keep them elsewhere set
# HB_CACHE in the environment, or name the directories:
#DL_DIR = "/srv/downloads"
#SSTATE_DIR = "/srv/sstate"

# How large shared state may become; what was used longest ago goes first. Empty: without limit.
#HB_CACHE_SIZE = "50G"

# How many tasks run at once, and how many jobs a compile may have. The default is the number of processors.
#BB_NUMBER_THREADS = "4"
#PARALLEL_MAKE = "-j 4"

# Build without the network: everything must be in DL_DIR already.
#BB_NO_NETWORK = "1"
"""


def build_directory_texts() -> dict[str, str]:
    """Path below the build directory → text of each file of a new one."""
    return {"conf/bblayers.conf": BBLAYERS, "conf/local.conf": LOCAL}


def find_build_directory(start: Path) -> Path | None:
    """The build directory that ``start`` is in, or its ``build``; None if there is none."""
    for directory in (start, *start.parents):
        for candidate in (directory, directory / "build"):
            if (candidate / "conf" / "bblayers.conf").is_file():
                return candidate
    return None


def make_build_directory(topdir: Path) -> list[Path]:
    """Write what is missing of the configuration; gives the files written. Existing files are never touched."""
    written = []
    for name, text in build_directory_texts().items():
        path = topdir / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            written.append(path)
    return written
