"""do_package_qa: the checks of finished packages. A finding has OpenEmbedded's name for its class (``textrel``, ``arch`` …).

What is listed in ERROR_QA fails the task, WARN_QA warns; ``INSANE_SKIP:<package>`` switches classes off for one package.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError, Severity, render
from hadronbake.steps import elf
from hadronbake.steps.data import Data, words
from hadronbake.steps.package import DEBUG_DIRECTORY, Package

HINTS = {
    "buildpaths": "the path of the build got into the file; make the recipe remove it, e.g. -ffile-prefix-map for compiled code",
    "arch": "the file was compiled for another machine: was the build host's compiler used?",
    "file-rdeps": "add the recipe of that library to DEPENDS, or the library to the package",
    "textrel": "compile with -fPIC",
    "installed-vs-shipped": "add the paths to FILES of a package, or delete them in do_install",
    "rpaths": "drop the rpath at link time; libraries in /usr/lib are found without it",
    "shebang": "no shebang may name a tool of the build",
    "dev-so": "the link without version belongs in the -dev package",
    "usrmerge": "install below /usr",
}
# Paths inside the sandbox; none of them exists on a target.
BUILD_PATH = re.compile(rb"/hb/(?:work|native|sysroot|hosttools|sources|engine|inputs)(?:/|\b)")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    check: str
    package: str
    message: str


def names_build_path(path: Path) -> bool:
    """Whether a file's bytes name a directory of the sandbox. Read in pieces, so that size doesn't matter."""
    tail = b""
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            if BUILD_PATH.search(tail + piece):
                return True
            tail = piece[-32:]
    return False


def check_file(
    package: str, name: str, path: Path, machine: tuple[str, int] | None, libraries: set[str]
) -> Iterator[Finding]:
    """The findings of one installed file (not a link). ``libraries``: sonames that can be met at run time."""
    debug = package.endswith("-dbg")
    if not debug and names_build_path(path):
        yield Finding("buildpaths", package, f"{name} contains a path of the build")
    found = elf.read(path)
    if found is None:
        with path.open("rb") as stream:
            first = stream.readline(256)
        if first.startswith(b"#!") and b"/hb/" in first:
            yield Finding(
                "shebang", package, f"{name} is run by a tool of the build: {first.decode(errors='replace').strip()}"
            )
        return
    if debug or name.startswith(f"/{DEBUG_DIRECTORY}/"):
        return
    if machine is not None and (found.machine, found.bits) != machine:
        yield Finding("arch", package, f"{name} is {found.machine} {found.bits} bit, not {machine[0]} {machine[1]} bit")
        return
    if found.text_relocations:
        yield Finding("textrel", package, f"{name} has text relocations")
    for library in found.needed:
        if library not in libraries:
            yield Finding(
                "file-rdeps", package, f"{name} needs {library}, which neither this recipe nor its DEPENDS provide"
            )
    for entry in found.search_path:
        if entry.startswith("/hb/") or entry in ("/usr/lib", "/lib", ""):
            yield Finding("rpaths", package, f"{name} has the rpath '{entry}'")


def check_names(package: Package) -> Iterator[Finding]:
    """The findings that need a package's list of files only."""
    for name in package.files:
        if re.match(r"/(bin|sbin|lib|lib64)/|/usr/(sbin|lib64)/", name):
            yield Finding("usrmerge", package.name, f"{name} is outside of the merged /usr")


def sonames_below(directory: Path) -> set[str]:
    """Base names of all shared libraries in a sysroot's library directory (links count: they carry the soname)."""
    return {path.name for path in directory.rglob("*.so*")} if directory.is_dir() else set()


def run(d: Data) -> None:
    """The task. Reads PKGDEST, TARGET_ARCH, ERROR_QA, WARN_QA, INSANE_SKIP:*; warnings go to the log, errors raise."""
    destination = Path(d.getVar("PKGDEST") or "")
    machine = elf.MACHINES.get(d.getVar("TARGET_ARCH") or "")
    packages = [
        Package.model_validate_json(path.read_text())
        for path in sorted(destination.glob("*.json"))
        if path.name != "unshipped.json"
    ]
    libraries = sonames_below(Path(d.getVar("STAGING_DIR_HOST") or "/hb/sysroot") / "usr/lib")
    libraries.update(soname for package in packages for soname in package.sonames)
    libraries.update(Path(name).name for package in packages for name in package.files if ".so" in name)
    findings: set[Finding] = set()
    for package in packages:
        skipped = set(words(d.getVar(f"INSANE_SKIP:{package.name}")))
        found = list(check_names(package))
        for name in package.files:
            path = destination / package.name / name[1:]
            if path.is_file() and not path.is_symlink():
                found += check_file(package.name, name, path, machine, libraries)
        findings.update(item for item in found if item.check not in skipped)
    recipe = d.getVar("PN") or ""
    skipped = set(words(d.getVar(f"INSANE_SKIP:{recipe}")))
    for name in json.loads((destination / "unshipped.json").read_text()):
        if "installed-vs-shipped" not in skipped:
            findings.add(Finding("installed-vs-shipped", recipe, f"{name} is installed but in no package"))
    report(sorted(findings), set(words(d.getVar("ERROR_QA"))), set(words(d.getVar("WARN_QA"))))


def report(findings: list[Finding], errors: set[str], warnings: set[str]) -> None:
    """Print the warnings; raise HadronbakeError with all errors."""
    fatal = []
    for item in findings:
        severity = Severity.ERROR if item.check in errors else Severity.WARNING
        diagnostic = Diagnostic(
            "HBS310", f"{item.package}: {item.message} [{item.check}]", severity=severity, hint=HINTS.get(item.check)
        )
        if item.check in errors:
            fatal.append(diagnostic)
        elif item.check in warnings:
            print(render(diagnostic))
    if fatal:
        raise HadronbakeError(*fatal)
