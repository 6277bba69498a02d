"""``hbake run``: boot an image that was built, in QEMU."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from hadronbake.diagnostics import Diagnostic, HadronbakeError, closest

CONSOLE = "root=/dev/vda rw console=ttyS0"


def deploy_directory(topdir: Path, name: str) -> Path:
    """The directory of the newest build of an image, over all machines."""
    there: dict[str, list[Path]] = {}
    for path in (topdir / "deploy/images").glob("*/*"):
        if path.suffix in (".ext4", ".img") and path.stem.endswith(f"-{path.parent.name}"):
            there.setdefault(path.stem.removesuffix(f"-{path.parent.name}"), []).append(path)
    if name in there:
        return max(there[name], key=lambda path: path.stat().st_mtime).parent
    near = closest(name, there)
    hint = f"did you mean {near}?" if near else f"build it: hbake {name}"
    raise HadronbakeError(Diagnostic("HBC101", f"no image '{name}' in {topdir}/deploy/images", hint=hint))


def run(
    image: Annotated[str, typer.Argument(help="The image to boot.")] = "hadron-image",
    build_directory: Annotated[Path, typer.Option("--build-dir", help="The build directory.")] = Path("build"),
    memory: Annotated[int, typer.Option(help="Memory in MiB.")] = 1024,
    cpus: Annotated[int, typer.Option(help="Number of processors.")] = 2,
    append: Annotated[str, typer.Option(help="More words for the kernel's command line.")] = "",
    keep: Annotated[
        bool, typer.Option("--keep", help="Write to a copy of the disk that stays, beside the image (.run.*).")
    ] = False,
    accelerator: Annotated[
        str, typer.Option(help="kvm, tcg, or auto: KVM if a short trial shows that it works.")
    ] = "auto",
) -> None:
    """Boot an image in QEMU with a serial console on this terminal. Ctrl-A X leaves."""
    from hadronbake.images import qemu

    if accelerator not in ("auto", "kvm", "tcg"):
        raise HadronbakeError(
            Diagnostic("HBC102", f"--accelerator {accelerator}: no such accelerator", expected=("auto", "kvm", "tcg"))
        )
    kernel, disk = qemu.find_image(deploy_directory(build_directory, image), image)
    if keep:
        kept = disk.with_suffix(f".run{disk.suffix}")
        if not kept.exists():
            shutil.copyfile(disk, kept)
        disk = kept
    chosen = qemu.accelerator() if accelerator == "auto" else accelerator
    machine = qemu.Machine(
        kernel=kernel,
        disk=disk,
        append=f"{CONSOLE} {append}".strip(),
        firmware=qemu.firmware(build_directory / "uefi-variables.fd") if kernel is None else None,
        reboot=kernel is None,
        memory=memory,
        cpus=cpus,
        snapshot=not keep,
        accelerator=chosen,
    )
    print(f"hbake: booting {disk.name} with {chosen}; Ctrl-A X leaves", flush=True)
    sys.stdout.flush()
    os.execvp(qemu.PROGRAM, qemu.command(machine))


def register(app: typer.Typer) -> None:
    app.command("run")(run)
