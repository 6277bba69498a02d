"""The sandbox: its command line, and what one finds inside."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hadronbake.execution import sandbox
from hadronbake.execution.sandbox import SandboxSpec, command, explain, probe, python_command

TOOLS = ("cat", "chmod", "chown", "env", "gcc", "hostname", "id", "ls", "mount", "ps", "sh", "stat", "sleep", "touch")


@pytest.fixture
def spec(tmp_path: Path) -> SandboxSpec:
    for name in ("work", "tools", "sysroot", "native", "sources"):
        (tmp_path / name).mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if found:
            (tmp_path / "tools" / tool).symlink_to(found)
    return SandboxSpec(
        work=tmp_path / "work",
        hosttools=tmp_path / "tools",
        sysroot=tmp_path / "sysroot",
        native=tmp_path / "native",
        sources=tmp_path / "sources",
    )


def run(spec: SandboxSpec, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(spec, ["/bin/sh", "-c", script]), capture_output=True, text=True, timeout=60)


def out(spec: SandboxSpec, script: str) -> str:
    done = run(spec, script)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_command_line_names_every_namespace(spec: SandboxSpec) -> None:
    words = command(spec, ["true"])
    for kind in ("user", "pid", "ipc", "uts", "net"):
        assert f"--unshare-{kind}" in words
    for word in ("--die-with-parent", "--new-session", "--clearenv"):
        assert word in words
    assert words[-2:] == ["--", "true"]
    assert "--unshare-net" not in command(spec.model_copy(update={"network": True}), ["true"])
    assert "--new-session" not in command(spec.model_copy(update={"terminal": True}), ["true"])


def test_host_tools_outside_of_usr_are_mounted_one_by_one(spec: SandboxSpec, tmp_path: Path) -> None:
    assert ["--ro-bind", str(spec.hosttools), "/hb/hosttools"] == words_before(command(spec, []), "/hb/hosttools")
    program = tmp_path / "own" / "ninja"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    (spec.hosttools / "ninja").symlink_to(program)
    words = command(spec, [])
    assert words_before(words, "/hb/hosttools/ninja") == ["--ro-bind-try", str(program), "/hb/hosttools/ninja"]
    assert words_before(words, "/hb/hosttools/cat")[0] == "--symlink"


def words_before(words: list[str], last: str) -> list[str]:
    at = words.index(last)
    return words[at - 2 : at + 1]


def test_a_host_without_bubblewrap_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert str(probe()) == (
        "error[HBE201]: bubblewrap (the program bwrap) is not installed\n"
        "  = hint: install the package 'bubblewrap'; every task runs in it"
    )


def test_a_bubblewrap_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = probe()
    assert found is not None
    assert found.code == "HBE202"
    assert found.message == "bubblewrap can't make a sandbox here: bwrap: No permissions to create a new namespace"


@pytest.mark.parametrize(
    ("settings", "container", "stderr", "words"),
    [
        ({"user.max_user_namespaces": "0"}, False, "", "sysctl user.max_user_namespaces=10000"),
        ({"kernel.unprivileged_userns_clone": "0"}, False, "", "sysctl kernel.unprivileged_userns_clone=1"),
        ({"kernel.apparmor_restrict_unprivileged_userns": "1"}, False, "", "AppArmor"),
        ({}, True, "", "--security-opt seccomp=unconfined"),
        ({}, False, "bwrap: Unknown option --perms", "too old"),
        ({"user.max_user_namespaces": "100"}, False, "", "CONFIG_USER_NS"),
    ],
)
def test_the_hint_fits_the_cause(settings: dict[str, str], container: bool, stderr: str, words: str) -> None:
    assert words in explain(stderr, settings, container)


@pytest.mark.sandbox
def test_sandboxes_work_here() -> None:
    assert probe() is None


@pytest.mark.sandbox
def test_identity_and_environment(spec: SandboxSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of the host")
    assert out(spec, "id -u; id -g; hostname; pwd") == "0\n0\nhadronbake\n/hb/work"
    spec = spec.model_copy(update={"environment": {"CC": "gcc -m64", "TZ": "CET"}})
    environment = dict(line.split("=", 1) for line in out(spec, "env").splitlines())
    assert environment.pop("PWD") == "/hb/work"
    assert environment == {
        "PATH": "/hb/native/usr/bin:/hb/hosttools",
        "HOME": "/hb/work/.home",
        "TZ": "CET",
        "LC_ALL": "C",
        "SHELL": "/bin/sh",
        "USER": "root",
        "CC": "gcc -m64",
    }


@pytest.mark.sandbox
def test_only_the_work_directory_and_tmp_can_be_written(spec: SandboxSpec, tmp_path: Path) -> None:
    (tmp_path / "sysroot/file").write_text("kept")
    (tmp_path / "sysroot/file").chmod(0o444)
    (tmp_path / "tree").mkdir()
    spec = spec.model_copy(update={"inputs": {"zlib/do_package": tmp_path / "tree"}})
    out(spec, "touch /hb/work/x /tmp/x /var/tmp/x /dev/shm/x; ls /hb/inputs/zlib/do_package; ls -d $HOME")
    assert (tmp_path / "work/x").exists()
    places = [
        "/",
        "/usr",
        "/etc",
        "/hb",
        "/hb/sysroot",
        "/hb/native",
        "/hb/sources",
        "/hb/engine",
        "/hb/hosttools",
        "/run",
    ]
    for place in [*places, "/hb/inputs/zlib/do_package", "/hb/engine/hadronbake", "/hb/inputs"]:
        assert run(spec, f"touch {place}/x").returncode != 0, place
    assert run(spec, "chmod 777 /hb/sysroot/file").returncode != 0
    assert run(spec, "mount -o remount,rw,bind /hb/sysroot").returncode != 0
    assert (tmp_path / "sysroot/file").stat().st_mode & 0o777 == 0o444


@pytest.mark.sandbox
def test_own_files_obey_whatever_their_mode(spec: SandboxSpec) -> None:
    assert out(spec, "touch a; chmod 0 a; echo x > a; cat a; chown 0:0 a; chmod 4755 a; stat -c %a a") == "x\n4755"


@pytest.mark.sandbox
def test_nothing_of_the_host_shows(spec: SandboxSpec) -> None:
    assert set(out(spec, "ls /").split()) <= {
        "bin", "dev", "etc", "hb", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "tmp", "usr", "var",
    }  # fmt: skip
    assert out(spec, "cat /etc/passwd").splitlines()[0] == "root:x:0:0:root:/hb/work/.home:/bin/sh"
    ours, hosts = (
        {"group", "hosts", "nsswitch.conf", "passwd"},
        {"alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"},
    )
    assert ours <= set(out(spec, "ls /etc").split()) <= ours | hosts
    # The sandbox's own processes only.
    assert len(out(spec, "ls /proc").split()) > 3
    assert {int(name) for name in out(spec, "ls /proc").split() if name.isdigit()} <= {1, 2, 3, 4}


@pytest.mark.sandbox
def test_there_is_no_network_unless_asked_for(spec: SandboxSpec) -> None:
    def interfaces(spec: SandboxSpec) -> set[str]:
        return {line.split(":")[0].strip() for line in out(spec, "cat /proc/net/dev").splitlines()[2:]}

    assert interfaces(spec) == {"lo"}
    with_network = spec.model_copy(update={"network": True})
    host = {line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]}
    assert interfaces(with_network) == host
    assert run(spec, "cat /etc/resolv.conf").returncode != 0
    if Path("/etc/resolv.conf").exists():
        assert out(with_network, "cat /etc/resolv.conf") == Path("/etc/resolv.conf").read_text().strip()


@pytest.mark.sandbox
def test_target_recipes_see_the_c_librarys_headers_only(spec: SandboxSpec) -> None:
    program = "#include <stdio.h>\n#include <sys/types.h>\n#include <linux/version.h>\n#include <errno.h>\nint main(void){return 0;}"
    (spec.work / "a.c").write_text(program)
    native = spec.model_copy(update={"kind": "native"})
    for each in (spec, native):
        out(each, "gcc -fsyntax-only a.c")
    others = [
        path for path in Path("/usr/include").iterdir() if path.name not in sandbox.TOP_LEVEL and path.suffix == ".h"
    ]
    for path in others[:3]:
        assert out(native, f"ls {path}") == str(path)
        assert run(spec, f"ls {path}").returncode != 0
    for directory in Path("/usr/lib").glob("*/pkgconfig"):
        assert out(spec, f"ls {directory}") == ""


@pytest.mark.sandbox
def test_python_runs_with_the_engine_and_leaves_no_trace_in_the_environment(spec: SandboxSpec) -> None:
    (spec.work / "probe.py").write_text("")
    code = python_command(spec.engine, "hadronbake.execution.sandbox", "x")
    script = "import os, sys, pydantic, hadronbake; print(sorted(os.environ)); print(hadronbake.__file__, sys.argv[1:])"
    words = [word.replace("from hadronbake.execution.sandbox import main; sys.exit(main())", script) for word in code]
    done = subprocess.run(command(spec, words), capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    names, where = done.stdout.splitlines()
    assert names == str(sorted([*sandbox.ENVIRONMENT, "PWD"]))
    assert where == "/hb/engine/hadronbake/__init__.py ['x']"
    home = Path(sys.base_prefix).parts[1]
    if home != "usr":
        assert run(spec, f"ls /{home}").returncode != 0


@pytest.mark.sandbox
def test_the_jobserver_can_be_written(spec: SandboxSpec, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    descriptor = os.open(tmp_path / "fifo", os.O_RDWR)
    try:
        out(spec.model_copy(update={"jobserver": tmp_path / "fifo"}), "printf + > /hb/jobserver")
        assert os.read(descriptor, 1) == b"+"
    finally:
        os.close(descriptor)


@pytest.mark.sandbox
def test_all_ends_with_bubblewrap(spec: SandboxSpec) -> None:
    process = subprocess.Popen(
        command(spec, ["/bin/sh", "-c", "sleep 4321 & sleep 4321 & echo ready; wait"]),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    # The pipe closes when the last process that holds it has gone.
    assert process.stdout.read() == ""
    process.wait()
