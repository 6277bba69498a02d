"""Names in a recipe that mean nothing and are one keystroke away from one that does: overrides, flags, tasks, packages.

The language takes any name, so these are warnings, and only where the resemblance is too close for chance.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from hadronbake.datastore.inline import METADATA, find
from hadronbake.datastore.store import DataStore
from hadronbake.datastore.variable import Variable
from hadronbake.diagnostics import Diagnostic, Severity, closest
from hadronbake.metadata.shellcode import find_unclosed_code
from hadronbake.metadata.variants import WRITTEN

_CLASSES = ("class-target", "class-native", "class-nativesdk", "class-cross", "class-crosssdk", "class-cross-canadian")
_TASK_FLAGS = frozenset(
    "cleandirs depends deptask dirs doc exports fakeroot file-checksums func lockfiles mcdepends network noexec nostamp "  # noqa: SIM905
    "number_threads postfuncs prefuncs progress python rdepends rdeptask recideptask recrdeptask sstate-inputdirs "
    "sstate-outputdirs sstate-plaindirs sstate-lockfile sstate-interceptfuncs sstate-fixmedir stamp-base stamp-extra-info "
    "stamp stamp-base-clean task umask vardeps vardepsexclude vardepvalue vardepvalueexclude builtin sysroot-depends "
    "sysroot_depends manual nodelay export unexport deps filename lineno timeout".split()
)
_BESIDE = ("-dbg", "-dev", "-doc", "-src", "-staticdev", "-locale")
_SUMS = ("md5sum", "sha1sum", "sha256sum", "sha384sum", "sha512sum")
_OF_PACKAGES = frozenset(
    "FILES RDEPENDS RRECOMMENDS RSUGGESTS RPROVIDES RREPLACES RCONFLICTS CONFFILES SUMMARY DESCRIPTION SECTION ALLOW_EMPTY "  # noqa: SIM905
    "INSANE_SKIP pkg_postinst pkg_prerm pkg_postrm pkg_preinst".split()
)


def typing_error(word: str, known: Iterable[str]) -> str | None:
    """The known word that is one keystroke away from ``word``: a letter more, less, other, or two exchanged. Digits and signs
    are no typing errors: ``i586`` and ``i686``, ``lib1`` and ``lib2`` are different things."""
    for other in known:
        if len(word) >= 4 and abs(len(word) - len(other)) <= 1 and word != other and _one_apart(word, other):
            return other
    return None


def _one_apart(first: str, second: str) -> bool:
    at = next((index for index, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        at = min(len(first), len(second))
    a, b = first[at:], second[at:]
    if len(a) == len(b):
        same = a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
        changed = a[:1] + b[:1]
    else:
        longer, shorter = (a, b) if len(a) > len(b) else (b, a)
        same, changed = longer[1:] == shorter, longer[:1]
    return same and changed.isalpha()


def find_suspects(
    d: DataStore, base: DataStore | None, tasks: Collection[str], files: Iterable[str]
) -> list[Diagnostic]:
    """Warnings about a finalised ``d``. What is as it was in ``base``, the configuration, is not the recipe's affair."""
    places = tuple(path for path in files if path.endswith(METADATA))
    found: list[Diagnostic] = []
    known = base.variables if base is not None else {}
    packages = (d.getVar("PACKAGES") or "").split()
    active = frozenset(d.overrides)
    pn = f"pn-{d.getVar('PN')}"
    everything = list(d.variables.items())
    written = d.getVar(WRITTEN, False)
    if isinstance(written, Variable):
        everything.append(("DEPENDS", written))
    for name, variable in everything:
        if known.get(name) is variable:
            continue
        for word in _words(name, variable):
            if word in active:
                continue
            near = None
            if word.startswith("class-") and word not in _CLASSES:
                near = typing_error(word, (*_CLASSES, *(item for item in active if item.startswith("class-"))))
            elif word.startswith("pn-"):
                near = typing_error(word, (pn,))
            elif name.split(":", 1)[0] in _OF_PACKAGES and word not in packages:
                # The usual packages beside one may not be made.
                near = None if word.endswith(_BESIDE) else typing_error(word, packages)
                if near is not None:
                    found.append(_item("HBM085", f"{name}: there is no package {word}", name, word, near, places, d))
                continue
            if near is not None:
                message = f"{name}: there is no override {word}, so this is never in force"
                found.append(_item("HBM082", message, name, word, near, places, d))
        meant = _old_style(name, variable, d, packages, active)
        if meant is not None:
            found.append(
                _item("HBM087", f"{name} is a variable of its own, which nothing reads", name, name, meant, places, d)
            )
        if variable.flags:
            found += _flags(d, name, variable, tasks, places)
            found += find_unclosed_code(name, variable, places)
    return list(dict.fromkeys(found))


