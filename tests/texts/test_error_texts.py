"""The exact texts of errors that no golden case of the language or the metadata comes to: sources, steps, images, shared state."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hadronbake.artifacts import cas, checkout, collection, quota, tree
from hadronbake.artifacts.digest import Digest
from hadronbake.artifacts.signing import Keyring
from hadronbake.artifacts.store import Store
from hadronbake.cli import editor, machine, main
from hadronbake.cli.authoring import node_of
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import HadronbakeError, engine_failure, render
from hadronbake.execution import builds, difference, sandbox, taskrunner
from hadronbake.execution.shell import shell_command
from hadronbake.execution.worker import Worker
from hadronbake.fetching import debian, git, uri
from hadronbake.fetching.model import FetchSettings
from hadronbake.images import disk, filesystem, image, initramfs, keys, ownership, qemu, rootfs
from hadronbake.language.parser import parse_bytes, parse_file
from hadronbake.lsp.analyst import Analyst
from hadronbake.metadata.failures import system_failure
from hadronbake.metadata.payloads import make_payload
from hadronbake.metadata.workspace import Workspace
from hadronbake.remotes import opening
from hadronbake.remotes.settings import _needed, remote
from hadronbake.steps import archives, patch, quality, unpack
from hadronbake.steps.package import Permission

DIGEST = Digest(hash="ab" * 32, size=3)
COMMIT = "1" * 40


def text_of(function: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(HadronbakeError) as caught:
        function(*arguments)
    return str(caught.value)


def raised(error: HadronbakeError) -> None:
    raise error


def parsed(text: str) -> None:
    git.repository_url(uri.parse_uri(text))


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        (
            raised,
            (cas.missing(DIGEST),),
            f"error[HBA001]: blob {DIGEST.hash} (3 bytes) is missing from shared state\n  = hint: what needs it is built again",
        ),
        (
            raised,
            (tree.malformed("it ends too early"),),
            "error[HBA007]: a directory message of shared state is malformed: it ends too early",
        ),
        (
            raised,
            (checkout._in_the_way("/out/usr"),),
            "error[HBA009]: '/out/usr' can't be restored: something of another kind is there",
        ),
        (
            raised,
            (tree.too_large("is deeper than 9 directories"),),
            "error[HBA010]: a tree of shared state is deeper than 9 directories",
        ),
        (
            collection._refuse,
            ("ac/00/ab",),
            "error[HBA012]: the record ac/00/ab is of another version of hadronbake: what it names isn't known, so nothing can be "
            "deleted\n  = hint: collect with the newest version that uses this shared state",
        ),
        (
            quota.parse_size,
            ("much", "HB_CACHE_SIZE"),
            "error[HBA030]: HB_CACHE_SIZE: 'much' is no size\n  = hint: a number with K, M, G or T, for example 20G",
        ),
        (
            uri.parse_uri,
            ("a.patch",),
            "error[HBF001]: not a URI in SRC_URI: 'a.patch'\n  = hint: a file of the layer is written file://name",
        ),
        (uri.parse_uri, ("https://",), "error[HBF001]: not a URI in SRC_URI: 'https://'"),
        (
            uri.parse_uri,
            ("https://example.org/a;unpack",),
            "error[HBF003]: parameter 'unpack' is not NAME=VALUE, in 'https://example.org/a;unpack'",
        ),
        (
            uri.source_entries,
            ("https://example.org/a.tar", {"sha256sum": "123"}),
            "error[HBF004]: not a SHA-256: SRC_URI[sha256sum] = \"123\", for 'https://example.org/a.tar'\n"
            "  = hint: it has 64 hexadecimal digits, this has 3",
        ),
        (
            uri.parse_mirrors,
            ("https://.*/.*",),
            "error[HBF005]: the mirrors have a pattern without replacement: 'https://.*/.*'\n  = hint: they come in pairs",
        ),
        (
            parsed,
            (f"git://example.org/x;protocol=htps;rev={COMMIT}",),
            f"error[HBF022]: unknown protocol 'htps' in 'git://example.org/x;protocol=htps;rev={COMMIT}'\n"
            "  = hint: git, https, http, ssh, file",
        ),
        (
            debian.parse_place,
            (uri.parse_uri("debsrc://zlib/zlib.tar.gz"),),
            "error[HBF040]: not debsrc://SOURCE/SUITE/FILENAME: 'debsrc://zlib/zlib.tar.gz'",
        ),
        (
            raised,
            (archives._damaged(Path("a.tar.gz"), "it ends too early"),),
            "error[HBS102]: a.tar.gz is damaged: it ends too early\n  = hint: is its sha256sum that of the file that was meant?",
        ),
        (
            unpack._below,
            (Path("/hb/work"), "../x", "subdir", SimpleNamespace(uri="file://a")),
            "error[HBS111]: subdir '../x' leaves /hb/work, in file://a",
        ),
        (patch._number, ("one", "striplevel"), "error[HBS112]: striplevel must be a number, not 'one'"),
        (
            unpack._needed,
            (None, "WORKDIR"),
            "error[HBS113]: WORKDIR is not set\n  = hint: base.bbclass and bitbake.conf set it",
        ),
        (
            patch.apply,
            (patch.Patch(Path("a.patch"), Path("/no/such/place"), 1, 0),),
            "error[HBS204]: a.patch applies in /no/such/place, which is no directory",
        ),
        (
            quality.report,
            ([quality.Finding("some-check", "zlib", "something is wrong")], {"some-check"}, set()),
            "error[HBS310]: zlib: something is wrong [some-check]",
        ),
        (
            rootfs.apply_modes,
            (Path("/no/such/root"), [Permission(path="/usr/bin/x", mode=0o755)]),
            "error[HBI107]: FILE_PERMS names /usr/bin/x, which isn't in the image",
        ),
        (filesystem.run, (["false"], os.environ), "error[HBI111]: false failed with status 1: "),
        (
            keys._call,
            (Path("/"), "no-such-program"),
            "error[HBI141]: no-such-program isn't installed\n  = hint: install the package efitools",
        ),
        (
            taskrunner.Steps().__getattr__,
            ("unpak",),
            "error[HBE303]: there is no step module hb.unpak\n  = hint: did you mean hb.unpack?",
        ),
    ],
)
def test_text(function: Callable[..., Any], arguments: tuple[Any, ...], text: str) -> None:
    assert text_of(function, *arguments) == text


def test_shared_state_refuses_what_is_no_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    (tmp_path / "work").mkdir()
    os.mkfifo(tmp_path / "work/pipe")
    assert text_of(store.put_tree, tmp_path, ["work"]) == (
        f"error[HBA003]: '{tmp_path}/work/pipe' is a fifo; an output may hold only files, directories and symbolic links\n"
        "  = hint: what a system needs in /dev or /run is made when it starts (tmpfiles.d, sysusers.d)"
    )
    (tmp_path / "work/pipe").unlink()
    (tmp_path / os.fsdecode(b"work/caf\xe9")).write_text("")
    assert text_of(store.put_tree, tmp_path, ["work"]).startswith("error[HBA004]: b'")


def test_shared_state_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "state")

    def refuse() -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(store.cas, "temporary", refuse)
    assert text_of(store.check_writable) == (
        f"error[HBA011]: shared state {tmp_path}/state can't be written: Permission denied\n"
        "  = hint: what it holds can be used, but nothing new be kept: set SSTATE_DIR to a directory of your own"
    )


def test_remote_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hadronbake.remotes.reapi", None)
    text = text_of(opening.make, remote("grpc://cache.example.org:9092"))
    assert text.startswith(
        "error[HBA024]: the remote grpc://cache.example.org:9092 speaks gRPC, for which a Python package is missing: "
    )
    assert text.endswith("\n  = hint: install hadronbake with its extra 'reapi': pip install 'hadronbake[reapi]'")


def test_build_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "1.json.gz"
    path.write_bytes(b"no build")
    assert text_of(builds.read, path) == f"error[HBE041]: the build {path} can't be read: it is damaged"


def test_task_that_a_build_did_not_come_to() -> None:
    build = SimpleNamespace(tasks={}, side=SimpleNamespace(name="build @2, of yesterday"))
    assert text_of(difference._task_of, build, "lib:do_build", None) == (
        "error[HBE044]: build @2 has no task lib:do_build\n  = hint: name a task: lib:do_install, for example"
    )


def test_signing_key_of_another_kind(tmp_path: Path) -> None:
    key = tmp_path / "signing.key"
    key.write_text("no key\n")
    text = text_of(lambda: Keyring(tmp_path, [], key).own)
    assert text.startswith(f"error[HBA021]: the signing key {tmp_path}/signing.key can't be read: ")


def test_a_file_that_changes_while_it_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * (cas._SMALL + 1))
    store = Store(tmp_path / "store")
    monkeypatch.setattr(cas, "of_file", lambda _: DIGEST)
    (tmp_path / "work").mkdir()
    path.rename(tmp_path / "work/big")
    assert text_of(store.put_tree, tmp_path, ["work"]) == (
        "error[HBA008]: a file changed while it was put into shared state"
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "repository"
    path.mkdir()
    identity = ["-c", "user.name=a", "-c", "user.email=a"]
    for words in (["init", "-q"], [*identity, "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *words], cwd=path, check=True)
    return path


def test_git(repository: Path, tmp_path: Path) -> None:
    entry = uri.parse_uri(f"git://{repository};protocol=file;rev={COMMIT}")
    text = text_of(git._packed, entry, "HEAD", "none", repository)
    assert text == f"error[HBF025]: the commit has no directory 'none', in '{entry.uri}'"
    text = text_of(git._archive, entry, COMMIT, repository, tmp_path / "out.tar")
    assert text.startswith(f"error[HBF024]: git can't pack '{entry.uri}': ")


def test_worker(tmp_path: Path) -> None:
    worker = Worker(tmp_path, Store(tmp_path / "store"), tmp_path, tmp_path, None, {})
    task = SimpleNamespace(name="do_populate_sysroot", outputs=("a", "b"), location=None)
    node: Any = SimpleNamespace(pn="zlib", label="zlib:do_populate_sysroot", task=task)
    assert text_of(worker._put, node) == (
        "error[HBE021]: zlib:do_populate_sysroot must have one output directory, not 2\n"
        '  = hint: do_populate_sysroot[sstate-inputdirs] = "${SYSROOT_DESTDIR}"'
    )
    task.outputs = ("out",)
    (worker.work("zlib").path / "out/usr").mkdir(parents=True)
    assert text_of(worker._put, node) == (
        "error[HBE022]: zlib:do_populate_sysroot made usr beside the directories sysroot and native\n"
        "  = hint: what goes to /hb/sysroot belongs in sysroot/, what goes to /hb/native in native/"
    )


def test_a_shell_in_a_sandbox_that_is_gone(tmp_path: Path) -> None:
    spec = sandbox.SandboxSpec(work=tmp_path / "gone", hosttools=tmp_path)
    (tmp_path / "logs/zlib").mkdir(parents=True)
    (tmp_path / "logs/zlib/do_compile.sandbox.json").write_text(spec.model_dump_json())
    assert text_of(shell_command, tmp_path, "zlib:compile") == (
        "error[HBE031]: what the sandbox of zlib:do_compile had is gone, because the build went on\n"
        "  = hint: make it again: hbake -f -c compile zlib"
    )


def test_a_sandbox_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("bwrap", 30)

    monkeypatch.setattr(sandbox.shutil, "which", lambda _: "/usr/bin/bwrap")
    monkeypatch.setattr(sandbox.subprocess, "run", hang)
    found = sandbox.probe()
    assert found is not None
    assert render(found) == "error[HBE202]: bubblewrap did not come back within 30 seconds"


def test_an_unknown_archive(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"what")
    assert text_of(archives.unpack, tmp_path / "a.xyz", tmp_path / "out") == (
        "error[HBS104]: a.xyz is no archive of a known kind"
    )


def test_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "manifest.json").write_text('{"owners": [{"path": "/x", "user": "postgres", "group": "root"}]}')
    assert text_of(ownership.read, tmp_path, tmp_path / "manifest.json") == (
        "error[HBI108]: /x belongs to the user 'postgres', which the image doesn't have\n  = hint: ship a sysusers.d file"
    )
    (tmp_path / "root").mkdir()
    (tmp_path / 'root/a"b').write_text("")
    assert text_of(filesystem.inode_commands, tmp_path / "root", {}, 0) == (
        "error[HBI109]: '/a\"b': a name with a quote or newline can't be put into an ext4 image"
    )
    monkeypatch.setattr(filesystem, "run", lambda *_: "debugfs 1.47\n/x: File not found\n")
    monkeypatch.setattr(filesystem, "inode_commands", lambda *_: "")
    assert text_of(filesystem.write, tmp_path / "root", tmp_path / "out", {}, 0, "x", 0) == (
        "error[HBI110]: debugfs: /x: File not found"
    )
    values = {"IMAGE_FSTYPES": "ext5", "SOURCE_DATE_EPOCH": "0"}
    assert text_of(image.run, SimpleNamespace(getVar=values.get)) == (
        "error[HBI112]: IMAGE_FSTYPES: no way to make 'ext5'\n  = expected: tar.zst, ext4\n  = hint: did you mean ext4?"
    )


def test_packages_of_two_recipes(tmp_path: Path) -> None:
    for recipe in ("one", "two"):
        place = tmp_path / recipe / "do_package/packages-split"
        place.mkdir(parents=True)
        (place / "zlib.json").write_text(
            f'{{"name": "zlib", "recipe": "{recipe}", "version": "1", "files": [], "licence": "MIT"}}'
        )
    assert text_of(rootfs.read_packages, tmp_path) == (
        "error[HBI104]: package zlib comes from two recipes: one and two"
    )


def test_firmware_that_cannot_start_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    image = SimpleNamespace(name="small-image", root=None, kernel=None, iso=None, disk="small.img", signed=False)
    assert text_of(machine.choose, image, "kernel") == (
        "error[HBC103]: small-image can't be started by --firmware kernel\n  = expected: bios, uefi, secure"
    )
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert text_of(machine.software_tpm(True).__enter__) == (
        "error[HBC104]: swtpm isn't installed\n  = hint: install the package swtpm"
    )


def test_initramfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tmp_path / "small-image"
    assert text_of(initramfs.check_runs, tree) == (
        'error[HBI144]: dracut needs bash, and small-image has none\n  = hint: IMAGE_INSTALL += "dracut"'
    )
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/bash").write_bytes(b"")
    ended = subprocess.CompletedProcess([], 1, "dracut[E]: Module 'x' cannot be found.\n", "bwrap: no permission\n")
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: ended)
    monkeypatch.setattr(initramfs, "architecture", lambda shell: os.uname().machine)
    assert (
        text_of(initramfs.check_runs, tree) == "error[HBI142]: bubblewrap can't enter the image: bwrap: no permission"
    )
    monkeypatch.setattr(initramfs, "architecture", lambda shell: "m68k")
    assert text_of(initramfs.check_runs, tree).startswith(
        "error[HBI145]: the image is for m68k, whose programs don't run on "
    )
    assert text_of(initramfs.gather, tree, tmp_path, [], [], 0) == (
        "error[HBI143]: dracut failed with status 1: dracut[E]: Module 'x' cannot be found."
    )


def test_virtual_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy = tmp_path / "box"
    deploy.mkdir()
    text = text_of(qemu.find_image, deploy, "thing-image")
    assert text.startswith(f"error[HBI120]: {deploy}/")
    assert text.endswith(" isn't there\n  = hint: build it: hbake thing-image")
    (deploy / "thing-image-box.img").write_text("")
    monkeypatch.setattr(qemu.shutil, "which", lambda _: None)
    assert text_of(qemu.find_image, deploy, "thing-image") == (
        "error[HBI121]: qemu-system-x86_64 isn't installed\n  = hint: install the package qemu-system-x86"
    )
    monkeypatch.setattr(qemu, "OVMF", tmp_path)
    assert text_of(qemu.firmware, tmp_path / "vars") == (
        f"error[HBI122]: {tmp_path}/OVMF_CODE_4M.secboot.fd isn't there\n  = hint: install the package ovmf"
    )
    (tmp_path / "keys").mkdir()
    assert text_of(keys.make_secureboot, tmp_path / "keys", "x") == (
        f"error[HBI140]: {tmp_path}/keys is there already\n  = hint: remove it first if its keys are of no use any more"
    )
    content = tmp_path / "content"
    with content.open("wb") as stream:
        stream.truncate(3 << 20)
    monkeypatch.setattr(disk.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0))
    assert text_of(disk.write, tmp_path / "disk", [disk.Partition("root", "linux", 2 << 20, content)]) == (
        "error[HBI130]: content has 3 MiB, its partition root 2\n"
        "  = hint: a larger IMAGE_SLOT_SIZE, IMAGE_ESP_SIZE or IMAGE_STATE_SIZE (MiB)"
    )


def test_unreadable_and_hopeless_files(tmp_path: Path) -> None:
    (tmp_path / "a.bb").symlink_to("a.bb")
    (found,) = parse_file(tmp_path / "a.bb").diagnostics
    assert render(found) == f"error[HBL004]: can't be read: Too many levels of symbolic links\n --> {tmp_path}/a.bb"
    found = parse_bytes(b"x\n" * 100_000, "a.bb", "recipe").diagnostics[-1]
    assert render(found).startswith("error[HBL006]: too many errors, the rest of the file is not read\n")


def test_the_language_server_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in ("pygls", "lsprotocol")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.startswith("hadronbake.lsp")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pygls", None)
    monkeypatch.setitem(sys.modules, "lsprotocol", None)
    text = text_of(editor.lsp)
    assert text.startswith("error[HBC191]: the language server needs the Python package ")
    assert text.endswith("  = hint: pip install 'hadronbake[lsp]'")


def hbake(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    monkeypatch.setattr(sys, "argv", ["hbake", *words])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return ended.value.code


def test_nothing_to_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert hbake(monkeypatch, "lint") == 1
    assert capsys.readouterr().err == (
        "error[HBC141]: nothing to look at\n  = hint: name files or directories, or go to a build directory\n"
    )


def test_an_error_of_the_engine_itself_says_so_and_keeps_the_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("inner")

    monkeypatch.setattr("hadronbake.cli.codes.table", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert hbake(monkeypatch, "explain", "HBL101") == 1
    (kept,) = tmp_path.glob("hadronbake-error-*.txt")
    assert capsys.readouterr().err == (
        "error[HBM063]: an error in hadronbake itself, not in your metadata, while running hbake explain HBL101: "
        "KeyError: 'inner'\n"
        f"  = note: the traceback is kept ({kept})\n"
        "  = hint: please report it with that file and what you did\n"
    )
    assert 'raise KeyError("inner")' in kept.read_text()


def test_the_traceback_is_kept_where_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/no/such/directory/at/all\0")
    item = engine_failure(ValueError("x"), "testing", tmp_path)
    assert [note for _, note in item.notes] == ["the traceback is kept"]
    assert str(item.notes[0][0]).startswith(f"{tmp_path}/logs/hadronbake-error-")


def test_what_the_system_refuses() -> None:
    assert render(system_failure(PermissionError(13, "Permission denied", "/root/x"))) == (
        "error[HBM064]: the system says: Permission denied: /root/x"
    )


def test_the_workspace(tmp_path: Path) -> None:
    with pytest.raises(HadronbakeError) as caught:
        Workspace.open(tmp_path / "none", {})
    assert str(caught.value).startswith(
        f"error[HBM005]: {tmp_path}/none is no build directory: there is no {tmp_path}/none/conf/bblayers.conf\n"
    )
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/bblayers.conf").write_text('BBPATH = "${TOPDIR}"\n')
    with pytest.raises(HadronbakeError) as caught:
        Workspace.open(tmp_path, {}, prefiles=("nosuch.conf",))
    assert str(caught.value).startswith("error[HBM004]: configuration file nosuch.conf (option -r) doesn't exist\n")


def test_what_the_models_do_not_have(tmp_path: Path) -> None:
    workspace: Any = SimpleNamespace(recipes={"/layer/zlib.bb": None})
    assert text_of(Workspace._recipe, workspace, "/layer/zlb.bb") == (
        "error[HBM070]: there is no recipe /layer/zlb.bb\n  = hint: did you mean /layer/zlib.bb?"
    )
    d = DataStore()
    d.setVar("PN", "zlib")
    d.setVar("__BBTASKS", ["do_compile"])
    assert text_of(make_payload, "/layer/zlib.bb", "do_compil", d) == (
        "error[HBM050]: zlib has no task do_compil\n  = hint: did you mean do_compile?"
    )
    assert text_of(_needed, {}.get, "HB_CACHE_KEY") == (
        "error[HBA023]: HB_CACHE_KEY has no value\n  = hint: set HB_CACHE_KEY in conf/local.conf"
    )


def test_no_repository_has_the_commit(tmp_path: Path) -> None:
    entry = uri.parse_uri(f"git://example.org/x;protocol=https;rev={COMMIT}")
    settings = FetchSettings(downloads=tmp_path, offline=True)
    assert text_of(git.fetch_archive, entry, [entry], settings, lambda _: None).startswith(
        f"error[HBF023]: no repository has the commit {COMMIT} of '{entry.uri}'\n"
        "    https://example.org/x: not asked, the network is off"
    )


def test_the_language_server_shows_what_failed(tmp_path: Path) -> None:
    analyst: Any = SimpleNamespace(topdir=tmp_path)
    (item,) = Analyst._failure(analyst, "the reader ended").diagnostics
    assert render(item) == f"error[HBC190]: the reader ended\n --> {tmp_path}/conf/bblayers.conf"


def test_a_cache_elsewhere_of_an_unknown_kind() -> None:
    assert text_of(remote, "gopher://cache.example.org/x", {}) == (
        "error[HBA022]: HB_CACHE_REMOTES: 'gopher://cache.example.org/x' begins with 'gopher:'\n"
        "  = hint: a path, file://, http://, https://, grpc:// or grpcs://"
    )


def test_relations_of_a_task_that_is_not_there() -> None:
    network: Any = SimpleNamespace(relation="tasks", nodes={"zlib:do_install": None})
    providers = SimpleNamespace(resolve=lambda name: name)
    workspace: Any = SimpleNamespace(recipes={"zlib": SimpleNamespace(pn="zlib")}, providers=providers)
    assert text_of(node_of, "zlib:do_instal", network, workspace) == (
        "error[HBC142]: there is no task zlib:do_instal in this build\n  = hint: did you mean zlib:do_install?"
    )
