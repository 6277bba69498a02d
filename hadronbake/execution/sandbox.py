"""The bubblewrap command line that a task runs in: the same paths, names and environment on every machine.

Needs bubblewrap 0.5 or later. It works for root and for ordinary users alike; inside one is uid 0 with the capabilities that
fakeroot would pretend (own files may be written whatever their mode), but without CAP_SYS_ADMIN, so that no read-only mount
can be made writable.

``--die-with-parent`` ends the sandbox when the *thread* that started bubblewrap ends: start it from one that lives on.
"""

from __future__ import annotations

import compileall
import functools
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from hadronbake.diagnostics import Diagnostic
from hadronbake.execution.hostheaders import TOP_LEVEL

PATH = "/hb/native/usr/bin:/hb/hosttools"
ENVIRONMENT = {"PATH": PATH, "HOME": "/hb/work/.home", "TZ": "UTC", "LC_ALL": "C", "SHELL": "/bin/sh", "USER": "root"}

_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETFCAP", "SETGID", "SETUID", "SYS_CHROOT")
_ETC = Path(__file__).parent / "etc"
_ROOT_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_HOST_ETC = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")
_NETWORK_ETC = ("/etc/resolv.conf", "/etc/ssl", "/etc/ca-certificates", "/etc/pki", "/etc/crypto-policies")
_NEEDED_PACKAGES = ("pydantic", "pydantic_core", "elftools", "zstandard")
_MASKED = (
    "local/include",
    "lib/pkgconfig",
    "lib/*/pkgconfig",
    "lib32/pkgconfig",
    "lib64/pkgconfig",
    "libx32/pkgconfig",
    "share/pkgconfig",
    "local/lib/pkgconfig",
    "local/lib/*/pkgconfig",
    "local/share/pkgconfig",
    "lib/cmake",
    "lib/*/cmake",
    "lib64/cmake",
    "local/lib/cmake",
    "share/cmake",
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Engine(_Frozen):
    """The Python that runs Python tasks. ``package``: the directory of ``hadronbake``; ``packages``: directories with what it
    imports; ``prefix``: the interpreter's installation where it is outside of /usr, else None; ``program``: the interpreter's
    path inside the sandbox."""

    package: Path
    packages: tuple[Path, ...]
    prefix: Path | None
    program: str
    library_path: str | None


@functools.cache
def running_engine() -> Engine:
    """This very process's engine."""
    package = Path(__file__).resolve().parent.parent
    # Every Python task imports from here, and can't keep what it compiles: the mount is read-only.
    compileall.compile_dir(package, quiet=2)
    packages: list[Path] = []
    for name in _NEEDED_PACKAGES:
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            directory = Path(found.origin).resolve()
            directory = directory.parent.parent if found.submodule_search_locations else directory.parent
            if directory not in packages:
                packages.append(directory)
    prefix = Path(sys.base_prefix).resolve()
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if prefix == Path("/usr") or Path("/usr") in prefix.parents:
        return Engine(
            package=package, packages=tuple(packages), prefix=None, program=f"{prefix}/bin/{name}", library_path=None
        )
    shared = bool(sysconfig.get_config_var("Py_ENABLE_SHARED"))
    return Engine(
        package=package,
        packages=tuple(packages),
        prefix=prefix,
        program=f"/hb/engine/python/bin/{name}",
        library_path="/hb/engine/python/lib" if shared else None,
    )


class SandboxSpec(_Frozen):
    """Where things are on the host, and what the task gets.

    ``work`` is mounted read-write at /hb/work, all else read-only. ``hosttools``: a directory of links to host programs.
    ``inputs``: ``PN/task`` → tree, at ``/hb/inputs/PN/task``. ``environment`` is added to ENVIRONMENT. ``extra``: path inside →
    path on the host. ``terminal``: keeps the controlling terminal, for an interactive shell only.
    """

    work: Path
    hosttools: Path
    sysroot: Path | None = None
    native: Path | None = None
    sources: Path | None = None
    inputs: Mapping[str, Path] = Field(default_factory=dict)
    jobserver: Path | None = None
    network: bool = False
    kind: Literal["target", "native"] = "target"
    environment: Mapping[str, str] = Field(default_factory=dict)
    cwd: str = "/hb/work"
    extra: Mapping[str, Path] = Field(default_factory=dict)
    terminal: bool = False
    engine: Engine = Field(default_factory=running_engine)


def command(spec: SandboxSpec, argv: Sequence[str]) -> list[str]:
    """The whole command line, to be started with an empty environment or any: it is cleared."""
    words = ["bwrap", *_namespaces(spec.network)]
    if not spec.terminal:
        words += ["--new-session"]
    words += ["--clearenv"]
    for name, value in {**ENVIRONMENT, **spec.environment}.items():
        words += ["--setenv", name, value]
    words += _system(spec.network)
    words += ["--bind", str(spec.work), "/hb/work", "--dir", "/hb/work/.home"]
    for place, path in (("sysroot", spec.sysroot), ("native", spec.native), ("sources", spec.sources)):
        words += ["--ro-bind", str(path), f"/hb/{place}"] if path is not None else ["--dir", f"/hb/{place}"]
    words += _engine(spec.engine)
    words += _hosttools(spec.hosttools)
    for name, path in spec.inputs.items():
        words += ["--ro-bind", str(path), f"/hb/inputs/{name}"]
    if spec.jobserver is not None:
        words += ["--bind", str(spec.jobserver), "/hb/jobserver"]
    if spec.kind == "target":
        words += _masks(Path("/usr"))
    for inside, path in spec.extra.items():
        words += ["--ro-bind", str(path), inside]
    # Last, since it is what forbids to make further mount points: a stray "install" to the host's root fails loudly.
    return [*words, "--remount-ro", "/", "--chdir", spec.cwd, "--", *argv]


def python_command(engine: Engine, module: str, *arguments: str) -> list[str]:
    """The argv, inside the sandbox, that calls ``main()`` of a module with ``arguments`` in ``sys.argv[1:]``. Nothing of how
    the interpreter is found stays in the environment of the programs that it starts."""
    places = ["/hb/engine", *(f"/hb/engine/packages/{number}" for number in range(len(engine.packages)))]
    code = (
        "import os, sys; os.environ.pop('LD_LIBRARY_PATH', None); "
        f"sys.path[:0] = {places!r}; from {module} import main; sys.exit(main())"
    )
    start = ["/usr/bin/env", f"LD_LIBRARY_PATH={engine.library_path}"] if engine.library_path else []
    return [*start, engine.program, "-I", "-S", "-B", "-c", code, *arguments]


def probe() -> Diagnostic | None:
    """None where sandboxes work here; else what is missing and what to do about it (HBE201, HBE202)."""
    if shutil.which("bwrap") is None:
        return Diagnostic(
            "HBE201",
            "bubblewrap (the program bwrap) is not installed",
            hint="install the package 'bubblewrap'; every task runs in it",
        )
    words = ["bwrap", *_namespaces(False), *_system(False), "--remount-ro", "/", "--", "/bin/sh", "-c", ":"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return Diagnostic("HBE202", "bubblewrap did not come back within 30 seconds")
    if done.returncode == 0:
        return None
    container = Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()
    return Diagnostic(
        "HBE202",
        f"bubblewrap can't make a sandbox here: {done.stderr.strip() or f'exit status {done.returncode}'}",
        hint=explain(done.stderr, _settings(), container),
    )


def explain(stderr: str, settings: Mapping[str, str], container: bool) -> str:
    """What to do about bubblewrap's complaint, given the kernel's settings (name → value) and whether we are in a container."""
    if container:
        return (
            "inside a container the container's own limits forbid it: start it with "
            "'--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined', "
            "or with '--privileged'"
        )
    if settings.get("user.max_user_namespaces") == "0":
        return "user namespaces are switched off: 'sysctl user.max_user_namespaces=10000' as root"
    if settings.get("kernel.unprivileged_userns_clone") == "0":
        return "user namespaces are only for root here: 'sysctl kernel.unprivileged_userns_clone=1' as root"
    if settings.get("kernel.apparmor_restrict_unprivileged_userns") == "1":
        return (
            "AppArmor keeps user namespaces from programs without a profile: add a profile for bwrap, or "
            "'sysctl kernel.apparmor_restrict_unprivileged_userns=0' as root"
        )
    if "nknown option" in stderr:
        return "bubblewrap is too old: 0.5 or later is needed"
    return "the kernel needs user, mount, pid, ipc, uts and network namespaces (CONFIG_USER_NS and the others)"


def _settings() -> dict[str, str]:
    found = {}
    for name in (
        "user.max_user_namespaces",
        "kernel.unprivileged_userns_clone",
        "kernel.apparmor_restrict_unprivileged_userns",
    ):
        path = Path("/proc/sys", *name.split("."))
        if path.exists():
            found[name] = path.read_text().strip()
    return found


def _namespaces(network: bool) -> list[str]:
    words = ["--unshare-user", "--uid", "0", "--gid", "0", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--hostname", "hadronbake", "--die-with-parent", "--cap-drop", "ALL"]
    for name in _CAPABILITIES:
        words += ["--cap-add", f"CAP_{name}"]
    return words if network else [*words, "--unshare-net"]


def _system(network: bool) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for name in _ROOT_LINKS:
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for name in ("passwd", "group", "hosts", "nsswitch.conf"):
        words += ["--ro-bind", str(_ETC / name), f"/etc/{name}"]
    for name in (*_HOST_ETC, *(_NETWORK_ETC if network else ())):
        # The name may be a link to a place that isn't there inside (/run/systemd/resolve): mount what it leads to.
        if Path(name).exists():
            words += ["--ro-bind", str(Path(name).resolve()), name]
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--dir", "/run"]
    return words


def _engine(engine: Engine) -> list[str]:
    words = ["--ro-bind", str(engine.package), "/hb/engine/hadronbake"]
    for number, path in enumerate(engine.packages):
        words += ["--ro-bind", str(path), f"/hb/engine/packages/{number}"]
    if engine.prefix is not None:
        words += ["--ro-bind", str(engine.prefix), "/hb/engine/python"]
    return words


def _hosttools(directory: Path) -> list[str]:
    """The directory itself; or, where programs lie outside of what is mounted, an entry for each program."""
    links = {entry.name: os.path.realpath(entry.path) for entry in os.scandir(directory)}
    visible = ("/usr/", *(f"/{name}/" for name in _ROOT_LINKS))
    if all(target.startswith(visible) for target in links.values()):
        return ["--ro-bind", str(directory), "/hb/hosttools"]
    words = ["--dir", "/hb/hosttools"]
    for name, target in sorted(links.items()):
        if target.startswith(visible):
            words += ["--symlink", target, f"/hb/hosttools/{name}"]
        else:
            words += ["--ro-bind-try", target, f"/hb/hosttools/{name}"]
    return words


@functools.cache
def _masks(usr: Path) -> list[str]:
    """Hides the host's libraries from whoever looks for them: pkg-config files, cmake modules, and all headers but those
    of the C and C++ library and the kernel, which the host's compiler needs for the programs that a build runs itself."""
    words: list[str] = []
    for pattern in _MASKED:
        for path in sorted(usr.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                words += ["--tmpfs", str(path)]
    include = usr / "include"
    if not include.is_dir():
        return words
    aside = "/hb/engine/host-include"
    words += ["--ro-bind", str(include), aside, "--tmpfs", str(include)]
    for name in _kept(include):
        words += ["--symlink", f"{aside}/{name}", f"{include}/{name}"]
    for directory in sorted(include.glob(f"{platform.machine()}-linux-*")):
        words += ["--dir", str(directory)]
        for name in _kept(directory):
            words += ["--symlink", f"{aside}/{directory.name}/{name}", f"{directory}/{name}"]
    return words


def _kept(directory: Path) -> Iterator[str]:
    return (name for name in sorted(path.name for path in directory.iterdir()) if name in TOP_LEVEL)
