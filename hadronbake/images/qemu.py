"""QEMU: the command line that boots an image, and whether KVM really works here.

``/dev/kvm`` may be there and still abort or hang (nested virtualisation), so a boot sector of ours is run under it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError

PROGRAM = "qemu-system-x86_64"
PROBE_SECONDS = 15
# mov al, 0x10; mov dx, 0xf4; out dx, al; hlt — isa-debug-exit turns the value v into the exit status 2v + 1.
PROBE_CODE = bytes([0xB0, 0x10, 0xBA, 0xF4, 0x00, 0xEE, 0xF4])
PROBE_STATUS = 0x21


@dataclass(frozen=True, slots=True)
class Machine:
    """What is booted. ``memory`` in MiB; ``snapshot``: writes to the disk are dropped at the end; ``append``: kernel command line."""

    kernel: Path
    disk: Path
    append: str
    memory: int = 1024
    cpus: int = 2
    snapshot: bool = True
    accelerator: str = "tcg"
    serial: tuple[str, ...] = ("mon:stdio",)


def accelerator() -> str:
    """Return "kvm" if a boot sector runs under it within the time limit, else "tcg"."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK) or shutil.which(PROGRAM) is None:
        return "tcg"
    with tempfile.TemporaryDirectory() as directory:
        sector = Path(directory) / "probe.img"
        sector.write_bytes(PROBE_CODE.ljust(510, b"\0") + b"\x55\xaa")
        command = [
            PROGRAM,
            "-M",
            "q35",
            "-accel",
            "kvm",
            "-cpu",
            "host",
            "-m",
            "64",
            "-display",
            "none",
            "-nodefaults",
            "-no-reboot",
        ]
        command += [
            "-device",
            "isa-debug-exit,iobase=0xf4,iosize=0x1",
            "-drive",
            f"file={sector},format=raw,if=ide,snapshot=on",
        ]
        try:
            done = subprocess.run(
                command, timeout=PROBE_SECONDS, capture_output=True, stdin=subprocess.DEVNULL, check=False
            )
        except subprocess.TimeoutExpired:
            return "tcg"
    return "kvm" if done.returncode == PROBE_STATUS else "tcg"


def command(machine: Machine) -> list[str]:
    """The argument list. ``-cpu max`` is what the chosen accelerator can do at most."""
    drive = f"file={machine.disk},format=raw,if=virtio,snapshot={'on' if machine.snapshot else 'off'}"
    result = [
        PROGRAM,
        "-M",
        "q35",
        "-accel",
        machine.accelerator,
        "-cpu",
        "max",
        "-smp",
        str(machine.cpus),
        "-m",
        str(machine.memory),
    ]
    result += [
        "-display",
        "none",
        "-nodefaults",
        "-no-reboot",
        "-kernel",
        str(machine.kernel),
        "-append",
        machine.append,
        "-drive",
        drive,
    ]
    result += ["-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci"]
    for port in machine.serial:
        result += ["-serial", port]
    return result


def find_image(deploy: Path, name: str) -> tuple[Path, Path]:
    """Kernel and disk of an image in a deploy directory; HadronbakeError with a hint if they aren't there."""
    kernel, disk = deploy / "bzImage", deploy / f"{name}-{deploy.name}.ext4"
    for path in (kernel, disk):
        if not path.exists():
            raise HadronbakeError(Diagnostic("HBI120", f"{path} isn't there", hint=f"build it: hbake {name}"))
    if shutil.which(PROGRAM) is None:
        raise HadronbakeError(
            Diagnostic("HBI121", f"{PROGRAM} isn't installed", hint="install the package qemu-system-x86")
        )
    return kernel, disk
