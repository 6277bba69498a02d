"""do_rootfs: the files of the chosen packages in one tree, and a manifest of what is in it.

Directories may be in several packages; any other path in two packages is an error. A destination is never followed: what a
package puts at a path is that path itself. Ownership stays in the manifest (``owners``), since nobody here is root.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.images.closure import Selection, select
from hadronbake.steps.data import Data, words
from hadronbake.steps.package import Package, Permission

INPUTS = Path("/hb/inputs")


def read_packages(inputs: Path) -> dict[str, tuple[Package, Path]]:
    """All packages below ``inputs/<PN>/do_package/packages-split``: name → description and tree."""
    found: dict[str, tuple[Package, Path]] = {}
    for path in sorted(inputs.glob("*/do_package/packages-split/*.json")):
        if path.name == "unshipped.json":
            continue
        package = Package.model_validate_json(path.read_text())
        if package.name in found:
            other = found[package.name][0].recipe
            raise HadronbakeError(
                Diagnostic("HBI104", f"package {package.name} comes from two recipes: {other} and {package.recipe}")
            )
        found[package.name] = (package, path.with_suffix(""))
    return found


def clashes(selection: Selection, trees: dict[str, Path]) -> list[Diagnostic]:
    """A diagnostic for each path, not a directory in both, that two packages own."""
    owner: dict[str, str] = {}
    problems = []
    for package in selection.packages:
        for name in package.files:
            first = owner.setdefault(name, package.name)
            if first == package.name:
                continue
            here, there = trees[first] / name[1:], trees[package.name] / name[1:]
            if not (here.is_dir() and not here.is_symlink() and there.is_dir() and not there.is_symlink()):
                problems.append(
                    Diagnostic(
                        "HBI105",
                        f"{first} and {package.name} both install {name}",
                        hint="let one recipe own it: delete it in the other's do_install, or leave one package out of the image",
                    )
                )
    return problems


def copy_tree(source: Path, destination: Path) -> None:
    """Add a package's tree to the root; a symbolic link in the way of a directory is an error, never a way through."""
    for directory, names, files in os.walk(source):
        here = Path(directory)
        there = destination / here.relative_to(source)
        if there.is_symlink() or (there.exists() and not there.is_dir()):
            raise HadronbakeError(
                Diagnostic(
                    "HBI106", f"{source.name} has files below /{here.relative_to(source)}, which is no directory"
                )
            )
        if not there.exists():
            there.mkdir()
            there.chmod(stat.S_IMODE(here.stat().st_mode))
        for name in [*files, *(name for name in names if (here / name).is_symlink())]:
            shutil.copy2(here / name, there / name, follow_symlinks=False)


def owners(selection: Selection) -> list[Permission]:
    return sorted((item for package in selection.packages for item in package.permissions), key=lambda item: item.path)


def apply_modes(root: Path, permissions: list[Permission]) -> None:
    """Set the declared modes. A path that isn't there is an error of the package that declared it."""
    for item in permissions:
        path = root / item.path[1:]
        if not path.exists() and not path.is_symlink():
            raise HadronbakeError(Diagnostic("HBI107", f"FILE_PERMS names {item.path}, which isn't in the image"))
        if item.mode is not None and not path.is_symlink():
            path.chmod(item.mode)


def manifest(selection: Selection) -> dict[str, object]:
    """What is in the image: package → recipe, version, licence and who asked for it."""
    return {
        "packages": [
            {
                "name": package.name,
                "recipe": package.recipe,
                "version": package.version,
                "licence": package.licence,
                "because_of": selection.reasons[package.name],
            }
            for package in selection.packages
        ],
        "owners": [item.model_dump() for item in owners(selection)],
    }


def run(d: Data) -> None:
    """The first half of do_rootfs. Reads IMAGE_INSTALL, BAD_RECOMMENDATIONS, IMAGE_ROOTFS, IMAGE_MANIFEST."""
    root = Path(d.getVar("IMAGE_ROOTFS") or "")
    found = read_packages(INPUTS)
    chosen = select(
        (package for package, _ in found.values()),
        words(d.getVar("IMAGE_INSTALL")),
        words(d.getVar("BAD_RECOMMENDATIONS")),
    )
    trees = {name: tree for name, (_, tree) in found.items()}
    problems = clashes(chosen, trees)
    if problems:
        raise HadronbakeError(*problems)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    root.chmod(0o755)
    # The package with the root's links (bin → usr/bin …) comes first, so that nothing makes directories in their place.
    for package in sorted(chosen.packages, key=lambda package: (package.recipe != "base-files", package.name)):
        copy_tree(trees[package.name], root)
    apply_modes(root, owners(chosen))
    path = Path(d.getVar("IMAGE_MANIFEST") or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest(chosen), indent=1, sort_keys=True) + "\n")
