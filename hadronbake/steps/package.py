"""do_package: ``${D}`` split by FILES into packages, debug symbols apart, and a description of each package beside it.

The result below ``${PKGDEST}``: ``<package>/…`` (the files) and ``<package>.json`` (:class:`Package`, canonical JSON).
A file goes to the first package of PACKAGES whose FILES match it; what matches none is reported by do_package_qa.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.steps import elf
from hadronbake.steps.data import Data, words

DEBUG_DIRECTORY = "usr/lib/debug"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Permission(Frozen):
    """Owner and mode of an installed path that departs from root, root and the mode in the tree."""

    path: str
    user: str = "root"
    group: str = "root"
    mode: int | None = None


class Package(Frozen):
    """What the image step and the checks need to know of a package; nothing that has no influence on an image."""

    name: str
    recipe: str
    version: str
    licence: str
    files: tuple[str, ...]
    depends: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    sonames: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    configuration: tuple[str, ...] = ()
    permissions: tuple[Permission, ...] = ()


def package_names(text: str | None) -> tuple[str, ...]:
    """The names in a list like RDEPENDS, versions in parentheses left out."""
    return tuple(dict.fromkeys(re.sub(r"\([^)]*\)", " ", text or "").split()))


def glob_expression(pattern: str) -> str:
    """A regular expression for a shell glob over a whole path: ``*`` and ``?`` stop at ``/``, ``**`` doesn't."""
    result = ""
    index = 0
    while index < len(pattern):
        if pattern.startswith("**", index):
            result, index = result + ".*", index + 2
            continue
        char = pattern[index]
        end = pattern.find("]", index + 2) if char == "[" else -1
        if char == "*":
            result += "[^/]*"
        elif char == "?":
            result += "[^/]"
        elif end > 0:
            inside = pattern[index + 1 : end].replace("\\", "\\\\")
            result += "[" + ("^" + inside[1:] if inside[0] in "!^" else inside) + "]"
            index = end
        else:
            result += re.escape(char)
        index += 1
    return result


def split(files: list[str], packages: list[tuple[str, list[str]]]) -> tuple[dict[str, list[str]], list[str]]:
    """Give each path (absolute, as in the image) to the first package one of whose patterns matches it.

    A pattern is a shell glob over the whole path; one that matches a directory takes all below it.
    Returns package → its paths, and the paths that no package wants. Input order is kept.
    """
    compiled = []
    for name, patterns in packages:
        alternatives = "|".join(glob_expression(pattern.rstrip("/")) for pattern in patterns)
        compiled.append((name, re.compile(f"(?:{alternatives})(?:/.*)?\\Z", re.DOTALL) if patterns else None))
    result: dict[str, list[str]] = {name: [] for name, _ in packages}
    left: list[str] = []
    for path in files:
        for name, regex in compiled:
            if regex is not None and regex.match(path):
                result[name].append(path)
                break
        else:
            left.append(path)
    return result, left


def tree_paths(root: Path) -> list[str]:
    """All files, links and *empty* directories below ``root``, sorted, written as ``/…``."""
    found: list[str] = []
    for directory, names, files in os.walk(root):
        base = "/" + os.path.relpath(directory, root) if directory != str(root) else ""
        links = [name for name in names if os.path.islink(os.path.join(directory, name))]
        found += [f"{base}/{name}" for name in (*files, *links)]
        if not files and not names and base:
            found.append(base)
    return sorted(found)


def parse_permissions(text: str | None, package: str) -> tuple[Permission, ...]:
    """FILE_PERMS: entries ``path:mode:user:group`` separated by blanks; ``-`` leaves the mode as it is."""
    result = []
    for entry in words(text):
        parts = entry.split(":")
        if len(parts) != 4 or not parts[0].startswith("/") or not re.fullmatch(r"-|[0-7]{3,4}", parts[1]):
            raise HadronbakeError(
                Diagnostic(
                    "HBS301",
                    f"FILE_PERMS:{package}: '{entry}' isn't path:mode:user:group",
                    expected=("/absolute/path:4755:root:root", "- for the mode to leave it as it is"),
                )
            )
        mode = None if parts[1] == "-" else int(parts[1], 8)
        result.append(Permission(path=parts[0], mode=mode, user=parts[2], group=parts[3]))
    return tuple(result)


def strip_file(path: Path, debug: Path | None, objcopy: list[str], strip: list[str]) -> None:
    """Take the symbols out of one ELF file; ``debug`` is where they go (None: they are dropped)."""
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(mode | 0o200)
    if debug is not None:
        debug.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*objcopy, "--only-keep-debug", str(path), str(debug)], check=True)
        debug.chmod(0o644)
        subprocess.run([*strip, "--strip-unneeded", str(path)], check=True)
        # The link holds the base name and a checksum of the debug file, not its path.
        subprocess.run([*objcopy, f"--add-gnu-debuglink={debug}", str(path)], check=True)
    else:
        subprocess.run([*strip, "--strip-debug", str(path)], check=True)
    path.chmod(mode)