def _old_style(
    name: str, variable: Variable, d: DataStore, packages: Collection[str], active: Collection[str]
) -> str | None:
    """The name with colons, if it ends with ``_`` and a package or an override, as they were written before the colon."""
    if "_" not in name or ":" in name or not variable.exists:
        return None
    for at, sign in enumerate(name):
        base, rest = name[:at], name[at + 1 :]
        if sign != "_":
            continue
        if base in _OF_PACKAGES and rest in packages:
            return f"{base}:{rest}"
        there = d.variables.get(base)
        if (
            there is not None
            and there.exists
            and (rest in _CLASSES or (rest in active and rest.islower() and len(rest) > 2))
        ):
            return f"{base}:{rest}"
    return None


def _words(name: str, variable: Variable) -> Iterator[str]:
    """The override words that a variable's name or operations ask for."""
    if ":" in name:
        yield from name.split(":")[1:]
    for operations in (variable.appends, variable.prepends, variable.removes):
        for _, condition in operations:
            yield from condition


def _flags(
    d: DataStore, name: str, variable: Variable, tasks: Collection[str], places: tuple[str, ...]
) -> Iterator[Diagnostic]:
    flags = variable.flags
    if name in tasks:
        for flag in flags:
            if (
                flag not in _TASK_FLAGS
                and not flag.startswith(("_", ":"))
                and (near := typing_error(flag, _TASK_FLAGS))
            ):
                yield _item(
                    "HBM083", f"{name}: there is no flag {flag} of tasks", name, f"{name}[{flag}]", near, places, d
                )
        for flag in ("prefuncs", "postfuncs"):
            for function in (d.getVarFlag(name, flag) or "").split() if flag in flags else ():
                if not d.getVarFlag(function, "func", False):
                    functions = [item for item, other in d.variables.items() if other.flags and other.flags.get("func")]
                    near = closest(function, functions)
                    message = f"{name} wants the function {function}, which doesn't exist"
                    yield _item("HBM051", message, name, function, near, places, d)
        if d.getVar(name, False) is None and not any(flags.get(flag) for flag in ("func", "noexec", "builtin")):
            message = f"{name} is a task without a function: it does nothing"
            place, hint = d.getVarFlag(name, "_place", False), f'write {name}() {{ … }}, or {name}[noexec] = "1"'
            yield Diagnostic("HBM088", message, place, Severity.WARNING, hint=hint)
        for dep in flags.get("deps", ()):
            if dep not in tasks and (near := typing_error(dep, tasks)):
                yield _item("HBM084", f"{name} is to come after {dep}, which is no task", name, dep, near, places, d)
    elif name.startswith("do_") and flags.get("deps") and (near := typing_error(name, tasks)):
        before = ", ".join(flags["deps"])
        yield _item("HBM084", f"{before} is to come before {name}, which is no task", name, name, near, places, d)
    elif name == "SRC_URI":
        for flag in flags:
            word = flag.rsplit(".", 1)[-1]
            if word not in _SUMS and (near := typing_error(word, _SUMS)):
                yield _item("HBM083", f"SRC_URI: {word} is no kind of checksum", name, f"[{flag}]", near, places, d)


def _item(
    code: str, message: str, name: str, text: str, near: str | None, places: tuple[str, ...], d: DataStore
) -> Diagnostic:
    seen = None
    # A task's name may be written without "do_" in addtask.
    for wanted in (text, text.removeprefix("do_")) if code == "HBM084" else (text,):
        seen = seen or find(wanted, None, places, whole=True)
        if seen is not None:
            text = wanted
            break
    place, excerpt = seen.place() if seen is not None else (d.origin(name), None)
    return Diagnostic(
        code,
        message,
        place,
        Severity.WARNING,
        excerpt,
        len(text) if seen else 1,
        hint=f"did you mean {near}?" if near else None,
    )
