"""What the tests of hadron-image-ab share: the image, releases made from version 2, and the machine."""

import time
from collections.abc import Mapping
from pathlib import Path

from guest import TOPDIR, Guest, deployed
from trusted import BOOT_SECONDS, CREDENTIALS, Machines, copied

from hadronbake.images import qemu

NAME = "hadron-image-ab"


def next_release(suffix: str = ".release") -> Path:
    """The release of version 2, with what tests/boot/layer adds to it."""
    deploy = TOPDIR / "next/deploy/images"
    assert deploy.is_dir(), "version 2 isn't built: tests/boot/build-next"
    machine = next(deploy.iterdir())
    return machine / f"{NAME}-next-{machine.name}{suffix}"


def release() -> Path:
    return deployed() / f"{NAME}-{deployed().name}.release"


class SlotMachines(Machines):
    """As :class:`Machines`, by UEFI without keys or, where ``firmware`` is "bios", by BIOS.

    QEMU ends where the machine would restart, so that each start has a console log of its own.
    """

    firmware = "uefi"

    def disk(self) -> Path:
        return copied(deployed() / f"{NAME}-{deployed().name}.img", self.scratch / "disk.img")

    def boot(
        self,
        disk: Path,
        variables: Path | None = None,
        tpm: Path | None = None,
        credentials: Mapping[str, str] = CREDENTIALS,
        log: Path | None = None,
    ) -> Guest:
        firmware = qemu.firmware(self.scratch / "variables.fd", secure=False) if self.firmware == "uefi" else None
        machine = qemu.Machine(disk=disk, firmware=firmware, credentials=credentials, tpm=tpm, snapshot=False)
        self.guests.append(Guest(self.report, machine, f"console-{len(self.guests) + 1}", log=log))
        return self.guests[-1]

    def restarted(self, guest: Guest, disk: Path) -> Guest:
        """The machine at its next start."""
        guest.send("systemctl reboot")
        guest.process.wait(BOOT_SECONDS)
        return self.started(disk, None)

    def started_until(self, slot: str, disk: Path, most: int) -> tuple[Guest, int]:
        """The machine once it has started from a slot; the starts from the other one before, of which there may be ``most``."""
        for starts in range(most + 1):
            guest = self.boot(disk)
            limit = time.monotonic() + BOOT_SECONDS
            while guest.process.poll() is None and time.monotonic() < limit:
                if f" hadron.slot={slot} " in guest.console.read_text(errors="replace"):
                    guest.wait_start(1, BOOT_SECONDS)
                    return guest, starts
                time.sleep(1)
            guest.cut()
        raise AssertionError(f"{most + 1} starts, and none from slot {slot}")