def split_debug(root: Path, objcopy: list[str], strip: list[str]) -> None:
    """Move the symbols of all programs and libraries below ``root`` to ``/usr/lib/debug``; kernel modules lose theirs."""
    jobs: list[tuple[Path, Path | None]] = []
    seen: set[tuple[int, int]] = set()
    for name in tree_paths(root):
        path = root / name[1:]
        if path.is_symlink() or not path.is_file() or name.startswith(f"/{DEBUG_DIRECTORY}/"):
            continue
        status = path.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        found = elf.read(path)
        if found is None or found.stripped:
            continue
        if found.kind in ("executable", "shared"):
            jobs.append((path, root / DEBUG_DIRECTORY / (name[1:] + ".debug")))
        elif name.endswith(".ko"):
            jobs.append((path, None))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for future in [pool.submit(strip_file, path, debug, objcopy, strip) for path, debug in jobs]:
            future.result()


def move(paths: list[str], source: Path, destination: Path) -> None:
    """Copy paths (hard links stay hard links to the source) with the modes of the directories above them."""
    for name in paths:
        here, there = source / name[1:], destination / name[1:]
        missing = [parent for parent in PurePosixPath(name).parents if not (destination / str(parent)[1:]).exists()]
        for parent in reversed(missing):
            new = destination / str(parent)[1:]
            new.mkdir()
            new.chmod(stat.S_IMODE((source / str(parent)[1:]).stat().st_mode))
        if here.is_symlink():
            there.symlink_to(here.readlink())
        elif here.is_dir():
            there.mkdir(exist_ok=True)
            there.chmod(stat.S_IMODE(here.stat().st_mode))
        else:
            os.link(here, there)


def dynamic_facts(root: Path, paths: list[str]) -> tuple[set[str], set[str]]:
    """The sonames that these files provide and the ones they need."""
    provided: set[str] = set()
    needed: set[str] = set()
    for name in paths:
        path = root / name[1:]
        if path.is_symlink() or not path.is_file():
            continue
        found = elf.read(path)
        if found is None or found.kind not in ("executable", "shared") or name.startswith(f"/{DEBUG_DIRECTORY}/"):
            continue
        needed.update(found.needed)
        if found.soname:
            provided.add(found.soname)
        elif found.kind == "shared":
            provided.add(PurePosixPath(name).name)
    return provided, needed


def write_json(path: Path, model: BaseModel) -> None:
    path.write_text(json.dumps(model.model_dump(), sort_keys=True, indent=1) + "\n")


def run(d: Data) -> None:
    """The task. Reads D, PKGDEST, PACKAGES, FILES:*, RDEPENDS:* and their kin, OBJCOPY, STRIP; raises HadronbakeError."""
    root, destination = Path(d.getVar("D") or ""), Path(d.getVar("PKGDEST") or "")
    if not root.is_dir():
        root.mkdir(parents=True)
    work = destination.with_name(destination.name + "-work")
    for directory in (work, destination):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    # Stripping must not touch ${D}: another task may record or use it.
    whole = work / "image"
    shutil.copytree(root, whole, symlinks=True)
    if d.getVar("INHIBIT_PACKAGE_STRIP") != "1":
        split_debug(whole, words(d.getVar("OBJCOPY")), words(d.getVar("STRIP")))
    names = list(dict.fromkeys(words(d.getVar("PACKAGES"))))
    wanted = [(name, words(d.getVar(f"FILES:{name}"))) for name in names]
    paths, left = split(tree_paths(whole), wanted)
    for name in names:
        target = destination / name
        target.mkdir()
        target.chmod(0o755)
        move(paths[name], whole, target)
        provided, needed = dynamic_facts(target, paths[name])
        write_json(
            destination / f"{name}.json",
            Package(
                name=name,
                recipe=d.getVar("PN") or "",
                version=d.getVar("PV") or "",
                licence=d.getVar(f"LICENSE:{name}") or d.getVar("LICENSE") or "",
                files=tuple(paths[name]),
                depends=package_names(d.getVar(f"RDEPENDS:{name}")),
                recommends=package_names(d.getVar(f"RRECOMMENDS:{name}")),
                conflicts=package_names(d.getVar(f"RCONFLICTS:{name}")),
                provides=package_names(d.getVar(f"RPROVIDES:{name}")),
                sonames=tuple(sorted(provided)),
                needed=tuple(sorted(needed - provided)),
                configuration=tuple(words(d.getVar(f"CONFFILES:{name}"))),
                permissions=parse_permissions(d.getVar(f"FILE_PERMS:{name}"), name),
            ),
        )
    (destination / "unshipped.json").write_text(json.dumps(left, indent=1) + "\n")
    shutil.rmtree(work)
