"""The directory of links that is PATH's host part in the sandbox: HOSTTOOLS and nothing else."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError

# Tools that come as Python packages with the engine are taken from there: those of the host may be too old.
BUNDLED = frozenset({"ninja"})
# Asked before PATH: what is below /usr has its libraries and modules in the sandbox; a user's own wrappers don't.
SYSTEM = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
# Debian's package where it isn't called like the tool.
PACKAGES = {
    "[": "coreutils",
    "aclocal": "automake",
    "ar": "binutils",
    "autoheader": "autoconf",
    "autom4te": "autoconf",
    "autoreconf": "autoconf",
    "awk": "gawk",
    "cc": "gcc",
    "cmp": "diffutils",
    "diff": "diffutils",
    "c++": "g++",
    "egrep": "grep",
    "fgrep": "grep",
    "find": "findutils",
    "flock": "util-linux",
    "getconf": "libc-bin",
    "getopt": "util-linux",
    "gunzip": "gzip",
    "hostname": "hostname",
    "iconv": "libc-bin",
    "ld": "binutils",
    "ldd": "libc-bin",
    "libtoolize": "libtool",
    "mke2fs": "e2fsprogs",
    "mkfs.ext4": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "msgfmt": "gettext",
    "xgettext": "gettext",
    "nm": "binutils",
    "objcopy": "binutils",
    "objdump": "binutils",
    "pkg-config": "pkgconf",
    "pod2man": "perl",
    "ranlib": "binutils",
    "readelf": "binutils",
    "strings": "binutils",
    "strip": "binutils",
    "unxz": "xz-utils",
    "xargs": "findutils",
    "xz": "xz-utils",
}


def find(tools: Sequence[str], search: Sequence[str]) -> dict[str, str]:
    """Tool → real path, of those that are found along ``search``."""
    bundled = str(Path(sys.executable).parent)
    plain = [place for place in search if place != bundled]
    found: dict[str, str] = {}
    for name in tools:
        path = shutil.which(name, path=os.pathsep.join([bundled, *plain] if name in BUNDLED else plain))
        if path is not None:
            # Links may lead through directories that the sandbox hasn't got (/etc/alternatives).
            found[name] = os.path.realpath(path)
    return found


def make(directory: Path, needed: Sequence[str], optional: Sequence[str], search: Sequence[str]) -> Path:
    """Makes the directory of links. Raises HBE010 with all tools of ``needed`` that are missing."""
    found = find([*needed, *optional], search)
    missing = sorted({name for name in needed if name not in found})
    if missing:
        packages = sorted({PACKAGES.get(name, name) for name in missing})
        raise HadronbakeError(
            Diagnostic(
                "HBE010",
                f"tools that the build needs are not on this host: {' '.join(missing)}",
                hint=f"on Debian or Ubuntu: apt-get install {' '.join(packages)}",
            )
        )
    if read(directory) != found:
        fresh = directory.with_name(f"{directory.name}.new")
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(parents=True)
        for name, path in found.items():
            (fresh / name).symlink_to(path)
        if directory.exists():
            shutil.rmtree(directory)
        fresh.rename(directory)
    return directory


def read(directory: Path) -> Mapping[str, str]:
    """Tool → path, as the directory has it."""
    if not directory.is_dir():
        return {}
    return {entry.name: str(entry.readlink()) for entry in directory.iterdir() if entry.is_symlink()}
