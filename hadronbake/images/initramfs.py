"""do_initramfs: dracut, run in the finished tree of an image (bubblewrap makes it the root), and what it gathers as an archive.

The tree's own programs run: where they are for another architecture, the kernel must know an interpreter for them (qemu-user,
registered in binfmt_misc with the flag F).
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.images import cpio
from hadronbake.steps.data import Data, words

# Of the ELF header's e_machine.
MACHINES = {0x03: "i386", 0x3E: "x86_64", 0x28: "arm", 0xB7: "aarch64", 0xF3: "riscv64", 0x15: "ppc64", 0x16: "s390x"}
OUT = "/tmp/out"


def run(d: Data) -> None:
    """``<IMAGE_LINK_NAME>.cpio.zst`` below IMGDEPLOYDIR.

    Reads IMAGE_ROOTFS, WORKDIR, DRACUT_MODULES (exactly these, and those they need), DRACUT_OPTIONS, SOURCE_DATE_EPOCH.
    """
    tree, target = Path(d.getVar("IMAGE_ROOTFS") or ""), Path(d.getVar("IMGDEPLOYDIR") or "")
    scratch = Path(d.getVar("WORKDIR") or "") / "dracut"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    check_runs(tree)
    epoch = int(d.getVar("SOURCE_DATE_EPOCH") or 0)
    modules = words(d.getVar("DRACUT_MODULES"))
    gathered = gather(tree, scratch, modules, words(d.getVar("DRACUT_OPTIONS")), epoch)
    target.mkdir(parents=True, exist_ok=True)
    cpio.write(gathered, target / f"{d.getVar('IMAGE_LINK_NAME')}.cpio.zst", epoch)


def enter(tree: Path, scratch: Path | None = None, epoch: int = 0) -> list[str]:
    """The command line before a program of the tree. ``scratch`` is at :data:`OUT`; nothing else can be written and stays."""
    # Devices are put into the archive, whether or not they can be made here.
    environment = {"PATH": "/usr/bin", "HOME": "/tmp", "LC_ALL": "C", "TZ": "UTC", "SOURCE_DATE_EPOCH": str(epoch)}
    environment["DRACUT_NO_MKNOD"] = "1"
    words = ["bwrap", "--unshare-user", "--uid", "0", "--gid", "0", "--unshare-net", "--cap-add", "CAP_DAC_OVERRIDE"]
    words += ["--ro-bind", str(tree), "/", "--bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev"]
    words += ["--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--tmpfs", "/run"]
    words.append("--clearenv")
    for name, value in environment.items():
        words += ["--setenv", name, value]
    if scratch is not None:
        words += ["--bind", str(scratch), OUT]
    return [*words, "--die-with-parent", "--chdir", "/", "--"]


def architecture(program: Path) -> str:
    """Of an ELF file; "unknown" for anything else."""
    with program.open("rb") as stream:
        header = stream.read(20)
    if len(header) < 20 or header[:4] != b"\x7fELF":
        return "unknown"
    return MACHINES.get(struct.unpack("<H" if header[5] == 1 else ">H", header[18:20])[0], "unknown")


def check_runs(tree: Path) -> None:
    """Raises HadronbakeError where the tree's shell can't be run here."""
    shell = tree / "usr/bin/bash"
    if not shell.exists():
        raise HadronbakeError(
            Diagnostic("HBI144", f"dracut needs bash, and {tree.name} has none", hint='IMAGE_INSTALL += "dracut"')
        )
    done = subprocess.run([*enter(tree), "/usr/bin/bash", "-c", ":"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    foreign = architecture(shell)
    if foreign != os.uname().machine:
        raise HadronbakeError(
            Diagnostic(
                "HBI145",
                f"the image is for {foreign}, whose programs don't run on this {os.uname().machine}; dracut is one of them",
                hint=f"register qemu-{foreign} in binfmt_misc with the flag F (packages qemu-user-static and binfmt-support)",
            )
        )
    raise HadronbakeError(Diagnostic("HBI142", f"bubblewrap can't enter the image: {done.stderr.strip()[-2000:]}"))


def kernel_options(tree: Path) -> list[str]:
    """Modules of the newest kernel in the tree; a kernel without modules gives none."""
    found = [path for path in (tree / "usr/lib/modules").glob("*") if (path / "modules.dep").exists()]
    if not any(any(path.rglob("*.ko*")) for path in found):
        return ["--no-kernel", "--kver", "none"]
    return ["--kver", max(path.name for path in found)]


def gather(tree: Path, scratch: Path, modules: Sequence[str], options: Sequence[str], epoch: int) -> Path:
    """The directory below ``scratch`` with what dracut put together. Raises HadronbakeError with the end of its output."""
    command = ["/usr/bin/bash", "/usr/bin/dracut", "--force", "--keep", "--no-hostonly", "--no-early-microcode"]
    command += ["--reproducible", "--nostrip", "--nohardlink", "--no-compress", "--tmpdir", OUT, *kernel_options(tree)]
    command += ["--modules", " ".join(modules), *options, f"{OUT}/initramfs.img"]
    done = subprocess.run(
        [*enter(tree, scratch, epoch), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout, flush=True)
    # dracut goes on without a module that it was told to take.
    missing = [line for line in done.stdout.splitlines() if "dracut[E]" in line or "dracut[F]" in line]
    gathered = sorted(scratch.glob("dracut.*/initramfs"))
    if done.returncode or missing or not gathered:
        raise HadronbakeError(
            Diagnostic(
                "HBI143",
                f"dracut failed with status {done.returncode}: " + "\n".join(missing or done.stdout.splitlines()[-5:]),
            )
        )
    return gathered[0]
