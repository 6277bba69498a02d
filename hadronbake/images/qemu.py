"""QEMU: the command line that boots an image, and whether KVM really works here.

``/dev/kvm`` may be there and still abort or hang (nested virtualisation), so a boot sector of ours is run under it.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError

PROGRAM = "qemu-system-x86_64"
OVMF = Path("/usr/share/OVMF")
PROBE_SECONDS = 15
# mov al, 0x10; mov dx, 0xf4; out dx, al; hlt — isa-debug-exit turns the value v into the exit status 2v + 1.
PROBE_CODE = bytes([0xB0, 0x10, 0xBA, 0xF4, 0x00, 0xEE, 0xF4])
PROBE_STATUS = 0x21


@dataclass(frozen=True, slots=True)
class Firmware:
    """UEFI: its code, a writable copy of its variables, and whether it knows Secure Boot."""

    code: Path
    variables: Path
    secure: bool = True


@dataclass(frozen=True, slots=True)
class Machine:
    """What is booted: ``kernel`` with ``initrd`` and the command line ``append``, or what ``cdrom`` or ``disk`` has, by ``firmware``:
    UEFI's, or None for the machine's BIOS. ``memory`` in MiB;
    ``snapshot``: writes to the disk are dropped at the end; ``tpm``: the control socket of a swtpm; ``credentials``: systemd's,
    name → text (systemd.system-credentials(7)); ``reboot``: whether a reboot starts the machine again."""

    disk: Path | None
    kernel: Path | None = None
    initrd: Path | None = None
    cdrom: Path | None = None
    append: str = ""
    firmware: Firmware | None = None
    memory: int = 1024
    cpus: int = 2
    snapshot: bool = True
    accelerator: str = "tcg"
    serial: tuple[str, ...] = ("mon:stdio",)
    tpm: Path | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)
    reboot: bool = False


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
    secure = machine.firmware is not None and machine.firmware.secure
    # With a thread for each processor TCG may run code that another has just patched: now and then a kernel that sets its static
    # keys ends at an int3 that it had taken away.
    accelerator = "tcg,thread=single" if machine.accelerator == "tcg" else machine.accelerator
    result = [PROGRAM, "-M", "q35,smm=on" if secure else "q35", "-accel", accelerator, "-cpu", "max"]
    result += ["-smp", str(machine.cpus), "-m", str(machine.memory), "-display", "none", "-nodefaults"]
    if not machine.reboot:
        result.append("-no-reboot")
    if machine.kernel is not None:
        result += ["-kernel", str(machine.kernel), "-append", machine.append]
        if machine.initrd is not None:
            result += ["-initrd", str(machine.initrd)]
    if machine.firmware is not None:
        result += _firmware(machine.firmware)
    if machine.disk is not None:
        result += [
            "-drive",
            f"file={machine.disk},format=raw,if=none,id=disk,snapshot={'on' if machine.snapshot else 'off'}",
        ]
        result += ["-device", "virtio-blk-pci,drive=disk,bootindex=1"]
    if machine.cdrom is not None:
        result += ["-drive", f"file={machine.cdrom},format=raw,media=cdrom,if=none,id=cdrom,readonly=on"]
        # A kernel of its own takes the first place.
        result += ["-device", "ide-cd,drive=cdrom" if machine.kernel else "ide-cd,drive=cdrom,bootindex=0"]
    result += ["-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci"]
    if machine.tpm is not None:
        result += ["-chardev", f"socket,id=tpm,path={machine.tpm}", "-tpmdev", "emulator,id=tpm0,chardev=tpm"]
        result += ["-device", "tpm-tis,tpmdev=tpm0"]
    for name, text in machine.credentials.items():
        coded = base64.b64encode(text.encode()).decode()
        result += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={coded}"]
    for port in machine.serial:
        result += ["-serial", port]
    return result


def _firmware(firmware: Firmware) -> list[str]:
    """Code and variables as flash chips; the variables are safe from the system if only code in SMM may write them."""
    result = []
    if firmware.secure:
        result += ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1"]
    for unit, (path, access) in enumerate(((firmware.code, "readonly=on"), (firmware.variables, "readonly=off"))):
        result += ["-drive", f"if=pflash,unit={unit},format=raw,{access},file={path}"]
    return result


def firmware(variables: Path, secure: bool = True) -> Firmware:
    """OVMF with Secure Boot, and no keys yet: ``variables`` is made if it isn't there. HadronbakeError if OVMF isn't installed."""
    code = OVMF / ("OVMF_CODE_4M.secboot.fd" if secure else "OVMF_CODE_4M.fd")
    if not code.exists():
        raise HadronbakeError(Diagnostic("HBI122", f"{code} isn't there", hint="install the package ovmf"))
    if not variables.exists():
        shutil.copyfile(OVMF / "OVMF_VARS_4M.fd", variables)
    return Firmware(code, variables, secure)


@dataclass(frozen=True, slots=True)
class Image:
    """What a build gave: a medium, a whole disk, a root filesystem and the kernel beside it; each a file, or None. ``time``:
    when the newest was put there (``st_ctime``: a build's files have one ``st_mtime``); ``signed``: whether it is made for Secure Boot."""

    name: str
    time: float
    iso: Path | None = None
    disk: Path | None = None
    root: Path | None = None
    kernel: Path | None = None
    signed: bool = False


def images(deploy: Path) -> list[Image]:
    """All images in a deploy directory (``deploy/images/<machine>``), by name."""
    found: dict[str, dict[str, Path]] = {}
    for kind, suffix in (("iso", ".iso"), ("disk", ".img"), ("root", ".ext4")):
        for path in deploy.glob(f"*-{deploy.name}{suffix}"):
            found.setdefault(path.name.removesuffix(f"-{deploy.name}{suffix}"), {})[kind] = path
    kernel = deploy / "bzImage"
    beside = kernel if kernel.exists() else None
    # What a program measures is only told of those that are signed.
    signed = {path.name.removesuffix(f"-{deploy.name}.pcr11") for path in deploy.glob(f"*-{deploy.name}.pcr11")}
    return [
        Image(name, max(path.stat().st_ctime for path in files.values()), kernel=beside, signed=name in signed, **files)
        for name, files in sorted(found.items())
    ]


def find_image(deploy: Path, name: str) -> tuple[Path | None, Path]:
    """Kernel and root filesystem of an image in a deploy directory, or None and a whole disk, which boots by itself.
    HadronbakeError with a hint if they aren't there."""
    kernel: Path | None = deploy / "bzImage"
    disk = deploy / f"{name}-{deploy.name}.ext4"
    whole = disk.with_suffix(".img")
    if whole.exists() and not disk.exists():
        kernel, disk = None, whole
    for path in filter(None, (kernel, disk)):
        if not path.exists():
            raise HadronbakeError(Diagnostic("HBI120", f"{path} isn't there", hint=f"build it: hbake {name}"))
    if shutil.which(PROGRAM) is None:
        raise HadronbakeError(
            Diagnostic("HBI121", f"{PROGRAM} isn't installed", hint="install the package qemu-system-x86")
        )
    return kernel, disk
