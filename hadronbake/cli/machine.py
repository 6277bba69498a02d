"""``hbake run``: boot an image that was built, in QEMU."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadronbake.diagnostics import Diagnostic, HadronbakeError, closest

if TYPE_CHECKING:
    from hadronbake.images.qemu import Firmware, Image

CONSOLE = "root=/dev/vda rw console=ttyS0"
FIRMWARE = ("auto", "kernel", "bios", "uefi", "secure")
MEBIBYTE = 1 << 20


def find(topdir: Path, name: str | None) -> Image:
    """The newest image over all machines, or the newest of that name."""
    from hadronbake.images import qemu

    known = [image for deploy in sorted((topdir / "deploy/images").glob("*")) for image in qemu.images(deploy)]
    known.sort(key=lambda image: -image.time)
    wanted = [image for image in known if name in (None, image.name)]
    if wanted:
        return wanted[0]
    if name is None:
        raise HadronbakeError(
            Diagnostic("HBC101", f"no image in {topdir}/deploy/images", hint="build one: hbake hadron-image")
        )
    near = closest(name, [image.name for image in known])
    hint = f"did you mean {near}?" if near else f"build it: hbake {name}"
    raise HadronbakeError(Diagnostic("HBC101", f"no image '{name}' in {topdir}/deploy/images", hint=hint))


def choose(image: Image, firmware: str) -> str:
    """What starts the machine, where nobody says it: the kernel itself, else what the image is made for."""
    whole = image.iso or image.disk
    # What is signed is a program for UEFI.
    possible = {
        "kernel": image.root and image.kernel,
        "bios": None if image.signed else whole,
        "uefi": whole,
        "secure": whole,
    }
    if firmware == "auto":
        return "secure" if image.signed else "bios" if image.iso else "kernel" if possible["kernel"] else "uefi"
    if not possible[firmware]:
        there = tuple(name for name in FIRMWARE[1:] if possible[name])
        raise HadronbakeError(
            Diagnostic("HBC103", f"{image.name} can't be started by --firmware {firmware}", expected=there)
        )
    return firmware


@contextlib.contextmanager
def software_tpm(wanted: bool) -> Iterator[Path | None]:
    """The control socket of a TPM 2.0 that forgets everything at the end."""
    if not wanted:
        yield None
        return
    if shutil.which("swtpm") is None:
        raise HadronbakeError(Diagnostic("HBC104", "swtpm isn't installed", hint="install the package swtpm"))
    with tempfile.TemporaryDirectory() as directory:
        control = Path(directory) / "control"
        command = [
            "swtpm",
            "socket",
            "--tpm2",
            "--tpmstate",
            f"dir={directory}",
            "--ctrl",
            f"type=unixio,path={control}",
        ]
        with subprocess.Popen(command) as process:
            while not control.exists() and process.poll() is None:
                time.sleep(0.05)
            yield control
            process.terminate()


@contextlib.contextmanager
def disk_of(image: Image, kind: str, keep: bool, size: int) -> Iterator[Path]:
    """The file of the machine's disk; for a medium an empty one of ``size`` MiB, to install to."""
    source = None if image.iso else image.root if kind == "kernel" else image.disk
    place = image.iso or source
    assert place is not None
    kept = place.with_name(f"{place.stem}.run.{'img' if source is None else place.suffix[1:]}")
    with tempfile.TemporaryDirectory() as directory:
        if source is not None and not keep:
            yield source
            return
        target = kept if keep else Path(directory) / "disk.img"
        if source is not None and not target.exists():
            shutil.copyfile(source, target)
        elif not target.exists():
            with target.open("wb") as stream:
                stream.truncate(size * MEBIBYTE)
        yield target


def firmware_of(kind: str, build_directory: Path) -> Firmware | None:
    from hadronbake.images import qemu

    if kind == "secure":
        return qemu.firmware(build_directory / "uefi-variables.fd")
    return qemu.firmware(build_directory / "uefi-variables-open.fd", secure=False) if kind == "uefi" else None


def run(
    image: Annotated[
        str | None, typer.Argument(help="The image to boot (default: the newest).", show_default=False)
    ] = None,
    build_directory: Annotated[Path, typer.Option("--build-dir", help="The build directory.")] = Path("build"),
    memory: Annotated[int, typer.Option(help="Memory in MiB.")] = 1024,
    cpus: Annotated[int, typer.Option(help="Number of processors.")] = 2,
    firmware: Annotated[
        str,
        typer.Option(
            help="What starts the machine: kernel (no loader), bios, uefi, secure (UEFI with Secure Boot), auto."
        ),
    ] = "auto",
    tpm: Annotated[bool, typer.Option("--tpm", help="With a TPM 2.0 (swtpm), new each time.")] = False,
    append: Annotated[str, typer.Option(help="More words for the kernel's command line (--firmware kernel).")] = "",
    disk_size: Annotated[int, typer.Option(help="MiB of the empty disk beside an ISO.")] = 4096,
    keep: Annotated[
        bool, typer.Option("--keep", help="Write to a copy of the disk that stays, beside the image (.run.*).")
    ] = False,
    installed: Annotated[
        bool, typer.Option("--installed", help="Boot the disk that an ISO was installed to with --keep.")
    ] = False,
    accelerator: Annotated[
        str, typer.Option(help="kvm, tcg, or auto: KVM if a short trial shows that it works.")
    ] = "auto",
) -> None:
    """Boot an image or ISO in QEMU, with a disk, a network and a serial console on this terminal. Ctrl-] leaves."""
    from hadronbake.cli.console import attach
    from hadronbake.images import qemu

    for option, value, allowed in (
        ("--accelerator", accelerator, ("auto", "kvm", "tcg")),
        ("--firmware", firmware, FIRMWARE),
    ):
        if value not in allowed:
            raise HadronbakeError(Diagnostic("HBC102", f"{option} {value}: no such {option[2:]}", expected=allowed))
    found = find(build_directory, image)
    kind = choose(found, firmware)
    if shutil.which(qemu.PROGRAM) is None:
        raise HadronbakeError(
            Diagnostic("HBI121", f"{qemu.PROGRAM} isn't installed", hint="install the package qemu-system-x86")
        )
    chosen = qemu.accelerator() if accelerator == "auto" else accelerator
    with software_tpm(tpm) as control, disk_of(found, kind, keep or installed, disk_size) as disk:
        machine = qemu.Machine(
            kernel=found.kernel if kind == "kernel" else None,
            disk=disk,
            cdrom=None if installed else found.iso,
            append=f"{CONSOLE} {append}".strip(),
            firmware=firmware_of(kind, build_directory),
            reboot=kind != "kernel",
            memory=memory,
            cpus=cpus,
            snapshot=disk in (found.disk, found.root),
            accelerator=chosen,
            serial=("stdio",),
            tpm=control,
        )
        print(f"hbake: booting {found.name} by {kind} with {chosen}; Ctrl-] leaves", flush=True)
        status = attach(qemu.command(machine))
    raise typer.Exit(status)


def register(app: typer.Typer) -> None:
    app.command("run")(run)
