"""Which packages an image needs: names → the packages that carry them, with all that these need at run time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hadronbake.diagnostics import Diagnostic, HadronbakeError, closest
from hadronbake.steps.package import Package


@dataclass(frozen=True, slots=True)
class Selection:
    """``packages`` sorted by name; ``reasons``: package → who asked for it ("IMAGE_INSTALL", or another package's name)."""

    packages: tuple[Package, ...]
    reasons: Mapping[str, str]


def index(packages: Iterable[Package]) -> tuple[dict[str, Package], dict[str, list[Package]]]:
    """name → package (own names before RPROVIDES), and soname → the packages that have that library."""
    ordered = sorted(packages, key=lambda package: package.name)
    names = {package.name: package for package in ordered}
    for package in ordered:
        for name in package.provides:
            names.setdefault(name, package)
    sonames: dict[str, list[Package]] = {}
    for package in ordered:
        for soname in package.sonames:
            sonames.setdefault(soname, []).append(package)
    return names, sonames


def select(available: Iterable[Package], wanted: Iterable[str], without: Iterable[str] = ()) -> Selection:
    """The closure of ``wanted`` over RDEPENDS, needed libraries and RRECOMMENDS (these only where they exist).

    ``without``: names that are never pulled in by a recommendation (BAD_RECOMMENDATIONS). Raises HadronbakeError with all
    names and libraries that nothing provides, and all pairs of chosen packages that conflict.
    """
    names, sonames = index(available)
    unwanted = set(without)
    chosen: dict[str, Package] = {}
    reasons: dict[str, str] = {}
    problems: list[Diagnostic] = []
    queue = [(name, "IMAGE_INSTALL") for name in wanted]

    def missing(name: str, reason: str) -> Diagnostic:
        near = closest(name, names)
        hint = (
            f"did you mean {near}?"
            if near
            else "the recipe of the package must be built for the image: is it in IMAGE_INSTALL or RDEPENDS?"
        )
        return Diagnostic("HBI101", f"no package provides '{name}', which {reason} asks for", hint=hint)

    while queue:
        name, reason = queue.pop(0)
        package = names.get(name)
        if package is None:
            problems.append(missing(name, reason))
            continue
        if package.name in chosen:
            continue
        chosen[package.name] = package
        reasons[package.name] = reason
        queue += [(dependency, package.name) for dependency in package.depends]
        for soname in package.needed:
            holders = sonames.get(soname, [])
            if not holders:
                problems.append(
                    Diagnostic(
                        "HBI102",
                        f"{package.name} needs the library {soname}, which no package has",
                        hint="add its recipe to DEPENDS",
                    )
                )
            elif not any(holder.name in chosen for holder in holders):
                queue.append((holders[0].name, package.name))
        queue += [(other, package.name) for other in package.recommends if other in names and other not in unwanted]
    for package in chosen.values():
        for name in package.conflicts:
            if name in chosen:
                problems.append(Diagnostic("HBI103", f"{package.name} and {name} are both in the image, but conflict"))
    if problems:
        raise HadronbakeError(*problems)
    return Selection(tuple(chosen[name] for name in sorted(chosen)), reasons)
